"""The example by which others show all the words of a definition, as it is written there: it runs
to its goal, and is taken back."""

from __future__ import annotations

from compensation.actions.plan_execution import execute
from compensation.actions.step_verbs import hand_step_to_human
from tests.casework import case_row, deploy, finish, opened, plan_for, plan_items, undo
from tests.draining import drain
from tests.integration.test_supplier_case import answered
from tests.verifying import verify
from tests.world import World
from verbs.call import Call

SOURCE = """\
dsl: "0.1"
namespace: demo
name: supplier-onboarding
version: "1.0.0"
spec:
  capabilities: [{name: create-account}, {name: close-account}]
  goals:
    - {name: onboarded, kind: success, condition: '.account != null'}
  completion: {success: {allOf: [onboarded]}}
  bindings:
    - name: approve
      on: {contextChange: {}}
      when: '.request != null and .approval == null'
      humanTask:
        title: Approve supplier
        candidateGroups: [analysts]
        expiresIn: PT24H
        outputMapping: '{approval: .}'
      compensate: withdraw-approval
    - name: open-account
      on: {contextChange: {}}
      when: '.approval != null and .account == null'
      capability: create-account
      compensate: shut-account
    - {name: shut-account, on: {contextChange: {}}, capability: close-account, compensation: true}
    - name: withdraw-approval
      on: {contextChange: {}}
      compensation: true
      humanTask: {title: Withdraw approval, candidateGroups: [analysts]}
"""


def test_it_runs_to_its_goal_and_back(world: World) -> None:
    deploy(world, SOURCE)
    case_id = opened(world, "demo/supplier-onboarding", {"request": {"supplier": "Acme"}})
    assert set(plan_items(world, case_id)) == {"approve"}
    finish(world.analyst, case_id, "approve", "APPROVED", {"limit": 5})
    assert set(plan_items(world, case_id)) == {"approve", "open-account"}
    answered(world, case_id, {"account": "K-7"})
    case = case_row(world, case_id)
    assert (case.status, case.context["account"]) == ("COMPLETED", "K-7")
    assert case.context["approval"]["outcome"] == "APPROVED"
    assert case.context["approval"]["limit"] == 5

    plan = plan_for(world, case_id)
    steps = plan.content["steps"]
    assert [step["original"]["name"] for step in steps] == ["open-account", "approve"]
    run = execute(plan.id, call=Call(world.operator, digest=plan.digest))
    drain()
    # Nobody here registered how an account is closed: a person takes that over.
    assert case_row(world, case_id).status == "COMPENSATION_FAULTED"
    hand_step_to_human(run.id, 1, call=Call(world.operator), assignee=world.analyst.username)
    drain()
    undo(world.analyst, case_id)
    undo(world.analyst, case_id)
    assert case_row(world, case_id).status == "COMPENSATED"
    states = {name: item.compensation_state for name, item in plan_items(world, case_id).items()}
    assert states == {"approve": "COMPENSATED", "open-account": "COMPENSATED"}
    verify()
