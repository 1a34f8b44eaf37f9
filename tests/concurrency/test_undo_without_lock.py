"""jq is asked about an undo while nothing is locked: nobody waits, and what moved is seen."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection

from cases import actions
from compensation.actions.plan_execution import execute
from compensation.sentences import INPUT_UNKNOWN
from json_values.jq import evaluation
from json_values.jq.child_pool import Answer, Item
from ledger.errors import Conflict
from ledger.models import LedgerEntry
from ledger.tenancy import tenant_scope
from tests import states
from tests.casework import (
    case_row,
    counted,
    deploy,
    finish,
    open_undo,
    opened,
    plan_for,
    plan_items,
    roll_back,
    run_row,
    steps,
    undo,
)
from tests.clients import api
from tests.concurrency.test_engine_without_lock import AT_ONCE, MARGIN, elsewhere
from tests.definitions import definition, human
from tests.draining import drain
from tests.integration.foundation_calls import code
from tests.verifying import verify
from tests.world import World
from verbs.answered_outside import OVERTAKEN
from verbs.call import Call
from workitems.actions import compensate
from workitems.models import WorkItem

# Nothing of these is simple: the keys of the context, and a word of the undo's result in capitals.
TOLD = "{known: (.context | keys), why: (.reason | length)}"
MADE = "{word: (.outcome | ascii_downcase)}"


def undone_by(name: str = "a", told: str = TOLD, made: str = MADE) -> list[dict[str, Any]]:
    """Return a task, and the binding that undoes it."""
    task = {"title": f"Undo {name}", "inputMapping": told, "outputMapping": made}
    return [
        human(name, compensation=None, compensate=f"un{name}"),
        {"name": f"un{name}", "compensation": True, "humanTask": task},
    ]


def done_case(world: World, *bindings: dict[str, Any]) -> uuid.UUID:
    """Open a case and do its task `a`."""
    deploy(world, definition("undone", *bindings))
    case_id = opened(world, "tests/undone")
    finish(world.analyst, case_id, "a", "DONE")
    return case_id


def item_of(world: World, case_id: uuid.UUID) -> WorkItem:
    return states.stored(world, plan_items(world, case_id)["a"].work[1])


def watch(
    monkeypatch: pytest.MonkeyPatch, then: Callable[[list[str]], object] = lambda _asked: None
) -> list[list[str]]:
    """Return the expressions of each exchange with jq; do something after each, before its answer
    is heard."""
    exchanges: list[list[str]] = []
    ask = evaluation._ask  # noqa: SLF001  -- the moment at which jq is asked

    def watched(values: Sequence[str], items: Sequence[Item]) -> list[Answer]:
        said = ask(values, items)
        if items:
            exchanges.append([text for text, _ in items])
            then(exchanges[-1])
        return said

    monkeypatch.setattr(evaluation, "_ask", watched)
    return exchanges


@contextmanager
def stuck(
    monkeypatch: pytest.MonkeyPatch, at_work: Callable[[], Any]
) -> Iterator[Callable[[], Future[Any]]]:
    """Let somebody do something for which jq is asked, and takes as long as the body of this does;
    whoever asks it meanwhile is answered. Yields what lets it go on."""
    asking, release = threading.Event(), threading.Event()

    def hang(_asked: list[str]) -> None:
        first = not asking.is_set()
        asking.set()
        assert not first or release.wait(60)

    def apart() -> Any:
        try:
            return at_work()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool, monkeypatch.context() as patched:
        watch(patched, hang)
        working = pool.submit(apart)
        assert asking.wait(60)

        def go_on() -> Future[Any]:
            assert not working.done(), "jq was not at it any more"
            release.set()
            return working

        try:
            yield go_on
        finally:
            release.set()


def in_time(act: Callable[[], Any]) -> None:
    """Do something, without waiting for anybody."""
    before = time.monotonic()
    act()
    assert time.monotonic() - before < AT_ONCE * MARGIN


def test_a_slow_compensate_keeps_nobody_from_the_item_or_its_case(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = done_case(world, *undone_by(), human("b"))
    item = item_of(world, case_id)

    def slowly() -> Any:
        return compensate(item.id, call=Call(world.operator), reason="slow")

    with stuck(monkeypatch, slowly) as go_on:
        in_time(lambda: actions.suspend_case(case_id, call=Call(world.operator), reason="Stop"))
        in_time(lambda: compensate(item.id, call=Call(world.operator), reason="quick"))
        with pytest.raises(Conflict) as refused:
            go_on().result()
    assert refused.value.code == "illegal_state"
    assert case_row(world, case_id).status == "SUSPENDED"
    task = open_undo(world.operator, case_id)
    assert task.payload == {"known": ["a"], "why": len("quick")}
    assert [each.action for each in states.history(world, "work_item", item.id)] == [
        "created", "started", "completed", "compensation_started",
    ]  # fmt: skip
    verify()


def test_a_slow_step_of_a_rollback_keeps_nobody_from_the_case(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = done_case(world, *undone_by(), human("b"))
    plan = plan_for(world, case_id)
    run = execute(plan.id, call=Call(world.operator, digest=plan.digest))
    before = counted(world)
    with stuck(monkeypatch, drain) as go_on:
        in_time(lambda: actions.suspend_case(case_id, call=Call(world.operator), reason="Stop"))
        go_on().result()
    # What was asked for is not begun any more: the run is paused.
    assert run_row(world, run.id).status == "PAUSED"
    assert [step.status for step in steps(world, run.id)] == ["PLANNED"]
    assert counted(world)[1:] == before[1:]
    actions.resume_case(case_id, call=Call(world.operator))
    drain()
    undo(world.analyst, case_id)
    assert run_row(world, run.id).status == "COMPLETED"
    verify()


def test_a_slow_result_of_an_undo_keeps_nobody_from_the_case(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = done_case(world, *undone_by(), human("b"))
    compensate(item_of(world, case_id).id, call=Call(world.operator), reason="forged")
    drain()
    states.work(world.analyst, open_undo(world.analyst, case_id).id, "REVERSED")
    with stuck(monkeypatch, drain) as go_on:
        in_time(lambda: actions.suspend_case(case_id, call=Call(world.operator), reason="Stop"))
        assert "word" not in case_row(world, case_id).context
        go_on().result()
    case = case_row(world, case_id)
    assert (case.status, case.context["word"], case.invalidated) == ("SUSPENDED", "reversed", ["a"])
    verify()


def test_what_moved_while_it_was_asked_is_asked_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = done_case(world, *undone_by(), human("b"))
    item = item_of(world, case_id)
    moves = iter([lambda: finish(world.surveyor, case_id, "b", "DONE")])

    def move(asked: list[str]) -> None:
        if asked == [TOLD]:
            elsewhere(next(moves, lambda: None))

    exchanges = watch(monkeypatch, move)
    compensate(item.id, call=Call(world.operator), reason="forged")
    assert exchanges == [[TOLD], [TOLD]]
    task = open_undo(world.operator, case_id)
    assert task.payload == {"known": ["a", "b"], "why": len("forged")}
    begun = [e for e in states.history(world, "work_item", item.id) if e.kind == "COMPENSATION"]
    assert [each.action for each in begun] == ["compensation_started"]
    verify()


def test_what_never_rests_is_trouble_of_the_moment(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = [f"o{number}" for number in range(OVERTAKEN)]
    case_id = done_case(world, *undone_by(), *map(human, others))
    item, left = item_of(world, case_id), iter(others)

    def move(asked: list[str]) -> None:
        if asked == [TOLD]:
            elsewhere(lambda: finish(world.surveyor, case_id, next(left), "DONE"))

    with monkeypatch.context() as patched:
        exchanges = watch(patched, move)
        answer = api(world.operator).post(
            f"/api/v1/work-items/{item.id}/compensate",
            {"reason": "forged"}, content_type="application/json",
        )  # fmt: skip
    assert code(answer) == (503, "unavailable")
    assert answer.headers["Retry-After"] == "1"
    assert exchanges == [[TOLD]] * OVERTAKEN
    assert states.stored(world, item.id).compensation_state == "NONE"
    assert states.history(world, "work_item", item.id)[-1].action == "completed"
    compensate(item.id, call=Call(world.operator), reason="forged")
    verify()


def test_an_input_that_is_no_object_is_refused_as_ever(world: World) -> None:
    case_id = done_case(world, *undone_by(told=".reason | [length]"), human("b"))
    item, before = item_of(world, case_id), counted(world)
    said = f"{INPUT_UNKNOWN} una: the inputMapping must give an object"
    with pytest.raises(Conflict) as refused:
        compensate(item.id, call=Call(world.operator), reason="forged")
    assert (refused.value.code, refused.value.detail) == ("undo_input_failed", said)
    assert counted(world) == before


def test_an_expression_that_fails_fails_the_step_with_its_reason(world: World) -> None:
    told = "{n: (.context | tonumber)}"
    case_id = done_case(world, *undone_by(told=told), human("b"))
    with pytest.raises(Conflict) as refused:
        compensate(item_of(world, case_id).id, call=Call(world.operator), reason="forged")
    assert refused.value.code == "undo_input_failed"
    assert refused.value.detail.endswith(f"(in: {told})")
    run = roll_back(world, case_id)
    assert [(step.status, step.error) for step in steps(world, run.id)] == [
        ("FAILED", refused.value.detail)
    ]
    assert case_row(world, case_id).status == "COMPENSATION_FAULTED"
    verify()


def test_a_result_that_cannot_be_taken_over_is_said_and_the_undo_stands(world: World) -> None:
    made = "{n: (.outcome | tonumber)}"
    case_id = done_case(world, *undone_by(made=made), human("b"))
    run = roll_back(world, case_id)
    undo(world.analyst, case_id)
    case = case_row(world, case_id)
    assert ("n" in case.context, case.invalidated) == (False, ["a"])
    assert run_row(world, run.id).status == "COMPLETED"
    [problem] = [
        each.payloads["problem"]
        for each in states.history(world, "case", case_id)
        if "problem" in each.payloads
    ]
    assert problem.endswith(f"(in: {made})")
    verify()


class Killed(BaseException):
    """Stands for the end of the process: nothing catches it."""


def test_who_dies_while_asking_leaves_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = done_case(world, *undone_by(), human("b"))
    item, before = item_of(world, case_id), counted(world)
    open_then: list[bool] = []

    def die(_asked: list[str]) -> None:
        open_then.append(connection.in_atomic_block)
        raise Killed

    with monkeypatch.context() as patched:
        watch(patched, die)
        with pytest.raises(Killed):
            compensate(item.id, call=Call(world.operator), reason="forged")
    assert (open_then, counted(world)) == ([False], before)
    assert states.stored(world, item.id).compensation_state == "NONE"
    elsewhere(lambda: compensate(item.id, call=Call(world.operator), reason="forged"))
    assert open_undo(world.operator, case_id).payload == {"known": ["a"], "why": len("forged")}
    verify()


def test_several_undos_heard_at_once_are_each_asked_about_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = done_case(
        world, *undone_by(), *undone_by("b", made="{b_word: (.outcome | ascii_upcase)}"),
        human("c"),
    )  # fmt: skip
    finish(world.surveyor, case_id, "b", "DONE")
    for name in ("a", "b"):
        work = plan_items(world, case_id)[name].work[1]
        compensate(work, call=Call(world.operator), reason="forged")
    for task, who in zip(_undo_tasks(world, case_id), (world.analyst, world.surveyor), strict=True):
        states.work(who, task.id, "REVERSED")
    exchanges = watch(monkeypatch)
    drain()
    made = [asked for asked in exchanges if "word" in asked[0]]
    assert sorted(made) == [["{b_word: (.outcome | ascii_upcase)}"], [MADE]]
    context = case_row(world, case_id).context
    assert (context["word"], context["b_word"]) == ("reversed", "REVERSED")
    with tenant_scope(world.operator.tenant_id):
        changes = LedgerEntry.objects.filter(subject_id=case_id, action="context_changed")
        assert changes.count() == 4
    verify()


def _undo_tasks(world: World, case_id: uuid.UUID) -> list[WorkItem]:
    with tenant_scope(world.operator.tenant_id):
        rows = WorkItem.objects.filter(case_id=case_id, kind="COMPENSATION")
        return list(rows.order_by("created_at", "id"))
