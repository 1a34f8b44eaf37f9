"""A whole definition in the words that other engines' files use, run to its goal: people are asked,
a program that is not here answers from outside, and both can be taken back."""

from __future__ import annotations

from typing import Any

from executions.models import Execution
from ledger.tenancy import tenant_scope
from tests.casework import case_row, deploy, finish, opened, plan_for, plan_items
from tests.clients import api
from tests.draining import drain
from tests.world import World

SOURCE = """\
dsl: "0.1"
namespace: tests
name: supplier
version: "1.0"
spec:
  capabilities: [{name: outside-open}, {name: outside-close}]
  goals:
    - {name: ready, condition: '.ledger_account != null'}
  completion: {success: {allOf: [ready]}}
  bindings:
    - name: agree
      on: {contextChange: {}}
      when: '.supplier != null and .agreed == null'
      humanTask:
        title: Agree to the supplier
        candidateGroups: [analysts]
        expiresIn: PT24H
        outputMapping: '{agreed: .officer, by: .completed_by, how: .outcome}'
      compensate: withdraw
    - name: open
      on: {contextChange: {}}
      when: '.agreed != null and .ledger_account == null'
      capability: outside-open
      outputMapping: '{ledger_account: .number}'
      compensate: close
    - {name: close, on: {contextChange: {}}, capability: outside-close, compensation: true}
    - name: withdraw
      on: {contextChange: {}}
      compensation: true
      humanTask: {title: Withdraw the agreement, candidateGroups: [analysts]}
"""


def answered(world: World, case_id: Any, output: dict[str, Any]) -> None:
    """Report what the program outside has done."""
    with tenant_scope(world.operator.tenant_id):
        call = Execution.objects.get(case_id=case_id, status="WAITING")
    answer = api(world.operator).post(
        f"/api/v1/executions/{call.id}/result",
        {"outcome": "succeeded", "output": output}, content_type="application/json",
    )  # fmt: skip
    assert answer.status_code == 200, answer.content
    drain()


def test_it_runs_to_its_goal_and_each_step_has_its_way_back(world: World) -> None:
    deploy(world, SOURCE)
    case_id = opened(world, "tests/supplier", {"supplier": "Acme"})
    finish(world.analyst, case_id, "agree", "YES", {"officer": "Ana"})
    case = case_row(world, case_id)
    assert (case.status, case.context) == (
        "RUNNING",
        {"supplier": "Acme", "agreed": "Ana", "by": world.analyst.username, "how": "YES"},
    )
    assert set(plan_items(world, case_id)) == {"agree", "open"}
    answered(world, case_id, {"number": "K-7"})
    case = case_row(world, case_id)
    assert (case.status, case.context["ledger_account"]) == ("COMPLETED", "K-7")
    plan = plan_for(world, case_id)
    assert [
        (step["original"]["name"], step["mode"]) for step in plan.content["steps"]
    ] == [("open", "automated"), ("agree", "human")]  # fmt: skip
