"""Removing whose an actor's token is. What the token did stays, and nobody can say who it was.

A user may be a member of other organisations, which is nobody's business here: the user is removed
where the database finds no other membership, and stays where it does, without a word.
"""

from __future__ import annotations

import logging
import urllib.parse
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import IntegrityError, connection, transaction

from accounts.acting import system_of
from accounts.actions import lock_tenant, note_on_tenant
from accounts.actions.actor_entries import note
from accounts.models import Actor
from ledger.erasure.identity import Called, Identities
from ledger.erasure.naming import Names
from ledger.record import ActorRef

log = logging.getLogger(__name__)
# Of longer names no more ends are taken for the family's.
_MOST_WORDS = 8
_MEMBER = (
    "(SELECT m.id FROM accounts_membership m"
    " WHERE m.tenant_id = %(tenant)s AND m.actor_id = %(actor)s)"
)
# What hangs on a membership, and then itself.
_OF_MEMBER = (
    *(
        f"DELETE FROM {table} WHERE tenant_id = %(tenant)s AND membership_id IN {_MEMBER}"  # noqa: S608  -- own words
        for table in ("accounts_apitoken", "web_idempotencykey", "accounts_groupmembership")
    ),
    "DELETE FROM accounts_signaturekey WHERE tenant_id = %(tenant)s AND actor_id = %(actor)s",
    "DELETE FROM accounts_membership WHERE tenant_id = %(tenant)s AND actor_id = %(actor)s",
)
# Whether a text is one of the names they are called by, however it was typed.
_CALLED = "lower(btrim({})) IN (SELECT lower(name) FROM unnest(%(called)s::text[]) name)"
# What is kept of a user beside memberships. `%(user)s`, and for what knows no user all that they
# are `%(called)s`: whoever signs in may write the name large, or take the address for it.
_OF_USER = (
    f"DELETE FROM django_admin_log WHERE user_id = %(user)s OR {_CALLED.format('object_repr')}",  # noqa: S608  -- own words
    "DELETE FROM accounts_user_groups WHERE user_id = %(user)s",
    "DELETE FROM accounts_user_user_permissions WHERE user_id = %(user)s",
    f"DELETE FROM axes_accesslog WHERE {_CALLED.format('username')}",  # noqa: S608  -- own words
    f"DELETE FROM axes_accessfailurelog WHERE {_CALLED.format('username')}",  # noqa: S608  -- own words
    "DELETE FROM accounts_user WHERE id = %(user)s",
)
_ATTEMPTS = (
    "SELECT id, username, concat_ws(chr(10), get_data, post_data) FROM axes_accessattempt"  # noqa: S608  -- own words
    " WHERE concat_ws(chr(10), username, get_data, post_data) ILIKE ANY(%(likes)s)"
    f" OR {_CALLED.format('username')}"
)
_OF_ATTEMPTS = (
    "DELETE FROM axes_accessattemptexpiration WHERE access_attempt_id = ANY(%(ids)s)",
    "DELETE FROM axes_accessattempt WHERE id = ANY(%(ids)s)",
)


def called(tenant_id: uuid.UUID, actor_id: uuid.UUID) -> Called | None:
    """Return what a member is called by: the username, the name in either order, the address, and
    the user's id in either form; None where nobody is behind the token."""
    rows = Actor.objects.filter(tenant_id=tenant_id, id=actor_id).select_related("user")
    actor = rows.first()
    if actor is None or actor.user is None:
        return None
    user = actor.user
    texts = [*_orders(user.get_full_name()), user.email, str(user.id), user.id.hex]
    if user.email:
        texts.append(urllib.parse.quote(user.email))
    return Called(user.username, [each for each in dict.fromkeys(texts) if each])


