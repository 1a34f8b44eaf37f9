"""Deadlines of the tasks of a case: what its definition says, what follows for task and case."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest

from cases.actions import retry_case
from cases.definitions import CompiledDefinition, DefinitionInvalid, compile_definition
from cases.lifecycle import CaseStatus, PlanItemStatus
from ledger.errors import Invalid
from ledger.tenancy import tenant_scope
from notifications.models import Delivery
from tests import states
from tests.casework import case_row, deploy, finish, open_item, opened, plan_items
from tests.definitions import definition, human
from tests.draining import drain
from tests.world import World
from verbs.call import Call
from workitems.models import Deadline, WorkItem

HOUR = dt.timedelta(hours=1)
EXPIRES = {"completion": {"within": "PT1H", "breach": [{"do": "expire"}]}}
ESCALATES = {"completion": {"within": "PT1H", "breach": [{"do": "escalate"}]}}


def task(deadlines: dict[str, Any], **more: Any) -> dict[str, Any]:
    said = {"title": "Do check", "candidateGroups": ["analysts"], "deadlines": deadlines}
    return human("check", humanTask={**said, "outputMapping": "{check: .outcome}", **more})


def started(world: World, name: str, *bindings: dict[str, Any], **goals: Any) -> uuid.UUID:
    deploy(world, definition(name, *bindings, **goals))
    return opened(world, f"tests/{name}", {"amount": 7})


def running(item: WorkItem) -> dict[str, dt.datetime]:
    with tenant_scope(item.tenant_id):
        return dict(Deadline.objects.filter(item_id=item.id).values_list("name", "due_at"))


def test_a_task_has_the_deadlines_of_its_definition(world: World) -> None:
    said = {
        "claim": {"within": "PT10M"}, "start": {"within": "PT20M"}, **EXPIRES,
        "followUp": {"within": "PT30M"}, "onHold": "keep",
    }  # fmt: skip
    case_id = started(world, "four", task(said))
    item = open_item(world.operator, case_id, "check")
    due = running(item)
    minutes = {name: (moment - due["claim"]).seconds // 60 for name, moment in due.items()}
    assert minutes == {"claim": 0, "start": 10, "follow_up": 20, "completion": 50}
    assert (item.due_at, item.deadlines["on_hold"]) == (due["completion"], "keep")


@pytest.mark.parametrize(("expires_in", "hours"), [("PT30M", 0.5), ("P1D", 1)])
def test_the_earliest_counts(world: World, expires_in: str, hours: float) -> None:
    case_id = started(world, "earliest", task(EXPIRES, expiresIn=expires_in))
    item = open_item(world.operator, case_id, "check")
    assert item.due_at is not None
    assert running(item) == {"completion": item.due_at}
    assert abs(item.due_at - item.created_at - hours * HOUR) < dt.timedelta(seconds=5)


@pytest.mark.parametrize(
    ("expires_in", "deadline", "hours"), [("PT1H", "PT48H", 1), ("P3D", "PT48H", 48)]
)
def test_an_undo_has_until_the_earlier_of_its_binding_and_its_policy(
    world: World, expires_in: str, deadline: str, hours: float
) -> None:
    undo = human("undo-check", compensation=True, on=None, when=None)
    undo["humanTask"]["expiresIn"] = expires_in
    step = human("check", compensate="undo-check", compensation={"deadline": deadline})
    deploy(world, definition("until", step, undo))
    case_id = opened(world, "tests/until", {"amount": 7})
    item = states.stored(world, finish(world.analyst, case_id, "check", None))
    begun = states.compensate(item, world.operator)
    task = states.stored(world, begun.attempt.compensation_id)
    assert task.due_at is not None
    assert running(task) == {"completion": task.due_at}
    assert abs(task.due_at - task.created_at - hours * HOUR) < dt.timedelta(seconds=5)
    states.miss(task)
    drain()
    assert states.stored(world, task.id).status == "ESCALATED"
    assert states.stored(world, item.id).status == "COMPENSATION_FAULTED"


@pytest.mark.parametrize(
    ("deadlines", "ends", "why"),
    [(EXPIRES, "EXPIRED", "expired"), (ESCALATES, "ESCALATED", "escalated")],
)
def test_a_task_that_ran_out_lets_its_case_fail(
    world: World, deadlines: dict[str, Any], ends: str, why: str
) -> None:
    case_id = started(world, "fails", task(deadlines), human("beside"))
    item = open_item(world.operator, case_id, "check")
    beside = open_item(world.operator, case_id, "beside")
    states.miss(item)
    drain()
    assert states.stored(world, item.id).status == ends
    step = plan_items(world, case_id)["check"]
    assert (step.status, step.error) == (
        PlanItemStatus.FAULTED, "check: faulted, It was not done in time.",
    )  # fmt: skip
    row = case_row(world, case_id)
    assert (row.status, row.context) == (CaseStatus.FAULTED, {"amount": 7})
    assert states.actions_of(world, "work_item", item.id) == ["created", why]
    assert states.stored(world, beside.id).status == "PENDING"
    with tenant_scope(world.operator.tenant_id):
        topics = set(Delivery.objects.values_list("topic", "recipient_id"))
    assert ("case_failed", world.operator.actor_id) in topics
    assert not {topic for topic, who in topics if topic == "deadline_missed"}


def test_a_goal_that_holds_already_ends_the_case_instead(world: World) -> None:
    case_id = started(world, "goes-on", task(EXPIRES), human("other"), success=".other != null")
    item = open_item(world.operator, case_id, "check")
    states.work(world.operator, open_item(world.operator, case_id, "other").id, "DONE")
    states.miss(item)
    drain()
    row = case_row(world, case_id)
    assert row.status == CaseStatus.COMPLETED
    assert states.actions_of(world, "work_item", item.id) == ["created", "expired"]
    assert plan_items(world, case_id)["check"].status == PlanItemStatus.FAULTED


def test_a_case_that_failed_so_is_tried_again_with_new_deadlines(world: World) -> None:
    case_id = started(world, "again", task(EXPIRES), success='.check == "DONE"')
    first = open_item(world.operator, case_id, "check")
    states.miss(first)
    drain()
    retry_case(case_id, call=Call(world.operator))
    drain()
    second = open_item(world.operator, case_id, "check")
    assert second.id != first.id
    assert list(running(second)) == ["completion"]
    assert running(second)["completion"] > second.created_at
    states.work(world.analyst, second.id, "DONE")
    drain()
    assert case_row(world, case_id).status == CaseStatus.COMPLETED
    assert running(second) == {}


def test_a_task_that_is_passed_on_lets_its_case_go_on(world: World) -> None:
    late = {"completion": {"within": "PT1H", "breach": [
        {"do": "reassign", "groups": ["surveyors"], "by": "PT1H"}, {"do": "expire"}]}}  # fmt: skip
    case_id = started(world, "passed", task(late), success='.check == "DONE"')
    item = open_item(world.operator, case_id, "check")
    states.miss(item)
    drain()
    assert case_row(world, case_id).status == CaseStatus.RUNNING
    states.work(world.surveyor, item.id, "DONE")
    drain()
    assert case_row(world, case_id).status == CaseStatus.COMPLETED
    assert states.actions_of(world, "work_item", item.id) == [
        "created", "deadline_reassigned", "started", "completed",
    ]  # fmt: skip


def test_a_case_that_is_over_forgets_the_deadlines_of_what_it_calls_off(world: World) -> None:
    case_id = started(world, "over", task(EXPIRES), human("other"), success=".other != null")
    item = open_item(world.operator, case_id, "check")
    states.work(world.operator, open_item(world.operator, case_id, "other").id, "DONE")
    drain()
    assert states.stored(world, item.id).status == "CANCELLED"
    assert running(item) == {}


@pytest.mark.parametrize(
    ("deadlines", "pointer", "message"),
    [
        ([], "", "deadlines must be a map"),
        ({}, "", "one of its deadlines must be said"),
        ({"due": {}}, "/due", "There is no field 'due' here."),
        ({"completion": {}}, "/completion", "one of at, within and working says when"),
        ({"completion": {"within": "soon"}}, "/completion/within", None),
        ({"completion": {"working": "P1D"}}, "", "calendar: working time needs one"),
        (
            {"followUp": {"within": "PT1H", "breach": [{"do": "expire"}]}},
            "",
            "follow_up/breach: a follow-up only tells people; use notify",
        ),
        ({"followUp": {"at": "never"}}, "/followUp/at", None),
        (
            {"followUp": {}, "follow_up": {}},
            "",
            "one of its fields is there under both its names",
        ),
    ],
)
def test_deadlines_that_cannot_be_read_are_refused_where_they_are(
    deadlines: Any, pointer: str, message: str | None
) -> None:
    with pytest.raises(DefinitionInvalid) as refused:
        compile_definition(definition("broken", task(deadlines)), capabilities=None)
    [error] = refused.value.errors
    assert error.pointer == f"/spec/bindings/0/humanTask/deadlines{pointer}"
    assert message is None or error.message == message


def test_an_undo_has_its_deadline_from_its_policy(world: World) -> None:
    undo = human("undo-check", compensation=True, on=None, when=None)
    undo["humanTask"]["deadlines"] = EXPIRES
    check = human("check", compensate="undo-check", compensation=None)
    with pytest.raises(Invalid) as refused:
        deploy(world, definition("undoing", check, undo))
    assert [(each.pointer, each.message) for each in refused.value.errors] == [
        (
            "/spec/bindings/1/humanTask/deadlines",
            "belongs to a forward task; of an undo see deadline of the policy that names it",
        )
    ]


def test_what_is_stored_is_what_was_said() -> None:
    said = {
        "completion": {"at": "2027-03-01T12:00:00Z"}, "follow_up": {"within": "P1D"},
        "on_hold": "keep",
    }  # fmt: skip
    made = compile_definition(definition("kept", task(said)), capabilities=None)
    stored = made.to_json()
    assert stored["bindings"][0]["human_task"]["deadlines"] == said
    assert CompiledDefinition.from_json(stored).to_json() == stored
    plain = compile_definition(definition("kept", human("check")), capabilities=None).to_json()
    assert "deadlines" not in plain["bindings"][0]["human_task"]
