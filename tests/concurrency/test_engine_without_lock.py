"""The engine looks and asks jq without a lock: nobody waits for it, and what moved is seen."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction

from accounts.acting import authority_of
from cases import actions
from cases.actions import deciding, engine
from cases.actions.deciding import Decision
from cases.actions.engine import TRIES, handle
from cases.models import Case
from cases.plan_state import CaseMoved
from json_values.jq import evaluation
from json_values.jq.child_pool import Answer
from ledger.record import record
from ledger.tenancy import tenant_scope
from tests.casework import case_row, counted, deploy, plan_items
from tests.definitions import definition, human
from tests.draining import drain
from tests.engine_news import news_of
from tests.states import actions_of
from tests.verifying import verify
from tests.world import World
from verbs.call import Call
from verbs.move import change_of

# Thirty conditions that each run until their time is over.
SLOW = [human(f"s{number}", when=f"last(range(1e12)) > {number}") for number in range(30)]
#: What is promised, and the margin that a loaded machine is given.
AT_ONCE = 0.5
MARGIN = 3


def elsewhere(call: Callable[[], Any]) -> Any:
    """Do something on a connection of its own, and wait for it."""

    def apart() -> Any:
        try:
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(apart).result()


def committing(done: list[bool]) -> Callable[[], None]:
    """Return what marks the news done, which counts when that is committed, and not before."""
    return lambda: transaction.on_commit(lambda: done.append(True))


def unheard_case(world: World, *bindings: dict[str, Any]) -> uuid.UUID:
    """Open a case of which the engine has not heard yet."""
    deploy(world, definition("unheard", *bindings))
    return actions.open_case(call=Call(world.operator), definition="tests/unheard", context={}).id


def test_a_slow_definition_makes_nobody_wait(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    case_id = unheard_case(world, *SLOW)
    event = news_of(world, case_id)
    asking, ask = threading.Event(), evaluation._ask  # noqa: SLF001  -- the moment at which jq is asked

    def watched(*asked: Any) -> list[Answer]:
        asking.set()
        return ask(*asked)

    monkeypatch.setattr(evaluation, "_ask", watched)
    with ThreadPoolExecutor(1) as pool:

        def work() -> None:
            try:
                handle([event], lambda: None)
            finally:
                connection.close()

        engine_works = pool.submit(work)
        assert asking.wait(30)
        before = time.monotonic()
        actions.suspend_case(case_id, call=Call(world.operator), reason="Stop")
        took = time.monotonic() - before
        assert not engine_works.done(), "jq was not at it any more"
        engine_works.result()
    assert took < AT_ONCE * MARGIN
    case = case_row(world, case_id)
    assert (case.status, case.fault) == ("SUSPENDED", "")
    assert plan_items(world, case_id) == {}, "what was decided about the case as it was, was done"


def meanwhile(monkeypatch: pytest.MonkeyPatch, move: Callable[[], Any], times: int) -> list[int]:
    """Let the case move after each decision, `times` at most; return the versions decided about."""
    versions: list[int] = []
    decide = deciding.decide

    def watched(case: Case, *args: Any, **how: Any) -> Decision:
        decision = decide(case, *args, **how)
        versions.append(case.version)
        if len(versions) <= times:
            elsewhere(move)
        return decision

    monkeypatch.setattr(engine, "decide", watched)
    return versions


def test_a_case_that_moved_is_decided_about_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = unheard_case(world, human("a"))
    event, done = news_of(world, case_id), list[bool]()

    def suspend() -> None:
        actions.suspend_case(case_id, call=Call(world.operator), reason="Stop")

    versions = meanwhile(monkeypatch, suspend, times=1)
    handle([event], committing(done))
    assert (versions, done) == ([1, 2], [True])
    assert plan_items(world, case_id) == {}
    assert case_row(world, case_id).status == "SUSPENDED"


def test_what_is_recorded_of_a_case_that_stays_as_it_is_is_not_overwritten(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of an event whose filter could not tell there is an entry, and no new version."""
    case_id = unheard_case(world, human("a"))
    event, done = news_of(world, case_id), list[bool]()

    def refuse() -> None:
        with transaction.atomic(), tenant_scope(world.operator.tenant_id):
            case = Case.objects.select_for_update().get(id=case_id)
            by = authority_of(world.operator).ref()
            record(change_of(case, "event_filter_failed", before="RUNNING", by=by, kind="REFUSAL"))

    versions = meanwhile(monkeypatch, refuse, times=1)
    handle([event], committing(done))
    assert (versions, done) == ([1, 1], [True])
    assert plan_items(world, case_id)["a"].status == "ACTIVE"
    assert actions_of(world, "case", case_id) == ["opened", "event_filter_failed"]
    verify()


def test_one_that_never_rests_is_left_for_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = unheard_case(world, human("a"))
    event, done = news_of(world, case_id), list[bool]()

    def turn() -> None:
        actions.suspend_case(case_id, call=Call(world.operator), reason="Stop")
        actions.resume_case(case_id, call=Call(world.operator))

    before = counted(world)[1:]
    with monkeypatch.context() as patched:
        versions = meanwhile(patched, turn, times=2 * TRIES)
        with pytest.raises(CaseMoved):
            handle([event], committing(done))
    assert versions == [1 + 2 * turns for turns in range(TRIES)]
    assert (counted(world)[1:], done) == (before, [])
    drain()
    assert plan_items(world, case_id)["a"].status == "ACTIVE"
    verify()
