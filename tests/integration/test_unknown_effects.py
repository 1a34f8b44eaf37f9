"""Effects nobody knows about: what an end without a word means for the execution, for plans and for
rollbacks, and how an operator settles it. Money moves in a map, so that it can be counted."""

from __future__ import annotations

import pytest

from executions.actions import request_execution, settle_outcome
from executions.capability_registry import RetryPolicy, capability
from ledger import selectors as entries
from ledger.errors import Conflict, Invalid, NotPermitted
from ledger.tenancy import tenant_scope
from tests.bank import SEEN, Bank, actions_of, open_bank, pay, stored
from tests.draining import drain
from tests.world import World
from verbs.call import Call


@pytest.fixture(name="bank")
def _bank(monkeypatch: pytest.MonkeyPatch) -> Bank:
    return open_bank(monkeypatch)


def test_what_ends_without_a_word_is_uncertain_and_tried_with_one_key(
    world: World, bank: Bank
) -> None:
    bank.answers = False
    row = pay(world)
    assert (row.status, row.attempts, row.outcome_unknown) == ("UNCERTAIN", 3, True)
    assert row.error == "ConnectionError: no answer"
    assert bank.paid == {row.idempotency_key: 5}
    assert actions_of(world, row)[-1] == "outcome_unknown"
    drain(fast_forward=True)
    assert stored(world, row.id).version == row.version, "something went on by itself"


def test_what_a_program_declares_is_failed(world: World, bank: Bank) -> None:
    bank.reachable = False
    row = pay(world)
    assert (row.status, row.attempts, row.outcome_unknown) == ("FAILED", 3, False)
    assert row.error == "the bank is closed; nothing was sent"
    assert bank.paid == {}


def test_a_simulation_has_no_effect_to_be_unsure_of(world: World, bank: Bank) -> None:
    bank.answers = False
    capability("test.pretend", simulates=True, retry=RetryPolicy(max_attempts=1))(bank.pay)
    row = pay(world, "test.pretend", mode="simulate")
    assert (row.status, row.outcome_unknown) == ("FAILED", False)


def test_a_result_nobody_can_use_may_still_have_happened(world: World, bank: Bank) -> None:
    schema = {"type": "object", "required": ["receipt"]}
    capability("test.odd", output_schema=schema)(bank.pay)
    row = pay(world, "test.odd")
    assert (row.status, row.attempts) == ("UNCERTAIN", 1)
    assert "receipt" in row.error
    assert bank.out == 5


def test_its_status_is_asked_before_anybody_is(world: World, bank: Bank) -> None:
    bank.answers = False
    row = pay(world, "test.pay-told")
    assert (row.status, row.output, row.attempts) == ("SUCCEEDED", {"out": 5}, 2)
    assert (bank.asked, bank.out) == (1, 5)


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED"])
def test_an_operator_settles_it_and_vouches(world: World, bank: Bank, status: str) -> None:
    bank.answers, happened = False, status == "SUCCEEDED"
    row = pay(world)
    with pytest.raises(NotPermitted):
        settle_outcome(row.id, call=Call(world.analyst), happened=happened, **SEEN)
    with pytest.raises(Invalid) as refused:
        settle_outcome(row.id, call=Call(world.operator), happened=happened)
    assert refused.value.errors[0].pointer == "/evidence"
    assert stored(world, row.id).status == "UNCERTAIN"

    settle_outcome(row.id, call=Call(world.operator), happened=happened, **SEEN)

    after = stored(world, row.id)
    assert (after.status, after.outcome_unknown) == (status, False)
    with tenant_scope(world.operator.tenant_id):
        last = entries.entries_of(row.tenant_id, "execution", row.id)[-1]
    assert (last.kind, last.action) == ("ATTESTATION", status.lower())
    assert (last.actor_id, last.actor_role) == (world.operator.actor_id, "operator")
    assert last.payloads["evidence"] == SEEN["evidence"]
    with pytest.raises(Conflict):
        settle_outcome(row.id, call=Call(world.operator), happened=not happened, **SEEN)
    assert stored(world, row.id).status == status


def test_an_output_is_checked_and_only_of_what_happened(world: World, bank: Bank) -> None:
    schema = {"type": "object", "required": ["receipt"]}
    capability("test.odd", output_schema=schema)(bank.pay)
    row = pay(world, "test.odd")
    call = Call(world.operator)
    with pytest.raises(Invalid) as refused:
        settle_outcome(row.id, call=call, happened=True, output={"no": 1}, **SEEN)
    assert refused.value.errors[0].pointer == "/output"
    with pytest.raises(Invalid) as refused:
        settle_outcome(row.id, call=call, happened=False, output={"receipt": 1}, **SEEN)
    assert refused.value.errors[0].pointer == "/output"
    settle_outcome(row.id, call=call, happened=True, output={"receipt": 1}, **SEEN)
    assert stored(world, row.id).output == {"receipt": 1}


def test_nothing_is_settled_that_was_never_tried(world: World, bank: Bank) -> None:
    made = request_execution(call=Call(world.operator), capability="test.pay", input={"amount": 5})
    with pytest.raises(Conflict):
        settle_outcome(made.id, call=Call(world.operator), happened=False, **SEEN)
    drain()
    assert (stored(world, made.id).status, bank.out) == ("SUCCEEDED", 5)


def test_between_two_attempts_an_operator_may_settle_it(world: World, bank: Bank) -> None:
    bank.answers = False
    made = request_execution(call=Call(world.operator), capability="test.pay", input={"amount": 5})
    drain()
    assert stored(world, made.id).status == "PENDING"
    settle_outcome(made.id, call=Call(world.operator), happened=True, **SEEN)
    drain(fast_forward=True)
    row = stored(world, made.id)
    assert (row.status, row.attempts) == ("SUCCEEDED", 1)
