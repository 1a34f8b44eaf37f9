"""Every field of `humanTask` the reader knows, alone and with every other, forward and as an undo.

What a forward step honours an undo binding honours too, but for whom it excludes: that is refused
there, because the policy of what is undone says it (`performer`). `types` and `scope` describe a
task and do nothing in either direction.
"""

from __future__ import annotations

import datetime as dt
import itertools
import uuid
from typing import Any

import pytest

from cases.definitions import HumanTask
from compensation.planning import UNDO_OUTCOMES
from ledger.errors import Conflict, Invalid
from ledger.tenancy import tenant_scope
from tests import states
from tests.casework import case_row, deploy, open_undo, opened, plan_for, roll_back
from tests.definitions import definition, human
from tests.draining import drain
from tests.states import work
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
#: `form` needs a schema that it is of: test_said_outcomes.py has it, in both directions.
#: Of a forward step alone; test_excluded_people.py and test_skills.py have what they do, and
#: test_case_deadlines.py what deadlines do, test_owner_and_stakeholders.py what those do.
EXCLUDING = {
    "excludedUsers": ["surveyor"], "excludedGroups": ["surveyors"], "notCompletedBy": ["check"],
    "requiredSkills": ["notary"],
}  # fmt: skip
#: Asked of the context, or said in hours, when a forward task is opened; what they do has
#: test_definition_expressions.py.
ASKED = {
    "titleExpression", "expiresInExpression", "expiresAtExpression", "scopeExpression",
    "claimDeadlineHours", "candidateGroupsExpression", "candidateUsersExpression",
}  # fmt: skip
ANSWERING = {"owner": "surveyor", "stakeholders": ["surveyor"]}
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
    # What is made of a template is in `test_tasks_of_templates`.
    apart = {"title", "deadlines", "form", "templateRef"}
    assert known == {*apart, *VALUES, *EXCLUDING, *ANSWERING, *ASKED}


@pytest.mark.parametrize("field", sorted({**EXCLUDING, **ANSWERING}))
def test_an_undo_excludes_nobody_by_its_binding(world: World, field: str) -> None:
    said = {
        **dict.fromkeys(EXCLUDING, "of an undo see performer: not_original_actor"),
        **dict.fromkeys(ANSWERING, "whoever answers for that hears of its undo"),
    }
    joint = ";" if field in EXCLUDING else ":"
    undo = human("undo-check", compensation=True, on=None, when=None)
    undo["humanTask"][field] = {**EXCLUDING, **ANSWERING}[field]
    check_ = human("check", compensate="undo-check", compensation=None)
    with pytest.raises(Invalid) as refused:
        deploy(world, definition("excluding", check_, undo))
    assert [(e.pointer, e.message) for e in refused.value.errors] == [
        (
            f"/spec/bindings/1/humanTask/{field}",
            f"belongs to a forward task{joint} {said[field]}",
        )
    ]


def test_a_forward_step_honours_every_field(world: World) -> None:
    bindings = [
        human(f"f{number}", f".outcome == null and .out{number} == null",
              humanTask=task(world, number, fields))
        for number, fields in enumerate(SETS)
    ]  # fmt: skip
    deploy(world, definition("forward", *bindings))
    case_id = opened(world, "tests/forward", {"start": 1})
    with tenant_scope(world.operator.tenant_id):
        items = {item.title: item for item in selectors.in_case(world.operator.tenant_id, case_id)}
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


def finished_case(world: World, name: str) -> tuple[uuid.UUID, list[WorkItem]]:
    """Return a case of which the analyst did step f0, f1 …, undone by u0 …, with those steps."""
    # They share their expressions: a definition has only so many different ones.
    bindings = [
        human(
            f"f{number}", ".done == null", compensation=None, compensate=f"u{number}",
            humanTask={"title": f"Do f{number}", "outputMapping": "{done: .outcome}"},
        )
        for number in range(len(SETS))
    ]  # fmt: skip
    bindings += [
        {"name": f"u{number}", "compensation": True, "humanTask": task(world, number, fields)}
        for number, fields in enumerate(SETS)
    ]
    deploy(world, definition(name, *bindings))
    case_id = opened(world, f"tests/{name}")
    with tenant_scope(world.operator.tenant_id):
        forward = list(selectors.in_case(world.operator.tenant_id, case_id))
    for item in forward:
        work(world.analyst, item.id, "DONE")
    drain()
    return case_id, forward


def check_undo(world: World, item: WorkItem) -> int:
    """Assert that an undo task is what its binding says; return its number."""
    number, analyst = int(item.binding[1:]), world.analyst.actor_id
    assert (item.title, item.binding) == (f"Task {number}", f"u{number}")
    check(
        world, item, SETS[number],
        users={analyst}, assignee=analyst, outcomes=UNDO_OUTCOMES, payload=...,
    )  # fmt: skip
    return number


def outputs(world: World, case_id: uuid.UUID) -> set[str]:
    return {key for key in case_row(world, case_id).context if key.startswith("out")}


MAPPED = {f"out{number}" for number, fields in enumerate(SETS) if "outputMapping" in fields}


def test_a_rollback_honours_every_field_of_an_undo_binding(world: World) -> None:
    case_id, _ = finished_case(world, "backward")
    for step in plan_for(world, case_id).content["steps"]:
        fields = SETS[int(step["original"]["name"][1:])]
        users = [world.compliance.username] if "candidateUsers" in fields else []
        assert step["candidate_users"] == users
        assert step["candidate_groups"] == (["surveyors"] if "candidateGroups" in fields else [])
    roll_back(world, case_id)
    for _ in SETS:
        item = open_undo(world.operator, case_id)
        number = check_undo(world, item)
        work(doer(world, SETS[number]), item.id, "REVERSED", {"n": 1})
        drain()
    assert case_row(world, case_id).status == "COMPENSATED"
    assert outputs(world, case_id) == MAPPED


def test_undoing_one_item_by_itself_honours_every_field_too(world: World) -> None:
    case_id, forward = finished_case(world, "alone")
    for original in forward:
        begun = states.compensate(original, world.operator).attempt
        item = states.stored(world, begun.compensation_id)
        number = check_undo(world, item)
        work(doer(world, SETS[number]), item.id, "REVERSED", {"n": 1})
    drain()
    assert outputs(world, case_id) == MAPPED


def test_an_input_that_cannot_be_made_refuses_the_undo_of_one_item(world: World) -> None:
    undo = {
        "name": "unlook",
        "compensation": True,
        "humanTask": {"title": "Unlook", "inputMapping": ".reason"},
    }
    look = human("look", compensation=None, compensate="unlook")
    deploy(world, definition("broken", look, undo))
    case_id = opened(world, "tests/broken")
    with tenant_scope(world.operator.tenant_id):
        [item] = selectors.in_case(world.operator.tenant_id, case_id)
    work(world.analyst, item.id, "DONE")
    drain()
    with pytest.raises(Conflict) as refused:
        states.compensate(item, world.operator)
    assert refused.value.code == "undo_input_failed"
    assert states.stored(world, item.id).status == "COMPLETED"
    assert states.attempts(world, item.id) == []
