"""Work that a program accepts and does later, work of agents, and calls that say less than all."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from executions import capability_registry
from executions.actions import record_result, request_execution, settle_outcome
from executions.actions.execution_attempts import LeaseLost, begin, settle
from executions.capability_registry import (
    Failed,
    Invocation,
    Later,
    NotDone,
    Permanent,
    Result,
    RetryPolicy,
    agent_capability,
    capability,
)
from executions.models import Execution, ExecutionJob
from ledger import selectors as entries
from ledger.errors import Invalid, NotPermitted
from ledger.tenancy import tenant_scope
from tests.bank import SEEN, actions_of, roll_back, stored
from tests.casework import case_row, deploy, opened, plan_items
from tests.definitions import automated, definition
from tests.draining import drain, expire_leases, skip_backoffs
from tests.world import World
from verbs.call import Call

FEW = RetryPolicy(max_attempts=3)
ACCEPTED = ["requested", "dispatched", "accepted"]
Said = Result | Later | BaseException | None


class Shop:
    """A program that answers what it is told to, call by call and question by question."""

    def __init__(self) -> None:
        self.calls: list[Invocation] = []
        self.asked: list[str] = []
        self.answers: list[Said] = [Later("order/1", 60)]
        self.results: list[Said] = []

    def order(self, call: Invocation) -> Result | Later:
        self.calls.append(call)
        said: Result | Later = self._next(self.answers)
        return said

    def ready(self, call: Invocation) -> Result | Later | None:
        self.asked.append(call.ask)
        said: Any = self._next(self.results)
        return None if said is None else said

    def _next(self, said: list[Said]) -> Any:
        found = said.pop(0) if len(said) > 1 else said[0]
        if isinstance(found, BaseException):
            raise found
        return found


def open_shop(monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Open one, with its capability, for the length of a test."""
    known = dict(capability_registry._capabilities)  # noqa: SLF001  -- there is no way back
    monkeypatch.setattr(capability_registry, "_capabilities", known)
    made = Shop()
    capability(
        "test.order", later=made.ready, retry=FEW, wait_seconds=3600,
        output_schema={"type": "object", "required": ["receipt"]},
    )(made.order)  # fmt: skip
    return made


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Shop:
    return open_shop(monkeypatch)


def ordered(world: World, name: str = "test.order") -> Execution:
    made = request_execution(call=Call(world.operator), capability=name, input={"n": 1})
    drain()
    return stored(world, made.id)


def look_again(world: World, row: Execution) -> Execution:
    """Let the time until the next question pass, and ask."""
    skip_backoffs()
    drain()
    return stored(world, row.id)


def job_of(world: World, row: Execution) -> ExecutionJob | None:
    with tenant_scope(row.tenant_id):
        return ExecutionJob.objects.filter(execution_id=row.id).first()


def test_what_was_accepted_waits_without_a_worker_and_is_asked_about(
    world: World, shop: Shop
) -> None:
    shop.results = [Later("order/1/part"), None, ConnectionError("away"), Result({"receipt": 7})]
    row = ordered(world)
    assert (row.status, row.attempts, row.outcome_unknown) == ("WAITING", 1, True)
    job = job_of(world, row)
    assert job is not None
    assert (job.ask, job.leased_until, job.accepted_at is None) == ("order/1", None, False)
    drain()
    assert shop.asked == []
    version = row.version
    for _ in range(3):
        row = look_again(world, row)
        assert (row.status, row.version) == ("WAITING", version)
    assert actions_of(world, row) == ACCEPTED
    row = look_again(world, row)
    assert (row.status, row.output, row.attempts) == ("SUCCEEDED", {"receipt": 7}, 1)
    assert actions_of(world, row) == [*ACCEPTED, "succeeded"]
    assert shop.asked == ["order/1", "order/1/part", "order/1/part", "order/1/part"]
    assert len(shop.calls) == 1
    assert job_of(world, row) is None
    assert skip_backoffs() == 0


