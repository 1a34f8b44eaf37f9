"""How many statements the operations of a work item take beside its work; the counts are exact."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from ledger.clock import now
from tests import states
from tests.integration.test_statements import ONE_SUBJECT, statements
from tests.world import World
from verbs.call import Call
from workitems import actions
from workitems.lifecycle import Status

LATER = dt.timedelta(days=1)
# In which status, what is said, and how many statements that takes.
COUNTS: dict[str, tuple[Status, dict[str, Any], int]] = {
    "fail": (Status.IN_PROGRESS, {"detail": "No such file"}, 3),
    "delegate": (Status.ASSIGNED, {"to": ""}, 6),
    "accept-delegation": (Status.DELEGATED, {}, 4),
    "decline-delegation": (Status.DELEGATED, {}, 4),
    "forward": (Status.ASSIGNED, {"candidate_groups": ["analysts"], "candidate_users": [""]}, 8),
    "suspend": (Status.IN_PROGRESS, {"until": LATER}, 4),
    "resume": (Status.SUSPENDED, {}, 4),
    "skip": (Status.PENDING, {"reason": "Paid already"}, 3),
    "extend": (Status.PENDING, {"due_at": LATER}, 3),
    "assign": (Status.PENDING, {"assignee": ""}, 7),
}


@pytest.mark.parametrize("name", sorted(COUNTS))
def test_an_operation_takes_so_many_statements(world: World, name: str) -> None:
    status, said, wanted = COUNTS[name]
    item = states.item_in(status, world.operator)
    body = {member: _meant(world, value) for member, value in said.items()}
    verb = getattr(actions, name.replace("-", "_"))
    sent = statements(lambda: verb(item.id, call=Call(world.operator), **body))
    assert len(sent) == wanted, "\n".join(sent)
    assert wanted <= ONE_SUBJECT


def _meant(world: World, value: Any) -> Any:
    """Return a value as it is; a moment in so much time, and somebody for a name left out."""
    if isinstance(value, dt.timedelta):
        return now() + value
    if isinstance(value, list):
        return [_meant(world, each) for each in value]
    return value or world.analyst.username
