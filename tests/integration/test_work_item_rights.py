"""Every status, operation and role over the API, against tables written by hand.

`work_item_rights.csv` lists what is allowed: every triple that is not there must be refused.
`work_item_roles.csv` says, after the column "who" of DESIGN §5, who has the right at all; whether
that is asked before the state is the order of DESIGN §8: another tenant 404, no right 403, then a
state that does not allow it 409. A refused call leaves the item as it is.
"""

from __future__ import annotations

import csv
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from ledger.tenancy import tenant_scope
from tests import states
from tests.clients import api
from tests.world import World
from verbs.call import Call
from workitems import actions
from workitems.lifecycle import Status
from workitems.models import WorkItem

HERE = Path(__file__).parent
#: Who each role is. The assignee and the candidate may take it through their groups, the excluded
#: one could, but is shut out; a stranger is a member whom the item does not concern. Owner and
#: stakeholder may not take it: they answer for it, and look on.
ROLES = {
    "assignee": "analyst",
    "candidate": "surveyor",
    "operator": "operator",
    "approver": "approver",
    "auditor": "auditor",
    "excluded": "underwriter",
    "owner": "compliance",
    "stakeholder": "agent",
    "stranger": "bystander",
    "other tenant": "outsider",
}
LATER = "2100-01-01T00:00:00Z"
BODIES: dict[str, Callable[[World], dict[str, Any]]] = {
    "edit": lambda _world: {"priority": "LOW"},
    "assign": lambda world: {"assignee": world.surveyor.username},
    "complete": lambda _world: {"outcome": "PASSED"},
    "reject": lambda _world: {"reason": "No"},
    "fail": lambda _world: {"detail": "No"},
    "delegate": lambda world: {"to": world.surveyor.username},
    "forward": lambda _world: {"candidate_groups": ["compliance"]},
    "skip": lambda _world: {"reason": "No"},
    "cancel": lambda _world: {"reason": "No"},
    "extend": lambda _world: {"due_at": LATER},
    "change-owner": lambda world: {"owner": world.surveyor.username},
    "compensate": lambda _world: {"reason": "Forged"},
    "reassign": lambda world: {"assignee": world.surveyor.username},
    "attest": lambda _world: {"evidence": "Receipt 7"},
    "abandon": lambda _world: {"reason": "Small"},
}
ON_THE_UNDO = {"retry", "reassign", "hand-to-human", "attest", "abandon", "withdraw"}


def _table(name: str) -> list[list[str]]:
    with (HERE / name).open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))[1:]


ALLOWED = {
    (status, operation, role)
    for status, operation, roles in _table("work_item_rights.csv")
    for role in roles.split()
}
RIGHTS = {operation: (set(had.split()), set(free.split()))
          for operation, had, free in _table("work_item_roles.csv")}  # fmt: skip


def test_the_tables_name_what_there_is() -> None:
    assert {status for status, _, _ in ALLOWED} <= set(Status.values)
    assert {operation for _, operation, _ in ALLOWED} == set(RIGHTS)
    assert {role for _, _, role in ALLOWED} <= set(ROLES)
    # Whatever is allowed is somebody's right.
    for status, operation, role in ALLOWED:
        assert role in RIGHTS[operation][status == Status.PENDING]


def item_in(world: World, status: Status) -> WorkItem:
    """Return an item of which the assignee has or had the work, unless nobody has taken it."""
    who = world.analyst
    late = {"completion": {"within": "P1D", "breach": [{"do": "expire"}]}}
    if status == Status.ESCALATED:
        late["completion"]["breach"] = [{"do": "escalate"}]
    item = states.new_item(
        world.operator,
        candidate_groups=["analysts", "surveyors", "underwriters"],
        excluded_users=[world.underwriter.username],
        owner=world.compliance.username,
        stakeholders=[world.agent.username],
        skippable=True,
        deadlines=late,
    )
    if status == Status.PENDING:
        return states.stored(world, item.id)
    actions.claim(item.id, call=Call(who))
    if status == Status.DELEGATED:
        actions.assign(item.id, call=Call(world.operator), assignee=world.surveyor.username)
        actions.delegate(item.id, call=Call(world.surveyor), to=who.username)
    elif status != Status.ASSIGNED:
        actions.start(item.id, call=Call(who))
        _MADE[status](world, item)
    found = states.stored(world, item.id)
    assert found.status == status
    assert found.assignee_id == who.actor_id
    return found