@pytest.mark.parametrize(
    ("said", "status", "error"),
    [
        (Failed("sold out"), "FAILED", "sold out"),
        (Permanent("sold out"), "FAILED", "sold out"),
        (
            Result({"no": 1}),
            "UNCERTAIN",
            'its output breaks the schema at /: "receipt" is a required property',
        ),
    ],
)
def test_the_last_word_of_what_was_accepted_is_kept(
    world: World, shop: Shop, said: Said, status: str, error: str
) -> None:
    shop.results = [said]
    row = look_again(world, ordered(world))
    assert (row.status, row.error) == (status, error)
    assert len(shop.calls) == 1
    assert job_of(world, row) is None


def test_a_question_that_could_not_be_put_is_no_word_about_the_work(
    world: World, shop: Shop
) -> None:
    shop.results = [NotDone("may not ask", permanent=True)]
    row = look_again(world, ordered(world))
    assert (row.status, row.outcome_unknown) == ("WAITING", True)


def test_what_is_never_ready_ends_as_unknown_and_is_not_called_again(
    world: World, shop: Shop
) -> None:
    shop.results = [None]
    row = look_again(world, ordered(world))
    assert row.status == "WAITING"
    with tenant_scope(row.tenant_id):
        job = ExecutionJob.objects.get(execution_id=row.id)
        assert job.accepted_at is not None
        ExecutionJob.objects.filter(execution_id=row.id).update(
            accepted_at=job.accepted_at.replace(year=2020)
        )
    row = look_again(world, row)
    said = "it was accepted, and nobody has said in time what became of it"
    assert (row.status, row.error) == ("UNCERTAIN", said)
    assert actions_of(world, row) == [*ACCEPTED, "outcome_unknown"]
    assert len(shop.calls) == 1


def test_questions_become_rarer_and_none_is_put_after_the_end(world: World, shop: Shop) -> None:
    shop.results = [Later("order/1", 1)]
    row = ordered(world)
    with tenant_scope(row.tenant_id):
        [job] = ExecutionJob.objects.filter(execution_id=row.id)
        assert job.accepted_at is not None
        assert round((job.due_at - job.accepted_at).total_seconds()) == 60
        since = job.accepted_at
        ExecutionJob.objects.filter(execution_id=row.id).update(
            accepted_at=since - dt.timedelta(minutes=30)
        )
    look_again(world, row)
    job_after = job_of(world, row)
    assert job_after is not None
    # A tenth of half an hour, not the second that was asked for; the test itself takes no minute.
    assert 180 <= (job_after.due_at - since).total_seconds() < 240


def test_whoever_reports_first_ends_it(world: World, shop: Shop) -> None:
    shop.results = [Result({"receipt": 7})]
    row = ordered(world)
    with pytest.raises(Invalid) as refused:
        record_result(row.id, call=Call(world.operator), outcome="succeeded", output={"x": 1})
    assert [each.pointer for each in refused.value.errors] == ["/output"]
    record_result(row.id, call=Call(world.operator), outcome="succeeded", output={"receipt": 1})
    assert skip_backoffs() == 0
    drain()
    assert shop.asked == []
    assert stored(world, row.id).output == {"receipt": 1}


def test_an_operator_settles_what_is_waited_for(world: World, shop: Shop) -> None:
    row = ordered(world)
    settle_outcome(row.id, call=Call(world.operator), happened=False, **SEEN)
    row = stored(world, row.id)
    assert (row.status, job_of(world, row)) == ("FAILED", None)


def test_later_without_anybody_to_ask_is_no_answer(world: World, shop: Shop) -> None:
    capability("test.mute", retry=FEW)(shop.order)
    row = ordered(world, "test.mute")
    assert row.status == "UNCERTAIN"
    assert row.error == "it answered that its result comes later, and declares nobody to ask"
    assert len(shop.calls) == 1


def test_a_capability_that_went_away_leaves_what_it_accepted_unknown(
    world: World, shop: Shop
) -> None:
    row = ordered(world)
    del capability_registry._capabilities["test.order"]  # noqa: SLF001  -- as after a deployment
    row = look_again(world, row)
    assert row.status == "UNCERTAIN"
    assert row.error == "no capability named 'test.order' is registered any more"


