"""Steps whose task is a template's, and steps that an agent judges."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from cases import actions
from executions import actions as execution_actions
from executions.models import Execution
from ledger.errors import NotPermitted
from ledger.tenancy import tenant_scope
from tests.casework import case_row, deploy, finish, open_item, opened, plan_for, plan_items
from tests.definitions import definition, human
from tests.draining import drain
from tests.world import World
from verbs.call import Call
from workitems.actions import add_template, end_template
from workitems.lifecycle import Priority
from workitems.models import WorkItemTemplate


def template(world: World, **said: Any) -> WorkItemTemplate:
    content: dict[str, Any] = {
        "name": "review", "title": "Review {who}", "payload": {"form": "R1"}, "priority": "HIGH",
        "candidate_groups": ["analysts"], "permitted_outcomes": ["GOOD", "BAD"],
        "compensation": {"mode": "human", "performer": "original_actor"},
        "due_at": "2040-01-01T00:00:00Z",
    }  # fmt: skip
    return add_template(call=Call(world.operator), **{**content, **said})


def by_template(name: str = "a", **task: Any) -> dict[str, Any]:
    """Return a binding whose task is a template's."""
    said = {"templateRef": "review", "inputMapping": "{who}", "outputMapping": f"{{{name}: .}}"}
    step = human(name, humanTask={**said, **task})
    return {key: value for key, value in step.items() if key != "compensation"}


def test_a_task_says_what_its_template_says_and_what_it_was_made_from(world: World) -> None:
    row = template(world)
    deploy(world, definition("way", by_template(), success='.a.outcome == "GOOD"'))
    case_id = opened(world, "tests/way", {"who": "Vega"})
    item = open_item(world.analyst, case_id, "a")
    assert (item.title, item.priority, list(item.permitted_outcomes)) == (
        "Review Vega", Priority.HIGH, ["GOOD", "BAD"],
    )  # fmt: skip
    assert item.payload == {"form": "R1", "who": "Vega"}
    assert item.template == {"id": str(row.id), "name": "review", "version": 1}
    assert (item.case_id, item.binding) == (case_id, "a")
    finish(world.analyst, case_id, "a", "GOOD")
    assert case_row(world, case_id).status == "COMPLETED"
    # How it is undone is the template's to say, where the definition does not.
    (step,) = plan_for(world, case_id).content["steps"]
    assert (step["original"]["name"], step["mode"]) == ("a", "human")


def test_what_the_definition_says_comes_before_the_template(world: World) -> None:
    template(world)
    said: dict[str, Any] = {
        "title": "Look again", "priority": "LOW", "outcomes": ["YES"], "expiresIn": "PT1H",
        "candidateUsers": [world.surveyor.username],
    }  # fmt: skip
    deploy(world, definition("way", by_template(**said)))
    case_id = opened(world, "tests/way", {"who": "Vega"})
    item = open_item(world.surveyor, case_id, "a")
    assert (item.title, item.priority) == ("Look again", Priority.LOW)
    assert item.permitted_outcomes == ["YES"]
    assert item.due_at is not None
    assert item.due_at.year < 2040
    with tenant_scope(world.operator.tenant_id):
        assert not item.candidate_groups.exists()
        assert [each.actor_id for each in item.candidate_users.all()] == [world.surveyor.actor_id]


def test_the_newest_version_counts_when_the_step_fires(world: World) -> None:
    template(world)
    deploy(world, definition("way", human("first"), by_template("a")))
    case_id = opened(world, "tests/way", {"who": "Vega"})
    assert open_item(world.analyst, case_id, "a").title == "Review Vega"
    template(world, title="Newer {who}")
    other = opened(world, "tests/way", {"who": "Vega"})
    assert open_item(world.analyst, other, "a").title == "Newer Vega"


def test_without_its_template_a_step_fails_and_says_so(world: World) -> None:
    row = template(world)
    end_template(row.id, call=Call(world.operator))
    source = definition("way", by_template())
    found = actions.deploy_definition(call=Call(world.operator), source=source)
    assert [(each.code, each.pointer) for each in found.warnings if "template" in each.code] == [
        ("unknown_template", "/spec/bindings/0/humanTask/templateRef")
    ]
    case_id = opened(world, "tests/way", {"who": "Vega"})
    assert case_row(world, case_id).status == "FAULTED"
    assert "There is no template review." in case_row(world, case_id).fault
    template(world)
    actions.retry_case(case_id, call=Call(world.operator))
    drain()
    assert open_item(world.analyst, case_id, "a").title == "Review Vega"


def test_a_payload_that_the_template_does_not_ask_for_lets_the_step_fail(world: World) -> None:
    template(world)
    deploy(world, definition("way", by_template()))
    case_id = opened(world, "tests/way", {"who": None})
    assert "the words of the template" in case_row(world, case_id).fault
    template(world, name="many", group={"instances": 2, "required": 1})
    deploy(world, {**definition("way", by_template(templateRef="many")), "version": "2"})
    case_id = opened(world, "tests/way", {"who": "Vega"})
    assert "come in groups" in case_row(world, case_id).fault


def judged(world: World) -> dict[str, Any]:
    judgment = {
        "promptExpression": '"Is \\(.n) much?" # remark', "inputMapping": "{n}",
        "outcomes": ["YES", "NO"], "outputMapping": "{verdict: .}",
        "callerConfig": {"type": "agent", "agent": world.agent.username},
    }  # fmt: skip
    return {
        "name": "judge", "on": {"contextChange": {}}, "when": ".verdict == null",
        "judgment": judgment,
    }  # fmt: skip


def owed(world: World, case_id: uuid.UUID) -> Execution:
    with tenant_scope(world.operator.tenant_id):
        return Execution.objects.get(case_id=case_id)


def test_an_agent_judges_and_the_case_goes_on_with_what_it_reports(world: World) -> None:
    deploy(world, definition("way", judged(world), success='.verdict.outcome == "YES"'))
    case_id = opened(world, "tests/way", {"n": 5})
    row = owed(world, case_id)
    assert (row.status, row.capability, row.performer_id) == (
        "WAITING", "judgment", world.agent.actor_id,
    )  # fmt: skip
    assert row.input == {"prompt": "Is 5 much?", "outcomes": ["YES", "NO"], "input": {"n": 5}}
    with pytest.raises(NotPermitted):
        execution_actions.record_result(
            row.id, call=Call(world.analyst), outcome="succeeded", output={"outcome": "NO"}
        )
    assert owed(world, case_id).status == "WAITING"
    execution_actions.record_result(
        row.id, call=Call(world.agent), outcome="succeeded", output={"outcome": "YES"}
    )
    drain()
    assert case_row(world, case_id).context["verdict"] == {"outcome": "YES"}
    assert case_row(world, case_id).status == "COMPLETED"


def test_an_agent_that_cannot_judge_lets_the_step_fail(world: World) -> None:
    deploy(world, definition("way", judged(world), success=".verdict != null"))
    case_id = opened(world, "tests/way", {"n": 5})
    execution_actions.record_result(
        owed(world, case_id).id, call=Call(world.agent), outcome="failed", error="no idea"
    )
    drain()
    assert plan_items(world, case_id)["judge"].status == "FAULTED"
    assert case_row(world, case_id).status == "FAULTED"