def _complete(world: World, item: WorkItem) -> None:
    actions.complete(item.id, call=Call(world.analyst), outcome="PASSED")


def _undoing(world: World, item: WorkItem) -> Any:
    _complete(world, item)
    return actions.compensate(item.id, call=Call(world.operator), reason="Forged")


def _undone(world: World, item: WorkItem, outcome: str) -> None:
    states.undo(_undoing(world, item).attempt.compensation_id, world.analyst, outcome)


_MADE: dict[Status, Callable[[World, WorkItem], Any]] = {
    Status.IN_PROGRESS: lambda _world, _item: None,
    Status.SUSPENDED: lambda world, item: actions.suspend(item.id, call=Call(world.operator)),
    Status.COMPLETED: _complete,
    Status.REJECTED: lambda world, item: actions.reject(
        item.id, call=Call(world.analyst), reason="No"
    ),
    Status.FAULTED: lambda world, item: actions.fail(
        item.id, call=Call(world.analyst), detail="No"
    ),
    Status.CANCELLED: lambda world, item: actions.cancel(
        item.id, call=Call(world.operator), reason="No"
    ),
    Status.OBSOLETE: lambda world, item: actions.skip(
        item.id, call=Call(world.operator), reason="No"
    ),
    Status.EXPIRED: lambda _world, item: states.miss(item),
    Status.ESCALATED: lambda _world, item: states.miss(item),
    Status.COMPENSATING: _undoing,
    Status.COMPENSATED: lambda world, item: _undone(world, item, "REVERSED"),
    Status.COMPENSATION_FAULTED: lambda world, item: _undone(world, item, "CANNOT_REVERSE"),
}  # fmt: skip


def call(client: Client, world: World, item: WorkItem, operation: str) -> Any:
    """Call an operation on an item over the API."""
    root = f"/api/v1/work-items/{item.id}"
    body = BODIES[operation](world) if operation in BODIES else {}
    if operation == "edit":
        return client.patch(root, body, content_type="application/json")
    place = "compensation/" if operation in ON_THE_UNDO else ""
    return client.post(f"{root}/{place}{operation}", body, content_type="application/json")


def refusal_of(status: Status, operation: str, role: str) -> int:
    """Return the status code with which somebody is refused what is not allowed."""
    if role == "other tenant":
        return 404
    return 409 if role in RIGHTS[operation][status == Status.PENDING] else 403


@pytest.mark.parametrize("status", list(Status))
def test_what_is_not_listed_is_refused(world: World, status: Status) -> None:
    item = item_in(world, status)
    clients = {role: api(world.of(person)) for role, person in ROLES.items()}
    wrong: list[tuple[str, str, object, object]] = []
    for operation, role in itertools.product(RIGHTS, ROLES):
        if (status, operation, role) in ALLOWED:
            continue
        answer = call(clients[role], world, item, operation)
        expected = refusal_of(status, operation, role)
        if answer.status_code != expected:
            wrong.append((operation, role, expected, answer.status_code))
        elif expected == 409 and answer.json()["current_status"] != status:
            wrong.append((operation, role, status, answer.json()["current_status"]))
    assert wrong == []
    with tenant_scope(item.tenant_id):
        assert WorkItem.objects.values().get(id=item.id) == {
            name: value for name, value in vars(item).items() if not name.startswith("_")
        }


@pytest.mark.parametrize(
    "status", [each for each in Status if any(each == row[0] for row in ALLOWED)]
)
def test_what_is_listed_is_allowed(world: World, status: Status) -> None:
    clients = {role: api(world.of(person)) for role, person in ROLES.items()}
    for _, operation, role in sorted(row for row in ALLOWED if row[0] == status):
        item = item_in(world, status)
        answer = call(clients[role], world, item, operation)
        assert answer.status_code in {200, 201}, (operation, role, answer.content)
        assert states.stored(world, item.id).version > item.version