def test_a_case_goes_on_with_what_came_later(world: World, shop: Shop) -> None:
    step = automated("buy", "test.order", "true", "{n: 1}")
    deploy(world, definition("buys", step, success=".buy"))
    shop.results = [Result({"receipt": 7})]
    case_id = opened(world, "tests/buys")
    drain()
    [item] = plan_items(world, case_id).values()
    assert (item.status, case_row(world, case_id).status) == ("ACTIVE", "RUNNING")
    skip_backoffs()
    drain()
    assert case_row(world, case_id).status == "COMPLETED"
    assert len(shop.calls) == 1


def attempts(world: World, row: Execution) -> Execution:
    drain(fast_forward=True)
    return stored(world, row.id)


def test_no_effect_of_this_call_is_no_word_about_an_earlier_one(world: World, shop: Shop) -> None:
    shop.answers = [ConnectionError("no answer"), NotDone("refused at the door", permanent=True)]
    row = attempts(world, ordered(world))
    assert (row.status, row.error, row.attempts) == ("UNCERTAIN", "refused at the door", 2)


def test_no_effect_of_the_only_call_is_none_at_all(world: World, shop: Shop) -> None:
    shop.answers = [NotDone("refused at the door", permanent=True)]
    row = attempts(world, ordered(world))
    assert (row.status, row.attempts, row.outcome_unknown) == ("FAILED", 1, False)
    shop.answers = [NotDone("closed")]
    row = attempts(world, ordered(world))
    assert (row.status, row.attempts, row.outcome_unknown) == ("FAILED", 3, False)
    shop.answers = [NotDone("closed"), Result({"receipt": 1})]
    row = attempts(world, ordered(world))
    assert (row.status, row.attempts) == ("SUCCEEDED", 2)


@pytest.mark.parametrize(
    ("knows", "status", "calls"),
    [(None, "UNCERTAIN", 1), (Result({}), "SUCCEEDED", 1), (Failed("unknown"), "SUCCEEDED", 2)],
)
def test_what_must_not_be_done_twice_is_asked_about_and_not_called_again(
    world: World, shop: Shop, knows: Said, status: str, calls: int
) -> None:
    shop.answers, shop.results = [ConnectionError("no answer"), Result({})], [knows]
    capability("test.once", side_effect="non_idempotent", status=shop.ready, retry=FEW)(shop.order)
    row = attempts(world, ordered(world, "test.once"))
    assert (row.status, len(shop.calls)) == (status, calls)
    if status == "UNCERTAIN":
        assert row.error.endswith("it is not declared to be safe to call it again")


def test_a_status_may_say_that_it_is_still_under_way(world: World, shop: Shop) -> None:
    shop.answers, shop.results = [ConnectionError("cut")], [Later("order/1"), Result({"n": 1})]
    capability("test.told", status=shop.ready, later=shop.ready, retry=FEW)(shop.order)
    row = ordered(world, "test.told")
    assert row.status == "PENDING"
    row = look_again(world, row)
    assert (row.status, shop.asked) == ("WAITING", [""])
    row = look_again(world, row)
    assert (row.status, shop.asked) == ("SUCCEEDED", ["", "order/1"])
    assert len(shop.calls) == 1


def test_a_handler_is_told_who_asked_and_what_led_to_it(world: World, shop: Shop) -> None:
    shop.answers = [Result({"receipt": 1})]
    row = ordered(world)
    [call] = shop.calls
    assert (call.actor, call.on_behalf_of) == (world.system.actor_id, world.operator.actor_id)
    assert (call.idempotency_key, call.correlation_id) == (str(row.id), row.id)
    with tenant_scope(row.tenant_id):
        told = entries.entries_of(row.tenant_id, "execution", row.id)
    assert call.causation_id == told[1].id
    assert told[1].action == "dispatched"
    assert (call.strategy, call.original, call.undoes) == ("", None, None)


