"""Events from outside: operators send them; they and auditors read them."""

from __future__ import annotations

import secrets
from typing import Any

from events.actions import receive_event
from tests.security.matrix import Row, expect
from tests.world import World
from verbs.call import Call


def _sent(_world: World, _kwargs: dict[str, Any]) -> dict[str, Any]:
    """An event that nobody has sent yet."""
    return {
        "specversion": "1.0", "id": secrets.token_hex(8), "source": "/tests", "type": "tests.said",
    }  # fmt: skip


def an_event(world: World) -> dict[str, object]:
    """An event that was taken in."""
    return {"id": receive_event(call=Call(world.operator), **_sent(world, {})).id}


_READ = expect(403, operator=200, auditor=200, admin=200)
ROWS = {
    "events:list": Row(GET=_READ),
    "events:detail": Row(make=an_event, GET=_READ),
    "events-api:list": Row(GET=_READ, POST=expect(403, body=_sent, operator=201, admin=201)),
    "events-api:detail": Row(make=an_event, GET=_READ),
}
