"""Settings are one's own; substitutes are named by the person, or by a tenant admin."""

from __future__ import annotations

import datetime as dt
import secrets
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accounts.actions import create_token
from accounts.managed_people import tokens_of
from accounts.models import Substitution
from ledger.clock import now
from ledger.tenancy import tenant_scope
from people.actions import add_member
from people.substituting import substitute
from tests.security.matrix import Expect, Row, expect
from tests.signing import public_of, registered, retire_all
from tests.world import World
from verbs.call import Call


def analysts_token(world: World) -> dict[str, object]:
    """Make the analyst a token, and return which it is."""
    create_token(world.analyst, name="A program")
    with tenant_scope(world.analyst.tenant_id):
        newest = tokens_of(world.analyst)[0]
    return {"id": newest.public_id}


def _member(world: World) -> dict[str, object]:
    """Somebody who joined just now."""
    said = {"username": f"guest-{secrets.token_hex(6)}", "account": {}}
    return {"id": add_member(call=Call(world.admin), **said).actor_id}


def _newcomer(_world: World, _kwargs: dict[str, object]) -> dict[str, object]:
    return {"username": f"guest-{secrets.token_hex(6)}", "account": {"name": "A guest"}}


def _newcomer_by_form(_world: World, _kwargs: dict[str, object]) -> dict[str, object]:
    return {"username": f"guest-{secrets.token_hex(6)}", "new": "on"}


def _admins(status: int, **more: Any) -> Expect:
    """For tenant admins; one of another tenant is none here."""
    return expect(403, admin=status, **more)


def _over(world: World) -> None:
    """Let whatever was named be over: nobody stands in for many, and the cast is everybody's."""
    with tenant_scope(world.system.tenant_id):
        Substitution.objects.filter(ended_at=None).update(ended_at=now())


def _substitution(world: World) -> dict[str, object]:
    """The surveyor will stand in for the analyst, long after all this."""
    _over(world)
    named = {"substitute": world.surveyor.username, "since": FAR, "until": FAR + DAY}
    return {"id": substitute(call=Call(world.analyst), **named).id}


def _of_the_agent(world: World, _kwargs: dict[str, object]) -> dict[str, object]:
    """The agent is to stand in."""
    _over(world)
    return {"substitute": world.agent.username, "since": "2099-01-01T00:00:00Z", "until": LATER}


def _agent_or_not(status: int) -> Expect:
    """The one who is named may not name themselves."""
    return expect(status, agent=422, auditor=403, outsider=422, body=_of_the_agent)


def _agents_key(world: World) -> dict[str, object]:
    """A key of the agent that was registered just now; one before it is used no more."""
    retire_all(world.agent)
    return {"id": registered(world.agent).id}


def _new_key(_world: World, _kwargs: dict[str, object]) -> dict[str, object]:
    return {"name": "A program", "public_key": public_of(Ed25519PrivateKey.generate())}


_LOST = {"reason": "It was in a log"}
DAY = dt.timedelta(days=1)
FAR = dt.datetime(2099, 1, 1, tzinfo=dt.UTC)
LATER = "2100-01-01T00:00:00Z"

ROWS = {
    "people-api:substitution-list": Row(GET=expect(200), POST=_agent_or_not(201)),
    "people-api:substitution-detail": Row(
        make=_substitution,
        GET=expect(200),
        PATCH=expect(403, analyst=200, admin=200, body={"until": LATER}),
        DELETE=expect(403, analyst=200, surveyor=200, admin=200),
    ),
    "people:substitutions": Row(GET=expect(200), POST=_agent_or_not(303)),
    "people:substitution-edit": Row(
        make=_substitution,
        GET=expect(200),
        POST=expect(403, analyst=303, admin=303, body={"until": LATER}),
    ),
    "people:substitution-end": Row(
        make=_substitution, POST=expect(403, analyst=303, surveyor=303, admin=303)
    ),
    "people-api:signature_key-list": Row(GET=expect(200), POST=expect(201, body=_new_key)),
    "people-api:signature_key-detail": Row(
        make=_agents_key, GET=expect(200), DELETE=expect(403, agent=200, admin=200)
    ),
    "people-api:signature_key-report-compromise": Row(
        make=_agents_key, POST=expect(403, agent=200, admin=200, body=_LOST)
    ),
    "people:signature-keys": Row(GET=expect(200), POST=expect(303, body=_new_key)),
    "people:signature-key-retire": Row(
        make=_agents_key, GET=expect(200), POST=expect(403, agent=303, admin=303)
    ),
    "people:signature-key-report-compromise": Row(
        make=_agents_key, GET=expect(200), POST=expect(403, agent=303, admin=303, body=_LOST)
    ),
    "people:settings": Row(
        GET=expect(200), POST=expect(303, body={"language": "", "time_zone": ""})
    ),
    "people:token-create": Row(POST=expect(201, body={"name": "A program"})),
    # Tenant admins end those of others.
    "people:token-revoke": Row(make=analysts_token, POST=expect(404, analyst=303, admin=303)),
    "people-api:token-list": Row(GET=expect(200), POST=expect(201, body={"name": "A program"})),
    "people-api:token-detail": Row(
        make=analysts_token,
        GET=expect(404, analyst=200, admin=200),
        DELETE=expect(404, analyst=200, admin=200),
    ),
    "people-api:actor-list": Row(GET=expect(200), POST=_admins(201, body=_newcomer)),
    "people-api:actor-detail": Row(
        make=_member,
        GET=expect(200),
        PATCH=_admins(200, body={"groups": ["guests"]}),
        DELETE=_admins(200),
    ),
    "people-api:actor-reactivate": Row(make=_member, POST=_admins(200)),
    "people:members": Row(GET=expect(200), POST=_admins(303, body=_newcomer_by_form)),
    "people:member-edit": Row(
        make=_member, GET=expect(200), POST=_admins(303, body={"groups": "guests"})
    ),
    "people:member-deactivate": Row(make=_member, GET=expect(200), POST=_admins(303)),
    "people:member-reactivate": Row(make=_member, POST=_admins(303)),
}
