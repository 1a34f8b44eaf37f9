"""Signals to cases: stored first, heard by the engine, once, by the steps that listen."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from cases import actions
from cases.actions.arrivals import AT_ONCE
from cases.actions.engine import handle
from cases.arrival_tables import Arrival
from ledger.errors import Conflict, Invalid, NotFound, NotPermitted
from ledger.models import LedgerEntry
from ledger.tenancy import tenant_scope
from tests.casework import (
    case_row,
    counted,
    deploy,
    finish,
    open_item,
    opened,
    plan_items,
    roll_back,
    run_row,
    undo,
)
from tests.clients import api, browser
from tests.definitions import definition, human
from tests.draining import drain
from tests.engine_news import news_of
from tests.states import history
from tests.verifying import verify
from tests.world import World
from verbs.call import Call
from workitems.actions import reject, start
from workitems.models import WorkItem


def heard(name: str, signal: str = "go", when: str | None = None, **more: Any) -> dict[str, Any]:
    """Return a task that a signal starts; without `when` under any condition."""
    step = human(name, on={"signal": {"name": signal}}, **more)
    return {**step, "when": when} if when else {k: v for k, v in step.items() if k != "when"}


def a_case(world: World, *steps: dict[str, Any], **context: Any) -> uuid.UUID:
    deploy(world, definition("way", *steps, success=".over"))
    return opened(world, "tests/way", context)


def send(world: World, case_id: uuid.UUID, name: str = "go", data: Any = None) -> None:
    actions.signal_case(case_id, call=Call(world.operator), name=name, data=data)


def tasks(world: World, case_id: uuid.UUID) -> list[WorkItem]:
    with tenant_scope(world.operator.tenant_id):
        return list(WorkItem.objects.filter(case_id=case_id).order_by("created_at", "id"))


def kept(world: World, case_id: uuid.UUID) -> list[tuple[str, str]]:
    """Return what has come for the steps of a case."""
    with tenant_scope(world.operator.tenant_id):
        rows = Arrival.objects.filter(case_id=case_id).order_by("created_at", "binding")
        return [(each.binding, each.status) for each in rows]


def signals(world: World, case_id: uuid.UUID) -> list[Any]:
    found = sorted(history(world, "case", case_id), key=lambda each: each.subject_seq)
    return [each for each in found if each.action == "signalled"]


def test_it_is_stored_by_the_request_and_heard_by_the_engine(world: World) -> None:
    case_id = a_case(world, heard("a"), human("b"))
    assert set(plan_items(world, case_id)) == {"b"}, "it starts by its signal alone"
    before = case_row(world, case_id).version
    send(world, case_id, data={"why": ["it rained", 1]})
    assert set(plan_items(world, case_id)) == {"b"}, "the request starts nothing"
    assert kept(world, case_id) == [("a", "WAITING")]
    drain()
    assert case_row(world, case_id).version == before + 1
    assert plan_items(world, case_id)["a"].status == "ACTIVE"
    task = open_item(world.analyst, case_id, "a")
    assert task.payload == {"signal": {"name": "go", "data": {"why": ["it rained", 1]}}}
    assert kept(world, case_id) == [("a", "TAKEN")]
    (entry,) = signals(world, case_id)
    assert (entry.payloads["signal"], entry.payloads["data"]) == (
        "go", {"why": ["it rained", 1]},
    )  # fmt: skip
    with tenant_scope(world.operator.tenant_id):
        (first,) = LedgerEntry.objects.filter(subject_id=task.id)
    assert first.caused_by_id == entry.id
    assert "signal" not in case_row(world, case_id).context, "it is no part of the context"
    verify()


def test_it_can_be_read_by_condition_and_mapping(world: World) -> None:
    step = heard("a", when=".n == .signal.data.n")
    step["humanTask"] |= {"inputMapping": "{n, said: .signal.data.text, by: .signal.name}"}
    case_id = a_case(world, step, n=2)
    send(world, case_id, data={"n": 1, "text": "no"})
    send(world, case_id, data={"n": 2, "text": "yes"})
    drain()
    (task,) = tasks(world, case_id)
    assert task.payload == {"n": 2, "said": "yes", "by": "go"}
    assert kept(world, case_id) == [("a", "PASSED_OVER"), ("a", "TAKEN")]


def test_a_second_one_waits_until_the_step_is_done_and_each_starts_it_once(world: World) -> None:
    case_id = a_case(world, heard("a"))
    for n in range(3):
        send(world, case_id, data=n)
    drain()
    assert [task.payload["signal"]["data"] for task in tasks(world, case_id)] == [0]
    assert [status for _, status in kept(world, case_id)] == ["TAKEN", "WAITING", "WAITING"]
    finish(world.analyst, case_id, "a", None)
    finish(world.analyst, case_id, "a", None)
    finish(world.analyst, case_id, "a", None)
    found = tasks(world, case_id)
    assert [task.payload["signal"]["data"] for task in found] == [0, 1, 2]
    assert {task.status for task in found} == {"COMPLETED"}
    assert {status for _, status in kept(world, case_id)} == {"TAKEN"}
    verify()


def test_many_that_start_nothing_are_over_at_once(world: World) -> None:
    case_id = a_case(world, heard("a", when=".signal.data == 99"), heard("b"))
    for n in range(AT_ONCE + 5):
        send(world, case_id, data=n)
    send(world, case_id, data=99)
    drain()
    found = kept(world, case_id)
    assert [status for name, status in found if name == "a"] == (
        ["PASSED_OVER"] * (AT_ONCE + 5) + ["TAKEN"]
    )
    assert {task.binding: task.payload["signal"]["data"] for task in tasks(world, case_id)} == {
        "a": 99, "b": 0,
    }  # fmt: skip


def test_every_step_that_hears_it_starts_and_no_other(world: World) -> None:
    case_id = a_case(world, heard("a"), heard("b"), heard("c", "stop"))
    send(world, case_id)
    drain()
    assert set(plan_items(world, case_id)) == {"a", "b"}


def test_a_step_may_start_by_its_context_as_well(world: World) -> None:
    step = human("a", ".n == 1 or .signal != null")
    step["on"] = {"contextChange": {}, "signal": "go"}
    case_id = a_case(world, step, n=1)
    first = finish(world.analyst, case_id, "a", None)
    send(world, case_id)
    drain()
    assert [task.id == first for task in tasks(world, case_id)] == [True, False]


def test_the_same_key_sends_it_once(world: World) -> None:
    case_id = a_case(world, heard("a"))
    client = api(world.operator)
    answers = [
        client.post(
            f"/api/v1/cases/{case_id}/signals", {"name": "go", "data": 1},
            content_type="application/json", headers={"Idempotency-Key": "once"},
        )
        for _ in range(2)
    ]  # fmt: skip
    assert [each.status_code for each in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["id"] == str(case_id)
    drain()
    assert len(signals(world, case_id)) == 1
    assert len(tasks(world, case_id)) == 1
    assert len(kept(world, case_id)) == 1


def test_what_nobody_hears_is_refused_and_changes_nothing(world: World) -> None:
    case_id = a_case(world, heard("a"), heard("b", "stop"))
    before, version = counted(world), case_row(world, case_id).version
    with pytest.raises(Invalid) as unknown:
        send(world, case_id, "og")
    (wrong,) = unknown.value.errors
    assert (wrong.pointer, wrong.message) == (
        "/name", "no step of this case hears it; signals are: go, stop",
    )  # fmt: skip
    deep: Any = None
    for _ in range(40):
        deep = [deep]
    with pytest.raises(Invalid) as broken:
        send(world, case_id, data=deep)
    assert [each.pointer for each in broken.value.errors] == ["/data"]
    for who in (world.analyst, world.auditor):
        with pytest.raises(NotPermitted):
            actions.signal_case(case_id, call=Call(who), name="go")
    with pytest.raises(NotFound):
        actions.signal_case(case_id, call=Call(world.outsider), name="go")
    assert (counted(world), case_row(world, case_id).version) == (before, version)
    assert kept(world, case_id) == []


@pytest.mark.parametrize("end", ["cancel_case", "complete"])
def test_a_case_that_is_over_hears_nothing(world: World, end: str) -> None:
    case_id = a_case(world, heard("a"), human("over"))
    if end == "complete":
        finish(world.analyst, case_id, "over", "Y")
    else:
        actions.cancel_case(case_id, call=Call(world.operator))
    with pytest.raises(Conflict) as refused:
        send(world, case_id)
    assert refused.value.code == "illegal_state"
    assert signals(world, case_id) == []


def test_a_case_on_hold_or_failed_hears_it_as_it_goes_on(world: World) -> None:
    case_id = a_case(world, heard("a"), human("b"))
    actions.suspend_case(case_id, call=Call(world.operator))
    send(world, case_id, data="held")
    drain()
    assert kept(world, case_id) == [("a", "WAITING")]
    actions.resume_case(case_id, call=Call(world.operator))
    drain()
    assert [each.payload.get("signal") for each in tasks(world, case_id)][-1] == {
        "name": "go", "data": "held",
    }  # fmt: skip
    finish(world.analyst, case_id, "a", None)
    item = open_item(world.analyst, case_id, "b")
    start(item.id, call=Call(world.analyst))
    reject(item.id, call=Call(world.analyst), reason="R")
    drain()
    assert case_row(world, case_id).status == "FAULTED"
    send(world, case_id, data="failed")
    drain()
    assert [status for _, status in kept(world, case_id)] == ["TAKEN", "WAITING"]
    actions.retry_case(case_id, call=Call(world.operator))
    drain()
    assert [status for _, status in kept(world, case_id)] == ["TAKEN", "TAKEN"]
    verify()


def test_a_step_that_failed_is_tried_again_with_what_had_started_it(world: World) -> None:
    case_id = a_case(world, heard("a"))
    send(world, case_id, data=7)
    drain()
    item = open_item(world.analyst, case_id, "a")
    start(item.id, call=Call(world.analyst))
    reject(item.id, call=Call(world.analyst), reason="R")
    drain()
    actions.retry_case(case_id, call=Call(world.operator))
    drain()
    assert [each.payload["signal"]["data"] for each in tasks(world, case_id)] == [7, 7]
    assert case_row(world, case_id).status == "RUNNING"


def test_a_condition_that_fails_faults_its_step_and_the_case(world: World) -> None:
    case_id = a_case(world, heard("a", when=".signal.data.n.m"), heard("b"))
    send(world, case_id, data={"n": 1})
    drain()
    found = plan_items(world, case_id)
    assert (found["a"].status, found["a"].target_id, found["b"].status) == (
        "FAULTED", None, "ACTIVE",
    )  # fmt: skip
    assert case_row(world, case_id).status == "FAULTED"
    assert kept(world, case_id) == [("a", "TAKEN"), ("b", "TAKEN")]


def test_a_step_sends_one_to_its_own_case(world: World) -> None:
    sends = {
        "name": "tell", "on": {"contextChange": {}}, "when": ".a != null",
        "signal": {"name": "go", "data": "{a: .a.outcome}"},
    }  # fmt: skip
    case_id = a_case(world, human("a"), sends, heard("b"))
    finish(world.analyst, case_id, "a", "OK")
    items = plan_items(world, case_id)
    assert (items["tell"].type, items["tell"].status, items["tell"].target_id) == (
        "signal", "COMPLETED", None,
    )  # fmt: skip
    assert open_item(world.analyst, case_id, "b").payload["signal"] == {
        "name": "go", "data": {"a": "OK"},
    }  # fmt: skip
    finish(world.analyst, case_id, "b", None)
    assert len(signals(world, case_id)) == 1, "sent again although nothing it asks for has changed"
    page = api(world.analyst).get(f"/api/v1/cases/{case_id}/plan-items").json()["results"]
    assert [(each["binding"], each["type"]) for each in page][1] == ("tell", "signal")
    verify()


def test_steps_that_signal_each_other_for_ever_are_stopped(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("cases.actions.firing", "cases.actions.engine"):
        monkeypatch.setattr(f"{module}.MAX_FIRINGS", 5)
    case_id = a_case(world, {"name": "echo", "on": {"signal": "go"}, "signal": "go"})
    send(world, case_id)
    drain()
    assert case_row(world, case_id).fault == "echo: has fired 5 times"
    assert len(signals(world, case_id)) == 6


def test_a_mapping_that_fails_lets_the_sending_step_fail(world: World) -> None:
    step = {
        "name": "tell", "on": {"contextChange": {}}, "when": ".n == 1",
        "signal": {"name": "go", "inputMapping": ".n.m"},
    }  # fmt: skip
    case_id = a_case(world, step, heard("a"), n=1)
    assert case_row(world, case_id).status == "FAULTED"
    assert signals(world, case_id) == []
    assert "a" not in plan_items(world, case_id)


def test_the_same_news_again_starts_nothing_again(world: World) -> None:
    case_id = a_case(world, heard("a"))
    send(world, case_id)
    drain()
    before = counted(world)
    news = news_of(world, case_id)
    assert news.action == "signalled"
    for _ in range(2):
        handle([news], lambda: None)
    finish(world.analyst, case_id, "a", None)
    handle([news], lambda: None)
    assert len(tasks(world, case_id)) == 1
    assert counted(world)[3] == before[3]


def test_a_rollback_keeps_it_for_afterwards_and_undoes_no_signal(world: World) -> None:
    sends = {"name": "tell", "on": {"contextChange": {}}, "when": ".a != null", "signal": "go"}
    case_id = a_case(world, human("a"), sends, heard("b"), human("c", ".a and .c == null"))
    finish(world.analyst, case_id, "a", None)
    plan = api(world.operator).post(
        f"/api/v1/cases/{case_id}/compensation-plan",
        {"reason": "R", "scope": {"kind": "from_step", "step": "a"}},
        content_type="application/json",
    ).json()  # fmt: skip
    assert [each["original"]["name"] for each in plan["steps"]] == ["a"]
    assert "tell" not in {each["original"]["name"] for each in plan["excluded"]}
    run = roll_back(world, case_id)
    send(world, case_id, data="later")
    drain()
    assert case_row(world, case_id).status == "COMPENSATING"
    assert kept(world, case_id) == [("b", "TAKEN"), ("b", "WAITING")]
    undo(world.analyst, case_id)
    assert (run_row(world, run.id).status, case_row(world, case_id).status) == (
        "COMPLETED", "COMPENSATED",
    )  # fmt: skip
    assert kept(world, case_id)[1] == ("b", "WAITING"), "what is over hears nothing"
    page = browser(world.operator).get(f"/cases/{case_id}/").content.decode()
    assert "Tell" in page
