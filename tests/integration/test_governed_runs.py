"""Rollbacks as requests that others agree to: by policy, by what the work says, and by risk."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from accounts.acting import ActingUser
from accounts.actions import create_user
from compensation.actions.plan_execution import execute
from compensation.actions.waiting_runs import approve_run, cancel_run, reject_run
from compensation.models import CompensationRun
from executions.capability_registry import capability
from executions.models import Execution
from governance.actions.policy_verbs import end_policy
from governance.models import Approval
from ledger.errors import Conflict, NotPermitted, Stale
from ledger.tenancy import tenant_scope
from people import actions as people
from tests import bank as banks
from tests import states
from tests.approvals import due_now, second_approver
from tests.bank import Bank, open_bank, paying_case
from tests.casework import case_row, plan_for, preview, run_row, steps
from tests.clients import api, browser
from tests.draining import drain
from tests.integration.test_governed_executions import policy, stored
from tests.world import PASSWORD, World
from verbs.call import Call

ROLL_BACK = '.operation == "roll_back"'
JSON: dict[str, Any] = {"content_type": "application/json"}


@pytest.fixture
def bank(monkeypatch: pytest.MonkeyPatch) -> Bank:
    return open_bank(monkeypatch)


def asked(world: World, case_id: uuid.UUID, who: ActingUser | None = None) -> CompensationRun:
    """Have somebody execute the plan of all of a case."""
    plan = plan_for(world, case_id)
    return execute(plan.id, call=Call(who or world.operator, digest=plan.digest))


def approval_of(world: World, run: CompensationRun) -> Approval:
    with tenant_scope(world.operator.tenant_id):
        return Approval.objects.get(about_id=run.id)


def undos(world: World) -> int:
    with tenant_scope(world.operator.tenant_id):
        return Execution.objects.filter(undoes_id__isnull=False).count()


def actions_of(world: World, run: CompensationRun) -> list[str]:
    found = [entry.action for entry in states.history(world, "compensation_run", run.id)]
    return [action for action in found if not action.startswith("compensation_step")]


def untouched(world: World, case_id: uuid.UUID, bank: Bank) -> None:
    """Check that nothing of a paying case is undone, or about to be."""
    drain()
    assert (case_row(world, case_id).status, bank.out, undos(world)) == ("COMPLETED", 5, 0)


def test_a_rollback_that_a_policy_wants_others_to_agree_to_waits_and_begins_with_the_last(
    world: World, bank: Bank
) -> None:
    case_id, _paid = paying_case(world)
    named = [{"users": [world.compliance.username]}, {"roles": ["approver"]}]
    made = policy(world, "require_approval", ROLL_BACK, approvers=named, severity="high")
    client = api(world.operator)
    plan = client.post(
        f"/api/v1/cases/{case_id}/compensation-plan", {"reason": "Wrong"}, **JSON
    ).json()
    key = str(uuid.uuid4())
    headers = {"If-Match": f'"{plan["digest"]}"', "Idempotency-Key": key}
    url = f"/api/v1/compensation-plans/{plan['id']}/execute"
    answer = client.post(url, {}, **JSON, headers=headers)
    assert (answer.status_code, answer.json()["status"]) == (202, "PENDING_APPROVAL")
    shape = answer.json()
    run = run_row(world, uuid.UUID(shape["id"]))
    [waits] = shape["approvals"]
    assert (waits["status"], waits["action"], waits["subject"]) == (
        "PENDING", "roll_back", {"type": "compensation_run", "id": shape["id"]},
    )  # fmt: skip
    assert [(each["policy"], each["severity"]) for each in shape["decisions"]] == [
        (made.name, "high")
    ]
    assert [each["status"] for each in shape["steps"]] == ["PLANNED"]
    untouched(world, case_id, bank)
    with pytest.raises(Conflict) as early:
        approve_run(run.id, call=Call(world.approver))
    assert early.value.code == "not_your_turn"
    for who in (world.operator, world.bystander):
        with pytest.raises(NotPermitted):
            approve_run(run.id, call=Call(who))
    first = api(world.compliance).post(f"/api/v1/compensation-runs/{run.id}/approve", {}, **JSON)
    assert (first.status_code, first.json()["status"]) == (200, "PENDING_APPROVAL"), first.content
    untouched(world, case_id, bank)
    approve_run(run.id, call=Call(world.approver))
    assert case_row(world, case_id).status == "COMPENSATING"
    drain()
    assert (case_row(world, case_id).status, bank.out) == ("COMPENSATED", 0)
    assert actions_of(world, run) == [
        "compensation_requested", "compensation_started", "compensation_completed",
    ]  # fmt: skip
    with tenant_scope(world.operator.tenant_id):
        entries = states.history(world, "compensation_run", run.id)
    started = next(each for each in entries if each.action == "compensation_started")
    granted = states.history(world, "approval", uuid.UUID(waits["id"]))[-1]
    assert started.caused_by is not None
    assert (granted.action, started.caused_by.id) == ("granted", granted.id)
    # The same request again gets the same answer.
    assert client.post(url, {}, **JSON, headers=headers).json()["id"] == shape["id"]


def test_a_policy_that_is_against_a_rollback_refuses_it(world: World, bank: Bank) -> None:
    case_id, _paid = paying_case(world)
    planted = policy(world, "deny", f"{ROLL_BACK} and .counts.steps > 0", reason="Books closed")
    plan = plan_for(world, case_id)
    answer = api(world.operator).post(
        f"/api/v1/compensation-plans/{plan.id}/execute", {}, **JSON,
        headers={"If-Match": f'"{plan.digest}"', "Idempotency-Key": str(uuid.uuid4())},
    )  # fmt: skip
    assert (answer.status_code, answer.json()["code"]) == (409, "denied_by_policy")
    assert "Books closed" in answer.json()["detail"]
    [noted] = [
        each for each in states.history(world, "tenant", world.admin.tenant_id)
        if each.action == "rollback_denied"
    ]  # fmt: skip
    assert (noted.kind, noted.payloads["subject"]) == (
        "REFUSAL",
        {"type": "case", "id": str(case_id)},
    )
    assert [each["id"] for each in noted.payloads["decisions"]] == [str(planted.id)]
    untouched(world, case_id, bank)


def test_policies_see_what_a_rollback_would_do(world: World, bank: Bank) -> None:
    case_id, _paid = paying_case(world)
    name = world.operator.username
    policy(
        world, "deny",
        f'{ROLL_BACK} and .trigger == "operator" and .scope.kind == "whole"'
        ' and .counts == {steps: 1, human: 0, automated: 1, excluded: 0,'
        ' windows_overridden: 0} and .risk == "unspecified"'
        f' and .requested_by == "{name}" and .opened_by == "{name}"'
        ' and (.roles | index("operator"))'
        f' and .case == "{case_id}" and .reason == "Wrong"',
    )  # fmt: skip
    plan = preview(("case", case_id), call=Call(world.operator), reason="Wrong")
    with pytest.raises(Conflict) as refused:
        execute(plan.id, call=Call(world.operator, digest=plan.digest))
    assert refused.value.code == "denied_by_policy", refused.value.detail
    untouched(world, case_id, bank)


@pytest.mark.parametrize("risk", ["medium", "high", "critical"])
def test_by_its_risk_nobody_decides_alone(world: World, bank: Bank, risk: str) -> None:
    capability("test.risky", undone_by="test.unpay", risk=risk)(bank.pay)
    row = banks.pay(world, "test.risky")
    plan = preview(("execution", row.id), call=Call(world.operator), reason="Wrong")
    assert plan.requires_approval == (risk != "medium")
    run = execute(plan.id, call=Call(world.operator, digest=plan.digest))
    drain()
    if risk == "medium":
        assert (stored(world, row.id).status, bank.out) == ("COMPENSATED", 0)
        return
    assert (run_row(world, run.id).status, bank.out) == ("PENDING_APPROVAL", 5)
    assert [each["policy"] for each in run.decisions] == ["four_eyes"]
    approve_run(run.id, call=Call(world.approver))
    drain()
    assert (run_row(world, run.id).status, bank.out) == ("COMPLETED", 0)


def _ends(world: World, run: CompensationRun, how: str) -> None:
    """Let a run that waits end without a grant."""
    if how == "reject":
        reject_run(run.id, call=Call(world.approver), reason="Not this one")
    elif how == "cancel":
        cancel_run(run.id, call=Call(world.operator), reason="Not now")
    elif how == "withdraw":
        url = f"/api/v1/approvals/{approval_of(world, run).id}/withdraw"
        assert api(world.operator).post(url, {}, **JSON).status_code == 200
    else:
        due_now(approval_of(world, run))
        drain()


def _moves(world: World, how: str, made: Any, paid: Execution) -> None:
    """Let the world move while a run waits."""
    if how == "denied":
        policy(world, "deny", ROLL_BACK, priority=1)
    elif how == "stricter":
        policy(world, "require_approval", ROLL_BACK, priority=1)
    elif how == "demoted":
        _demote(world, world.operator)
    else:
        end_policy(made.id, call=Call(world.admin))
        plan = preview(("execution", paid.id), call=Call(world.operator), reason="Alone")
        execute(plan.id, call=Call(world.operator, digest=plan.digest))
        drain()


def _demote(world: World, who: ActingUser) -> None:
    assert who.membership_id is not None
    people.change_roles(who.membership_id, call=Call(world.admin), roles=["member"])


@pytest.mark.parametrize(
    ("how", "status", "approval", "last"),
    [
        ("reject", "REJECTED", "REFUSED", "compensation_rejected"),
        ("cancel", "CANCELLED", "WITHDRAWN", "compensation_cancelled"),
        ("withdraw", "CANCELLED", "WITHDRAWN", "compensation_cancelled"),
        ("expire", "EXPIRED", "EXPIRED", "compensation_expired"),
        ("denied", "SUPERSEDED", "SUPERSEDED", "compensation_superseded"),
        ("stricter", "SUPERSEDED", "SUPERSEDED", "compensation_superseded"),
        ("undone", "SUPERSEDED", "SUPERSEDED", "compensation_superseded"),
        ("demoted", "SUPERSEDED", "SUPERSEDED", "compensation_superseded"),
    ],
)
def test_what_is_not_granted_undoes_nothing(  # noqa: PLR0917  -- the table's columns
    world: World, bank: Bank, how: str, status: str, approval: str, last: str
) -> None:
    case_id, paid = paying_case(world)
    made = policy(world, "require_approval", ROLL_BACK)
    run = asked(world, case_id)
    if how in {"reject", "cancel", "withdraw", "expire"}:
        _ends(world, run, how)
    else:
        _moves(world, how, made, paid)
        approve_run(run.id, call=Call(world.approver))
    assert (run_row(world, run.id).status, approval_of(world, run).status) == (status, approval)
    assert actions_of(world, run) == ["compensation_requested", last]
    assert [str(step.status) for step in steps(world, run.id)] == ["PLANNED"]
    if how == "undone":
        assert (case_row(world, case_id).status, bank.out, undos(world)) == ("COMPLETED", 0, 1)
    else:
        untouched(world, case_id, bank)


def test_what_has_begun_is_not_cancelled(world: World, bank: Bank) -> None:
    case_id, _paid = paying_case(world)
    policy(world, "require_approval", ROLL_BACK)
    run = asked(world, case_id)
    approve_run(run.id, call=Call(world.approver))
    with pytest.raises(Conflict) as refused:
        cancel_run(run.id, call=Call(world.operator))
    assert refused.value.code == "illegal_state"
    drain()
    assert bank.out == 0


def test_who_agreed_and_lost_the_right_does_not_count_any_more(world: World, bank: Bank) -> None:
    case_id, _paid = paying_case(world)
    policy(world, "require_approval", ROLL_BACK, approvers=[{"roles": ["approver"]}] * 2)
    run = asked(world, case_id)
    second = second_approver(world)
    approve_run(run.id, call=Call(second))
    _demote(world, second)
    approve_run(run.id, call=Call(world.approver))
    assert run_row(world, run.id).status == "SUPERSEDED"
    assert approval_of(world, run).ended_because == (
        "Somebody who had agreed may not agree to it any more."
    )
    untouched(world, case_id, bank)


def test_asked_for_again_it_is_the_same_and_another_waits_for_it(world: World, bank: Bank) -> None:
    case_id, paid = paying_case(world)
    made = policy(world, "require_approval", ROLL_BACK)
    first = asked(world, case_id)
    assert asked(world, case_id).id == first.id
    with pytest.raises(Conflict) as refused:
        asked(world, case_id, world.admin)
    assert refused.value.code == "approval_pending"
    # One that is out of date makes room.
    end_policy(made.id, call=Call(world.admin))
    again = policy(world, "require_approval", ROLL_BACK, approvers=[{"roles": ["operator"]}])
    second = asked(world, case_id, world.admin)
    assert (run_row(world, first.id).status, second.status) == ("SUPERSEDED", "PENDING_APPROVAL")
    assert [each["id"] for each in second.decisions] == [str(again.id)]
    untouched(world, case_id, bank)
    assert stored(world, paid.id).status == "SUCCEEDED"


def test_while_one_waits_another_that_needs_nobody_may_begin(world: World, bank: Bank) -> None:
    case_id, paid = paying_case(world)
    policy(world, "require_approval", f"{ROLL_BACK} and .scope.kind == \"whole\" and .case != null"
           " and .subject.type == \"case\"")  # fmt: skip
    waits = asked(world, case_id)
    plan = preview(("execution", paid.id), call=Call(world.operator), reason="Alone")
    run = execute(plan.id, call=Call(world.operator, digest=plan.digest))
    assert run.status == "RUNNING"
    drain()
    assert (run_row(world, run.id).status, bank.out) == ("COMPLETED", 0)
    approve_run(waits.id, call=Call(world.approver))
    assert run_row(world, waits.id).status == "SUPERSEDED"


def test_an_approval_is_granted_by_the_digest_that_was_seen(world: World, bank: Bank) -> None:
    case_id, _paid = paying_case(world)
    policy(world, "require_approval", ROLL_BACK)
    run = asked(world, case_id)
    with pytest.raises(Stale) as refused:
        approve_run(run.id, call=Call(world.approver), digest="f" * 64)
    assert refused.value.code == "approval_moved"
    untouched(world, case_id, bank)
    approve_run(run.id, call=Call(world.approver), digest=approval_of(world, run).digest)
    assert run_row(world, run.id).status == "RUNNING"


def test_what_begins_by_itself_obeys_policies_and_waits_for_nobody(
    world: World, bank: Bank
) -> None:
    from_batch = {"calls": [
        {"capability": "test.pay", "input": {"amount": 5}},
        {"capability": "demo.fail", "input": {}},
    ], "on_failure": "compensate"}  # fmt: skip
    # Not a simple condition: jq is asked, while nothing is locked.
    policy(world, "require_approval", '[.operation, .trigger] | join(" ") == "roll_back batch"')
    answer = api(world.operator).post("/api/v1/batches", from_batch, **JSON)
    assert answer.status_code == 201, answer.content
    drain(fast_forward=True)
    shape = api(world.operator).get(f"/api/v1/batches/{answer.json()['id']}").json()
    assert (shape["status"], shape["compensation_run"], bank.out) == ("FAILED", None, 5)
    [noted] = [
        each for each in states.history(world, "batch", uuid.UUID(shape["id"]))
        if each.action == "compensation_refused"
    ]  # fmt: skip
    assert noted.payloads["code"] == "approval_required"
    with tenant_scope(world.operator.tenant_id):
        assert not CompensationRun.objects.exists()


def test_the_pages_ask_for_approval_and_show_who_agreed(world: World, bank: Bank) -> None:
    capability("test.risky", undone_by="test.unpay", risk="high")(bank.pay)
    row = banks.pay(world, "test.risky")
    plan = preview(("execution", row.id), call=Call(world.operator), reason="Wrong")
    page = browser(world.operator).get(f"/compensation-plans/{plan.id}/")
    assert "Ask for approval" in page.content.decode()
    answer = browser(world.operator).post(
        f"/compensation-plans/{plan.id}/execute/", {"digest": plan.digest}
    )
    with tenant_scope(world.operator.tenant_id):
        run = CompensationRun.objects.get()
    url = f"/compensation-runs/{run.id}/"
    assert (answer.status_code, answer["Location"]) == (303, url)
    shown = browser(world.approver).get(url).content.decode()
    assert "It waits for approval. Nothing is undone before that." in shown
    queue = browser(world.approver).get("/approvals/").content.decode()
    assert "Rollback of " in queue
    about = browser(world.approver).get(f"/approvals/{approval_of(world, run).id}/")
    assert (about.status_code, url in about.content.decode()) == (200, True)
    done = browser(world.approver).post(f"{url}approve/", {"reason": "Seen", "version": 1})
    assert done.status_code == 303, done.content
    shown = browser(world.operator).get(url).content.decode()
    assert "Approved by" in shown
    drain()
    assert bank.out == 0


@pytest.mark.parametrize("risk", ["medium", "high"])
def test_what_is_risky_is_attested_by_another_person(world: World, bank: Bank, risk: str) -> None:
    capability("test.risky", undone_by="demo.fail", risk=risk)(bank.pay)
    row = banks.pay(world, "test.risky")
    plan = preview(("execution", row.id), call=Call(world.operator), reason="Wrong")
    run = execute(plan.id, call=Call(world.operator, digest=plan.digest))
    if risk == "high":
        approve_run(run.id, call=Call(world.approver))
    drain(fast_forward=True)
    assert [str(step.status) for step in steps(world, run.id)] == ["FAILED"]
    url = f"/api/v1/compensation-runs/{run.id}/steps/1/attest"
    seen = {"evidence": "Statement, line 14"}
    answer = api(world.operator).post(url, seen, **JSON)
    if risk == "high":
        assert (answer.status_code, run_row(world, run.id).status) == (403, "FAULTED")
        answer = api(world.admin).post(url, seen, **JSON)
    assert answer.status_code == 200, answer.content
    drain()
    assert run_row(world, run.id).status == "COMPLETED"
    assert stored(world, row.id).status == "COMPENSATED"


def test_a_second_operator_may_be_the_one_who_agrees(world: World, bank: Bank) -> None:
    name = f"second-operator-{world.slug}"
    create_user(name, password=PASSWORD, email=f"{name}@demo.example")
    second = people.add_member(call=Call(world.admin), username=name, roles=["operator"])
    case_id, _paid = paying_case(world)
    policy(world, "require_approval", ROLL_BACK, approvers=[{"roles": ["operator"]}])
    run = asked(world, case_id)
    approve_run(run.id, call=Call(second))
    drain()
    assert (run_row(world, run.id).status, bank.out) == ("COMPLETED", 0)