def restoring(world: World, shop: Shop, **ways: Callable[[Invocation], Any]) -> uuid.UUID:
    """A case whose only step can be undone in these ways, done."""
    shop.answers = [Result({"receipt": 1}, before={"stock": 5}, after={"stock": 4})]
    capability("test.stock", reversibility="compensable", retry=FEW, **ways)(shop.order)  # type: ignore[arg-type]  # which ways, the test says
    step = automated("buy", "test.stock", "true", "{n: 1}")
    deploy(world, definition("stocks", step, success=".buy"))
    case_id = opened(world, "tests/stocks")
    drain(fast_forward=True)
    return case_id


def test_its_own_undo_restores_what_was(world: World, shop: Shop) -> None:
    undone: list[Invocation] = []

    def restore(call: Invocation) -> Result:
        undone.append(call)
        return Result({"stock": 5})

    case_id = restoring(world, shop, restore=restore)
    run = roll_back(world, case_id)
    assert (run.status, case_row(world, case_id).status) == ("COMPLETED", "COMPENSATED")
    [call] = undone
    assert (call.strategy, call.input, call.correlation_id) == ("restore", {"n": 1}, case_id)
    assert call.original is not None
    assert (call.original["before"], call.original["after"]) == ({"stock": 5}, {"stock": 4})
    assert call.idempotency_key.startswith("comp:")


def test_its_own_undo_corrects_where_that_is_asked_for(world: World, shop: Shop) -> None:
    corrected: list[str] = []

    def correct(call: Invocation) -> Result:
        corrected.append(call.strategy)
        return Result({})

    case_id = restoring(world, shop, correct=correct)
    run = roll_back(world, case_id, strategy="correct")
    assert (run.status, corrected) == ("COMPLETED", ["correct"])


def test_a_way_that_is_not_declared_is_said(world: World, shop: Shop) -> None:
    case_id = restoring(world, shop, correct=shop.order)
    run = roll_back(world, case_id)
    assert run.status == "FAULTED"
    with tenant_scope(world.operator.tenant_id):
        undo = Execution.objects.get(capability="test.stock.undo", case_id=case_id)
    assert undo.error == "test.stock declares no way to restore what it did"


def test_an_agents_work_waits_for_its_report(world: World, shop: Shop) -> None:
    agent_capability(
        "test.translates", performer=world.agent.username, description="Translates.",
        output_schema={"type": "object", "required": ["text"]},
    )  # fmt: skip
    row = ordered(world, "test.translates")
    assert (row.status, row.attempts, job_of(world, row)) == ("WAITING", 0, None)
    assert row.performer_id == world.agent.actor_id
    with pytest.raises(NotPermitted):
        record_result(row.id, call=Call(world.analyst), outcome="succeeded", output={"text": "x"})
    with pytest.raises(Invalid) as refused:
        record_result(row.id, call=Call(world.agent), outcome="succeeded", output={})
    assert [(e.pointer, e.code) for e in refused.value.errors] == [("/output", "required")]
    assert stored(world, row.id).status == "WAITING"
    record_result(row.id, call=Call(world.agent), outcome="succeeded", output={"text": "Ja"})
    assert stored(world, row.id).output == {"text": "Ja"}


def test_a_worker_that_dies_while_it_asks_leaves_the_question_to_another(
    world: World, shop: Shop
) -> None:
    shop.results = [Result({"receipt": 7})]
    row = ordered(world)
    skip_backoffs()
    begun = begin(row.tenant_id, row.id)
    assert begun is not None
    assert begun.call.ask == "order/1"
    assert begin(row.tenant_id, row.id) is None
    expire_leases()
    drain()
    row = stored(world, row.id)
    assert (row.status, row.attempts, shop.asked) == ("SUCCEEDED", 1, ["order/1"])
    with pytest.raises(LeaseLost):
        settle(begun, Result({"receipt": 8}))
    assert stored(world, row.id).output == {"receipt": 7}
