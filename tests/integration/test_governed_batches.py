"""Batches under policies: refused as a whole, changed call by call, and never half opened."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from config.demo.transfers import open_accounts, transfers
from executions.models import Batch, Execution
from governance.actions.policy_verbs import add_policy
from governance.errors import DeniedByPolicy
from json_values.jq.known_answers import KnownAnswers
from ledger.errors import Invalid
from ledger.models import LedgerEntry
from ledger.tenancy import tenant_scope
from tests import states
from tests.batching import asked, batch_now, calls_now, transfer
from tests.casework import deploy, opened, plan_items
from tests.definitions import automated, definition
from tests.draining import drain
from tests.verifying import verify
from tests.world import World
from verbs.call import Call

LARGE = ".input.amount > 150"


def policy(world: World, effect: str, when: str = LARGE, **more: Any) -> uuid.UUID:
    said = {"name": f"{effect} {uuid.uuid4().hex[:6]}", "priority": 10, "reason": "House rule"}
    made = add_policy(call=Call(world.admin), **{**said, "effect": effect, "when": when, **more})
    id_: uuid.UUID = made.id
    return id_


def kept(world: World) -> tuple[int, int]:
    with tenant_scope(world.system.tenant_id):
        return (Batch.objects.count(), Execution.objects.count())


def test_one_denied_call_refuses_the_whole_batch_and_is_on_record(world: World) -> None:
    open_accounts(world.system.tenant_id)
    policy(world, "deny")
    with pytest.raises(DeniedByPolicy) as refused:
        asked(world, transfer(100), transfer(200))
    assert refused.value.code == "denied_by_policy"
    drain()
    assert (kept(world), transfers(world.system.tenant_id)) == ((0, 0), [])
    with tenant_scope(world.system.tenant_id):
        rows = LedgerEntry.objects.filter(action="execution_denied")
        assert [(row.kind, row.subject_type) for row in rows] == [("REFUSAL", "tenant")]
    asked(world, transfer(100), transfer(150))
    drain()
    assert transfers(world.system.tenant_id) == [
        ("bank", "customer", 100), ("bank", "customer", 150),
    ]  # fmt: skip
    verify()


def test_a_call_that_others_have_to_agree_to_is_asked_for_by_itself(world: World) -> None:
    open_accounts(world.system.tenant_id)
    policy(world, "require_approval")
    with pytest.raises(Invalid) as refused:
        asked(world, transfer(100), transfer(200), transfer(300))
    assert [(each.pointer, each.code) for each in refused.value.errors] == [
        ("/calls/1", "approval_required"), ("/calls/2", "approval_required"),
    ]  # fmt: skip
    assert kept(world) == (0, 0)


@pytest.mark.parametrize("effect", ["deny", "require_approval", "modify"])
def test_a_call_whose_turn_comes_later_is_decided_about_then(world: World, effect: str) -> None:
    open_accounts(world.system.tenant_id)
    batch = asked(world, transfer(100), transfer(150), transfer(150))
    [run_first] = [call for call in calls_now(world, batch.id) if call.batch_position == 0]
    more = {"change": "{input: (.input + {amount: 1})}"} if effect == "modify" else {}
    add_policy(
        call=Call(world.admin), name="Since", priority=1, effect=effect, reason="Closed by now",
        when="[.input.amount] | max > 120", **more,
    )  # fmt: skip
    drain()
    assert [call.status for call in calls_now(world, batch.id)] == [
        "SUCCEEDED", "REJECTED", "CANCELLED",
    ]  # fmt: skip
    assert calls_now(world, batch.id)[1].error
    assert (run_first.status, batch_now(world, batch.id).status) == ("PENDING", "FAILED")
    assert transfers(world.system.tenant_id) == [("bank", "customer", 100)]
    verify()


def test_conditions_of_many_calls_are_asked_for_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_accounts(world.system.tenant_id)
    add_policy(
        call=Call(world.admin), name="Large", priority=1, effect="deny", reason="Too much",
        when="[.input.amount] | max > 1000",
    )  # fmt: skip
    exchanges: list[int] = []
    asks = KnownAnswers.ask

    def counted(known: KnownAnswers, missing: Any) -> None:
        exchanges.append(1)
        asks(known, missing)

    monkeypatch.setattr(KnownAnswers, "ask", counted)
    asked(world, *(transfer(n) for n in range(1, 21)))
    assert (len(exchanges), kept(world)) == (1, (1, 20))


def test_what_a_policy_changes_is_what_is_done_and_kept_as_a_decision(world: World) -> None:
    open_accounts(world.system.tenant_id)
    policy(world, "modify", change="{input: (.input + {amount: 150})}")
    batch = asked(world, transfer(100), transfer(200))
    drain()
    assert batch_now(world, batch.id).status == "COMPLETED"
    first, second = calls_now(world, batch.id)
    assert (first.decisions, second.input["amount"]) == ([], 150)
    assert [each["effect"] for each in second.decisions] == ["modify"]
    assert transfers(world.system.tenant_id) == [
        ("bank", "customer", 100), ("bank", "customer", 150),
    ]  # fmt: skip
    requested = states.history(world, "execution", second.id)[0]
    assert requested.payloads["decisions"] == second.decisions


def test_no_policy_makes_a_call_of_a_batch_a_mere_check(world: World) -> None:
    open_accounts(world.system.tenant_id)
    policy(world, "modify", change='{mode: "validate"}')
    with pytest.raises(DeniedByPolicy) as refused:
        asked(world, transfer(100), transfer(200))
    assert "the mode of a step" in refused.value.detail
    assert kept(world) == (0, 0)


def test_what_takes_something_back_is_an_undo_however_it_is_asked_for(world: World) -> None:
    open_accounts(world.system.tenant_id)
    policy(world, "deny", '.operation == "undo"')
    back = {"capability": "demo.reverse-transfer", "reason": "By hand", "input": {
        "from": "bank", "to": "customer", "amount": 1,
    }}  # fmt: skip
    with pytest.raises(DeniedByPolicy):
        asked(world, back)
    assert kept(world) == (0, 0)
    asked(world, transfer(1))
    assert kept(world) == (1, 1)


def test_a_forward_step_of_a_case_is_no_undo_though_another_uses_it_as_one(world: World) -> None:
    open_accounts(world.system.tenant_id)
    policy(world, "deny", '.operation == "undo"')
    given = '{from: "customer", to: "bank", amount: 1}'
    deploy(world, definition("forth", automated("pay", "demo.reverse-transfer", "true", given)))
    case_id = opened(world, "tests/forth")
    assert plan_items(world, case_id)["pay"].status == "COMPLETED"
    assert transfers(world.system.tenant_id) == [("bank", "customer", 1)]
