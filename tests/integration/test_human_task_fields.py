"""Every field of `humanTask` the reader knows, alone and with every other, forward and as an undo.

What a forward step honours an undo binding honours too. `types` and `scope` describe a task and do
nothing in either direction.
"""

from __future__ import annotations

import datetime as dt
import itertools
import uuid
from typing import Any

from cases.definitions import HumanTask
from compensation.planning import UNDO_OUTCOMES
from ledger.tenancy import tenant_scope
from tests import states
from tests.casework import case_row, deploy, open_undo, opened, plan_for, roll_back, work
from tests.definitions import definition, human
from tests.draining import drain
from tests.world import World
from workitems import selectors
from workitems.models import WorkItem

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}}
LATE = dt.timedelta(days=2)
#: A value for each field that may be left out; both directions read it.
VALUES: dict[str, Any] = {
    "types": ["checking"],
    "scope": "sales/checks",
    "candidateGroups": ["surveyors"],
    "candidateUsers": ["COMPLIANCE"],
    "outcomes": ["REVERSED", "CANNOT_REVERSE"],
    "inputMapping": "{mapped: true}",
    "outputMapping": "OUTPUT",
    "resolutionSchema": SCHEMA,
    "priority": "URGENT",
    "expiresIn": "P2D",
}
SETS = [
    frozenset(each)
    for each in (*[()], *((f,) for f in VALUES), *itertools.combinations(VALUES, 2), tuple(VALUES))
]


def task(world: World, number: int, fields: frozenset[str]) -> dict[str, Any]:
    """Return the humanTask with these fields."""
    said = {field: VALUES[field] for field in fields}
    if "candidateUsers" in said:
        said["candidateUsers"] = [world.compliance.username]
    if "outputMapping" in said:
        said["outputMapping"] = f"{{out{number}: .outcome}}"
    return {"title": f"Task {number}", **said}


def candidates(item: WorkItem) -> tuple[set[uuid.UUID], set[str]]:
    users = {row.actor_id for row in item.candidate_users.all()}
    return users, {row.name for row in item.candidate_groups.all()}


def check(world: World, item: WorkItem, fields: frozenset[str], **without: Any) -> None:
    """Assert that `item` is what its fields say, and what `without` says where they are silent."""
    with tenant_scope(world.operator.tenant_id):
        users, groups = candidates(item)
    named = "candidateUsers" in fields, "candidateGroups" in fields
    if any(named):
        assert users == ({world.compliance.actor_id} if named[0] else set()), fields
        assert groups == ({"surveyors"} if named[1] else set()), fields
        assert (item.assignee_id, item.offered_to) == (None, "NAMED"), fields
    else:
        assert (users, groups, item.assignee_id) == (without["users"], set(), without["assignee"])
    outcomes = VALUES["outcomes"] if "outcomes" in fields else without["outcomes"]
    assert item.permitted_outcomes == list(outcomes), fields
    payload = {"mapped": True} if "inputMapping" in fields else without["payload"]
    assert item.payload == payload or (payload is ... and "mapped" not in item.payload), fields
    assert item.resolution_schema == (SCHEMA if "resolutionSchema" in fields else None), fields
    assert item.get_priority_display() == ("Urgent" if "priority" in fields else "Medium"), fields
    if "expiresIn" in fields:
        assert item.due_at is not None
        assert abs(item.due_at - item.created_at - LATE) < dt.timedelta(seconds=5), fields
    else:
        assert item.due_at is None, fields


def test_the_table_has_every_field() -> None:
    known = {str(field.validation_alias) for field in HumanTask.model_fields.values()}
    assert known == {"title", *VALUES}


def test_a_forward_step_honours_every_field(world: World) -> None:
    bindings = [
        human(f"f{number}", f".outcome == null and .out{number} == null",
              humanTask=task(world, number, fields))
        for number, fields in enumerate(SETS)
    ]  # fmt: skip
    deploy(world, definition("forward", *bindings))
    case_id = opened(world, "tests/forward", {"start": 1})
    with tenant_scope(world.operator.tenant_id):
        items = {item.title: item for item in selectors.in_case(case_id)}
    assert len(items) == len(SETS)
    for number, fields in enumerate(SETS):
        check(
            world, items[f"Task {number}"], fields,
            users=set(), assignee=None, outcomes=(), payload={"start": 1},
        )  # fmt: skip
        work(doer(world, fields), items[f"Task {number}"].id, "REVERSED", {"n": 1})
    drain()
    context = case_row(world, case_id).context
    mapped = {f"out{n}" for n, fields in enumerate(SETS) if "outputMapping" in fields}
    assert {key for key in context if key.startswith("out") and key != "outcome"} == mapped


def doer(world: World, fields: frozenset[str]) -> Any:
    if "candidateUsers" in fields:
        return world.compliance
    return world.surveyor if "candidateGroups" in fields else world.analyst


def test_an_undo_binding_honours_every_field(world: World) -> None:
    bindings = [
        human(f"f{number}", f".f{number} == null", compensation=None, compensate=f"u{number}")
        for number in range(len(SETS))
    ]
    bindings += [
        {"name": f"u{number}", "compensation": True, "humanTask": task(world, number, fields)}
        for number, fields in enumerate(SETS)
    ]
    deploy(world, definition("backward", *bindings))
    case_id = opened(world, "tests/backward")
    with tenant_scope(world.operator.tenant_id):
        forward = list(selectors.in_case(case_id))
    for item in forward:
        work(world.analyst, item.id, "DONE")
    drain()
    planned = plan_for(world, case_id).content["steps"]
    for step in planned:
        fields = SETS[int(step["original"]["name"][1:])]
        users = [world.compliance.username] if "candidateUsers" in fields else []
        assert step["candidate_users"] == users
        assert step["candidate_groups"] == (["surveyors"] if "candidateGroups" in fields else [])
    roll_back(world, case_id)
    mapped = set()
    for _ in SETS:
        item = open_undo(world.operator, case_id)
        number = int(item.binding[1:])
        fields = SETS[number]
        assert (item.title, item.binding) == (f"Task {number}", f"u{number}")
        analyst = world.analyst.actor_id
        check(
            world, item, fields,
            users={analyst}, assignee=analyst, outcomes=UNDO_OUTCOMES, payload=...,
        )  # fmt: skip
        work(doer(world, fields), item.id, "REVERSED", {"n": 1})
        drain()
        mapped |= {f"out{number}"} if "outputMapping" in fields else set()
    case = case_row(world, case_id)
    assert case.status == "COMPENSATED"
    assert {key for key in case.context if key.startswith("out")} == mapped


def test_whom_an_undo_binding_names_undoes_it_also_without_a_run(world: World) -> None:
    deploy(
        world,
        definition(
            "alone",
            human("look", compensation=None, compensate="unlook"),
            {
                "name": "unlook",
                "compensation": True,
                "humanTask": {"title": "Unlook", "candidateUsers": [world.compliance.username]},
            },
        ),
    )
    case_id = opened(world, "tests/alone")
    with tenant_scope(world.operator.tenant_id):
        [item] = selectors.in_case(case_id)
    work(world.analyst, item.id, "DONE")
    drain()
    begun = states.compensate(item, world.operator).attempt
    undo = states.stored(world, begun.compensation_id)
    with tenant_scope(world.operator.tenant_id):
        assert candidates(undo) == ({world.compliance.actor_id}, set())
    assert (undo.assignee_id, undo.offered_to) == (None, "NAMED")
