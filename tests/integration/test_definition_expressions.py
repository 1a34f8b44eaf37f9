"""What a definition leaves to the context: titles and deadlines that are computed when a task is
opened, results that are merged deep, and steps that say something nothing runs yet."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from cases.lifecycle import CaseStatus, PlanItemStatus
from ledger.clock import now
from ledger.errors import NotPermitted
from ledger.tenancy import tenant_scope
from tests.casework import case_row, deploy, finish, open_item, opened, plan_items
from tests.definitions import definition, human
from tests.world import World
from verbs.call import Call
from workitems.actions import start
from workitems.models import Deadline, WorkItem

HOUR = dt.timedelta(hours=1)


def check(**task: Any) -> dict[str, Any]:
    said = {"title": "Do check", "outputMapping": "{check: .}", **task}
    return human("check", humanTask={key: value for key, value in said.items() if value})


def item_of(world: World, context: dict[str, Any], **task: Any) -> WorkItem:
    deploy(world, definition("asked", check(**task)))
    return open_item(world.operator, opened(world, "tests/asked", context), "check")


def hours_left(item: WorkItem) -> float:
    assert item.due_at is not None
    return round((item.due_at - item.created_at) / HOUR, 2)


SEVERITY = 'if .severity == "HIGH" then "PT15M" else "PT24H" end'


@pytest.mark.parametrize(("severity", "hours"), [("HIGH", 0.25), ("LOW", 24)])
def test_how_long_a_task_has_is_asked_of_the_context(
    world: World, severity: str, hours: float
) -> None:
    item = item_of(world, {"severity": severity}, expiresInExpression=SEVERITY)
    assert hours_left(item) == hours


def test_by_when_a_task_is_due_is_asked_of_the_context(world: World) -> None:
    moment = (now() + 5 * HOUR).replace(microsecond=0)
    item = item_of(world, {"by": moment.isoformat()}, expiresAtExpression=".by")
    assert item.due_at == moment


@pytest.mark.parametrize(
    ("context", "task", "hours"),
    [
        ({"in": "PT3H"}, {"expiresIn": "PT2H", "expiresInExpression": ".in"}, 2),
        ({"in": "PT1H"}, {"expiresIn": "PT2H", "expiresInExpression": ".in"}, 1),
        ({}, {"expiresIn": "PT2H", "expiresInExpression": ".in", "expiresAtExpression": ".at"}, 2),
        (
            {"in": "PT3H"},
            {"expiresInExpression": ".in", "deadlines": {"completion": {"within": "PT30M"}}},
            0.5,
        ),
    ],
    ids=["said", "computed", "nothing found", "deadlines"],
)
def test_of_all_that_say_when_a_task_is_due_the_earliest_counts(
    world: World, context: dict[str, Any], task: dict[str, Any], hours: float
) -> None:
    assert hours_left(item_of(world, context, **task)) == hours


def test_an_expression_that_finds_nothing_sets_no_deadline(world: World) -> None:
    assert item_of(world, {}, expiresAtExpression=".deadline").due_at is None


def test_a_title_is_asked_of_the_context(world: World) -> None:
    task = {"title": None, "titleExpression": '"Check " + .who'}
    assert item_of(world, {"who": "R. Vega"}, **task).title == "Check R. Vega"


def test_hours_to_claim_are_a_deadline_of_claiming(world: World) -> None:
    item = item_of(world, {}, claimDeadlineHours=1.5)
    with tenant_scope(item.tenant_id):
        (found,) = Deadline.objects.filter(item_id=item.id)
    assert (found.name, round((found.due_at - item.created_at) / HOUR, 2)) == ("claim", 1.5)
    assert item.due_at is None


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ({"expiresInExpression": ".x"}, "expiresInExpression gives what cannot be used: "),
        ({"expiresAtExpression": ".x"}, "expiresAtExpression gives what cannot be used: "),
        ({"titleExpression": ".y"}, "titleExpression gives what cannot be used: "),
        ({"titleExpression": ".x.y.z"}, "Cannot index string"),
    ],
    ids=["length", "moment", "title", "failed"],
)
def test_what_an_expression_gives_has_to_be_usable(
    world: World, task: dict[str, Any], said: str
) -> None:
    deploy(world, definition("asked", check(**task)))
    case_id = opened(world, "tests/asked", {"x": "soon", "y": [1]})
    step = plan_items(world, case_id)["check"]
    assert (step.status, step.target_id) == (PlanItemStatus.FAULTED, None)
    assert said in step.error
    assert case_row(world, case_id).status == CaseStatus.FAULTED


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("DEEP_MERGE", {"kept": 1, "deep": {"old": 1, "new": 2}, "list": [2]}),
        (None, {"deep": {"new": 2}, "list": [2]}),
    ],
    ids=["deep", "last"],
)
def test_a_result_is_merged_as_deep_as_its_step_says(
    world: World, strategy: str | None, expected: dict[str, Any]
) -> None:
    task = {"title": "T", "outputMapping": "{file: .resolution, done: true}"}
    step = human("check", when=".done == null", humanTask=task, conflictResolverStrategy=strategy)
    deploy(world, definition("deep", step, success=".done"))
    context = {"file": {"kept": 1, "deep": {"old": 1}, "list": [1]}}
    case_id = opened(world, "tests/deep", context)
    finish(world.analyst, case_id, "check", "OK", {"deep": {"new": 2}, "list": [2]})
    case = case_row(world, case_id)
    assert (case.status, case.context["file"]) == (CaseStatus.COMPLETED, expected)


def test_the_context_names_who_may_do_a_task(world: World) -> None:
    context = {"who": ["surveyors"], "person": world.compliance.username}
    item = item_of(world, context, candidateGroups=".who", candidateUsers="[.person]")
    with tenant_scope(world.operator.tenant_id):
        assert [row.name for row in item.candidate_groups.all()] == ["surveyors"]
        assert [row.actor_id for row in item.candidate_users.all()] == [world.compliance.actor_id]
    with pytest.raises(NotPermitted):
        start(item.id, call=Call(world.analyst))
    start(item.id, call=Call(world.surveyor))


@pytest.mark.parametrize("who", [None, [], 3, [3], ["a\nb"], [" "], [["x"]]])
def test_a_task_for_certain_people_never_becomes_one_for_anybody(world: World, who: Any) -> None:
    deploy(world, definition("asked", check(candidateGroups=".who")))
    case_id = opened(world, "tests/asked", {"who": who})
    case = case_row(world, case_id)
    assert case.status == "FAULTED"
    assert case.fault.startswith("check: ")
    with tenant_scope(world.operator.tenant_id):
        assert WorkItem.objects.filter(case_id=case_id).count() == 0
