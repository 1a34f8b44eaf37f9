"""What policies are asked about the calls of a batch: all at once, in time, and no more than tells
what becomes of it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from config.demo.transfers import open_accounts
from executions.actions import batches, request_execution
from executions.actions.deciding_executions import decided_on_many
from executions.models import Batch
from governance.errors import DeniedByPolicy
from json_values.jq import child_pool
from json_values.jq.known_answers import KnownAnswers
from ledger.errors import Invalid
from ledger.models import LedgerEntry
from ledger.tenancy import tenant_scope
from tests.batching import asked, calls_now, transfer
from tests.integration.test_governed_batches import kept, policy
from tests.lanes import statements
from tests.verifying import verify
from tests.world import World
from verbs.call import Call

SLOW_CHANGE = "{input: (.input + {amount: ([.input.amount, 150] | min)})}"
TEN_MORE = "{input: (.input + {amount: ([.input.amount, 10] | add)})}"
THOUSAND_MORE = TEN_MORE.replace("10", "1000")


@pytest.fixture
def exchanges(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many questions jq is asked in each exchange."""
    found: list[int] = []
    asks = KnownAnswers.ask

    def counted(known: KnownAnswers, missing: Any) -> None:
        found.append(len(missing.exchange.questions))
        asks(known, missing)

    monkeypatch.setattr(KnownAnswers, "ask", counted)
    return found


@pytest.fixture
def attempts(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many calls each attempt at a batch has decided about."""
    found: list[int] = []

    def counted(calls: Any) -> Any:
        found.append(len(calls))
        return decided_on_many(calls)

    monkeypatch.setattr(batches, "decided_on_many", counted)
    return found


def denied(world: World) -> int:
    with tenant_scope(world.system.tenant_id):
        return LedgerEntry.objects.filter(action="execution_denied").count()


def test_attempts_and_what_they_read_do_not_grow_with_the_calls(
    world: World, exchanges: list[int], attempts: list[int]
) -> None:
    open_accounts(world.system.tenant_id)
    policy(world, "modify", "[.input.amount] | max < 150", change=THOUSAND_MORE, priority=1)
    policy(world, "modify", "[.input.amount] | max > 20", change=TEN_MORE, priority=2)
    asked(world, transfer(50))
    exchanges.clear()
    attempts.clear()
    few = statements(lambda: asked(world, transfer(30), transfer(31)))
    assert (exchanges, attempts) == ([4, 2, 2, 2], [2] * 5)
    exchanges.clear()
    attempts.clear()
    calls = [transfer(n) for n in range(30, 130)]
    made: list[Batch] = []
    many = statements(lambda: made.append(asked(world, *calls)))
    assert (exchanges, attempts) == ([200, 100, 100, 100], [100] * 5)
    assert len(many) == len(few)
    assert (kept(world), denied(world)) == ((3, 103), 0)
    rows = calls_now(world, made[0].id)
    assert [each.input["amount"] for each in rows] == list(range(1040, 1140))
    assert {tuple(one["effect"] for one in each.decisions) for each in rows} == {
        ("modify", "modify")
    }
    verify()


def test_equal_calls_are_asked_about_once(world: World, exchanges: list[int]) -> None:
    policy(world, "modify", "[.input.amount] | max < 150", change=SLOW_CHANGE)
    exchanges.clear()
    asked(world, *[transfer(100)] * 20)
    assert (exchanges, kept(world)) == ([1, 1], (1, 20))


def test_of_a_batch_that_is_refused_nothing_more_is_asked(
    world: World, exchanges: list[int]
) -> None:
    policy(world, "deny", "[.input.amount] | max > 150", priority=1)
    policy(world, "modify", "[.input.amount] | max < 150", change=SLOW_CHANGE, priority=2)
    exchanges.clear()
    with pytest.raises(DeniedByPolicy, match="House rule"):
        asked(world, transfer(200), *(transfer(n) for n in range(1, 10)))
    assert (exchanges, kept(world)) == ([20], (0, 0))


def test_the_first_call_that_is_refused_is_told_though_it_takes_more_to_know(
    world: World, exchanges: list[int]
) -> None:
    policy(world, "modify", "[.input.amount] | max < 20", change=THOUSAND_MORE, priority=1)
    policy(world, "deny", "[.input.amount] | max > 1000", priority=2, reason="Far too much")
    policy(world, "deny", "[.input.amount] | max > 200", priority=3, reason="Large")
    exchanges.clear()
    with pytest.raises(DeniedByPolicy, match="Far too much"):
        asked(world, transfer(10), transfer(300), transfer(11))
    # Nothing more is asked about the second, nor about the third, which comes after it.
    assert (exchanges, kept(world), denied(world)) == ([9, 1, 2], (0, 0), 1)


def test_what_is_not_needed_any_more_of_calls_behind_a_refusal_overtakes_nobody(
    world: World, exchanges: list[int]
) -> None:
    """One after the other is refused, each before the one that was refused so far."""
    low, amount = "[.input.amount] | max < 200", "[.input.amount] | max"
    for place, never in enumerate((16, 24, 32)):
        policy(world, "modify", low, change=TEN_MORE, priority=2 * place)
        when, why = f"{amount} == {never}", f"Not {never}"
        policy(world, "deny", when, reason=why, priority=2 * place + 1)
    policy(world, "modify", low, change=TEN_MORE, priority=6)
    exchanges.clear()
    with pytest.raises(DeniedByPolicy, match="Not 32"):
        asked(world, *(transfer(n) for n in range(1, 8)))
    assert exchanges == [28, 7, 28, 5, 15, 3, 6, 1]
    assert (kept(world), denied(world)) == ((0, 0), 1)


TOO_MANY = "the policies could not be asked about so many calls in time: send fewer at once"


def is_too_many(refused: Invalid) -> bool:
    told = [(each.pointer, each.code, each.message) for each in refused.errors]
    assert told == [("/calls", "policies_too_slow", TOO_MANY)]
    return refused.code == "policies_too_slow"


def test_what_there_is_no_time_to_ask_is_denied_by_no_policy(
    world: World, monkeypatch: pytest.MonkeyPatch, exchanges: list[int]
) -> None:
    monkeypatch.setattr(batches, "POLICY_SECONDS", 0)
    policy(world, "modify", "[.input.amount] | max < 120", change=SLOW_CHANGE)
    exchanges.clear()
    with pytest.raises(Invalid) as refused:
        asked(world, transfer(130), transfer(100), transfer(110))
    assert is_too_many(refused.value)
    assert (exchanges, kept(world), denied(world)) == ([3], (0, 0), 0)
    # What has been asked at once is decided, however long it took.
    asked(world, transfer(130), transfer(140))
    assert (exchanges, kept(world)) == ([3, 2], (1, 2))


def test_what_others_in_an_exchange_left_no_time_for_is_denied_by_no_policy(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy(world, "deny", "[.input.amount] | max > 150")
    monkeypatch.setattr(child_pool, "REQUEST_SECONDS", -1.0)
    with pytest.raises(Invalid) as refused:
        asked(world, transfer(100), transfer(110))
    assert is_too_many(refused.value)
    assert (kept(world), denied(world)) == ((0, 0), 0)
    # Of one call alone nobody can send less: the failed condition denies it.
    why = re.escape("not asked any more: what was asked before took all the time")
    with pytest.raises(DeniedByPolicy, match=why):
        request_execution(call=Call(world.operator), **transfer(100))
    assert (kept(world), denied(world)) == ((0, 0), 1)
