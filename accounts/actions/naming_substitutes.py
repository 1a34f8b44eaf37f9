"""Naming a substitute, changing the dates, ending it; in the caller's transaction.

It is recorded of the person who is stood in for, whose actor is locked.
"""

from __future__ import annotations

import datetime as dt
import uuid

from django.utils.translation import gettext as _

from accounts.actions.actor_entries import note
from accounts.models import Actor, Substitution
from accounts.selectors import actors_by_username, who_only_look
from accounts.substitutions import is_over, not_over
from ledger.clock import now, rfc3339
from ledger.errors import Conflict, Invalid, NotFound
from ledger.record import ActorRef

#: For so many somebody stands in at most, now or later: with every act of theirs all are looked at.
MOST = 20


def lock_person(tenant_id: uuid.UUID, actor_id: uuid.UUID) -> Actor:
    """Lock the actor of somebody who is stood in for. Raises NotFound."""
    rows = Actor.objects.select_for_update(of=("self",))
    actor = rows.filter(tenant_id=tenant_id, id=actor_id).first()
    if actor is None:
        raise NotFound
    return actor


def add(
    actor: Actor,
    substitute: str,
    *,
    group: str,
    since: dt.datetime | None,
    until: dt.datetime,
    by: ActorRef,
) -> Substitution:
    """Let a member stand in for the locked actor. Raises Invalid, and Conflict where they stand in
    for too many."""
    tenant_id, moment = actor.tenant_id, now()
    begins = since or moment
    _check_dates(begins, until)
    other = _who_may(actor, substitute)
    if not_over(tenant_id).filter(substitute_id=other).count() >= MOST:
        said = _("They stand in for %(n)d already: that is the most.") % {"n": MOST}
        raise Conflict(said, code="too_many")
    row = Substitution(
        tenant_id=tenant_id, person=actor, substitute_id=other, group_name=group, since=begins,
        until=until, created_by_id=by.id, created_at=moment,
    )  # fmt: skip
    row.save(force_insert=True)
    note(actor, "substitution_added", by, payloads=said_of(row))
    return row


def _who_may(actor: Actor, username: str) -> uuid.UUID:
    found = actors_by_username(actor.tenant_id, [username]).get(username)
    if found is None:
        said = _("no active member is called '%(name)s'") % {"name": username}
        raise Invalid.field("/substitute", said, code="unknown")
    if found == actor.id:
        raise Invalid.field("/substitute", _("nobody stands in for themselves"), code="itself")
    if who_only_look(actor.tenant_id, [found]):
        said = _("is an auditor and changes nothing")
        raise Invalid.field("/substitute", said, code="only_looks")
    return found


def change(
    actor: Actor,
    row: Substitution,
    *,
    since: dt.datetime | None,
    until: dt.datetime | None,
    by: ActorRef,
) -> None:
    """Set other dates of one that is not over; its beginning while it has not begun. Raises
    Conflict, Invalid."""
    if is_over(row):
        raise Conflict(_("It is over; make a new one."), code="substitution_over")
    if since is not None and since != row.since and row.since <= now():
        raise Conflict(_("It has begun already."), code="substitution_begun")
    before = said_of(row)
    begins, ends = since or row.since, until or row.until
    _check_dates(begins, ends)
    if (begins, ends) == (row.since, row.until):
        return
    row.since, row.until = begins, ends
    _save(row, "since", "until")
    note(actor, "substitution_changed", by, payloads={**said_of(row), "before": before})


def end(actor: Actor, row: Substitution, *, by: ActorRef) -> None:
    """End one at once. What is over already stays as it is."""
    if is_over(row):
        return
    row.ended_at = now()
    _save(row, "ended_at")
    note(actor, "substitution_ended", by, payloads=said_of(row))


def said_of(row: Substitution) -> dict[str, str]:
    """Return what entries keep of one."""
    return {
        "substitute": str(row.substitute_id), "group": row.group_name,
        "since": rfc3339(row.since), "until": rfc3339(row.until),
    }  # fmt: skip


def _save(row: Substitution, *fields: str) -> None:
    row.version += 1
    row.save(update_fields=[*fields, "version"])


def _check_dates(since: dt.datetime, until: dt.datetime) -> None:
    if until <= now():
        raise Invalid.field("/until", _("must lie in the future"), code="past")
    if until <= since:
        raise Invalid.field("/until", _("must be later than it begins"), code="past")