def _orders(name: str) -> Iterator[str]:
    """Give a name, and it turned about at each blank: which of the words are the family's is not
    always kept apart."""
    words = name.split()
    yield name
    for place in range(1, min(len(words), _MOST_WORDS)):
        first, last = " ".join(words[:place]), " ".join(words[place:])
        yield from (f"{last} {first}", f"{last}, {first}")


def remove(tenant_id: uuid.UUID, actor_id: uuid.UUID, names: Names) -> None:
    """Remove who is behind an actor: membership, mapping, and the user, whom `names` find, if
    nothing else needs it. In the role of erasure."""
    actors = Actor.objects.filter(tenant_id=tenant_id, id=actor_id)
    actor = actors.select_for_update(of=("self",)).first()
    if actor is None or actor.user_id is None:
        return
    user_id = actor.user_id
    for statement in _OF_MEMBER:
        _raw(statement, tenant=tenant_id, actor=actor_id)
    actors.update(user=None, is_active=False)
    _remove_user(user_id, names)


def _remove_user(user_id: uuid.UUID, names: Names) -> None:
    try:
        with transaction.atomic():
            _raw("SET CONSTRAINTS ALL IMMEDIATE")
            for statement in _OF_USER:
                _raw(statement, user=user_id, called=names.called)
            _remove_attempts(names)
            Session.objects.filter(session_key__in=list(_sessions(user_id))).delete()
    except IntegrityError:
        # Somewhere else the same person is a member still.
        log.info("a user whose membership was erased stays: something else needs it")


def _remove_attempts(names: Names) -> None:
    """Remove what is kept of failed attempts to sign in as them, and where whatever else was sent
    names them. By those of others, who may be called `al.smith`, others are held off: they stay."""
    with connection.cursor() as cursor:
        cursor.execute(_ATTEMPTS, {"likes": names.likes, "called": names.called})
        ids = [id_ for id_, username, sent in cursor.fetchall() if _is_of(names, username, sent)]
    for statement in _OF_ATTEMPTS:
        _raw(statement, ids=ids)


def _is_of(names: Names, username: str, sent: str) -> bool:
    """Whether an attempt names them. `sent`: a line each, as `name=value`."""
    tried: list[str] = [username]
    others: list[str] = []
    for line in sent.splitlines():
        name, _, value = line.partition("=")
        (tried if name == "username" else others).append(value)
    called = {each.casefold() for each in names.called}
    return any(each.strip().casefold() in called for each in tried) or any(map(names.names, others))


def _sessions(user_id: uuid.UUID) -> Iterator[str]:
    store = SessionStore()
    rows = Session.objects.values_list("session_key", "session_data")
    for key, data in rows.iterator(chunk_size=500):
        if store.decode(data).get("_auth_user_id") == str(user_id):
            yield key


def _raw(statement: str, **values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def note_erasure(
    tenant_id: uuid.UUID,
    actor_id: uuid.UUID,
    action: str,
    by: uuid.UUID,
    payloads: Mapping[str, Any],
) -> None:
    """Record, as the system on somebody's word, what was done about an actor's data."""
    system = system_of(tenant_id)
    ref = ActorRef(system.actor_id, system.actor_type, "system", on_behalf_of=by)
    actors = Actor.objects.filter(tenant_id=tenant_id, id=actor_id)
    actor = actors.select_for_update(of=("self",)).get()
    note(actor, action, ref, payloads=payloads, kind="ERASURE")


def note_pruned(
    tenant_id: uuid.UUID, action: str, by: uuid.UUID, payloads: Mapping[str, Any]
) -> None:
    """Record, as the system on somebody's word, what was done to the whole organisation."""
    system = system_of(tenant_id)
    ref = ActorRef(system.actor_id, system.actor_type, "system", on_behalf_of=by)
    note_on_tenant(tenant_id, action, by=ref, payloads=dict(payloads), kind="ERASURE")


IDENTITIES = Identities(
    called=called, remove=remove, note=note_erasure, note_on_tenant=note_pruned,
    lock_tenant=lock_tenant,
)  # fmt: skip
