"""Milestones: reached once and told, late once and told; nothing else follows unless it is said."""

from __future__ import annotations

import datetime as dt
import functools
import uuid
from typing import Any

import pytest

from cases import actions
from cases.actions.engine import handle
from cases.actions.milestone_moves import breach_due
from cases.models import MilestoneDue
from ledger.clock import now
from ledger.tenancy import tenant_scope
from notifications.models import Delivery
from tests.casework import (
    case_row,
    deploy,
    finish,
    open_item,
    opened,
    plan_items,
    roll_back,
    undo,
)
from tests.clients import api, browser
from tests.definitions import definition, human
from tests.draining import drain
from tests.engine_news import news_of
from tests.lanes import statements
from tests.states import actions_of, history, work
from tests.verifying import verify
from tests.world import World
from verbs.call import Call
from workitems.actions import reject, start


def a_case(world: World, *milestones: dict[str, Any], success: str | None = None) -> uuid.UUID:
    """Open a case with three tasks and these milestones."""
    steps = [human("a"), human("b", when=".a and .b == null"), human("c")]
    source = definition("way", *steps, success=success)
    source["spec"]["milestones"] = list(milestones)
    deploy(world, source)
    return opened(world, "tests/way", {"n": 1})


def shown(world: World, case_id: uuid.UUID) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (
        api(world.analyst).get(f"/api/v1/cases/{case_id}").json()["milestones"]
    )
    return found


def statuses(world: World, case_id: uuid.UUID) -> dict[str, str]:
    return {each["name"]: each["status"] for each in shown(world, case_id)}


def said(world: World, case_id: uuid.UUID) -> list[tuple[str, str]]:
    """Return the entries about milestones."""
    found = sorted(history(world, "case", case_id), key=lambda each: each.subject_seq)
    return [
        (each.action, each.payloads["milestone"])
        for each in found
        if each.action.startswith("milestone_")
    ]


def dues(world: World, case_id: uuid.UUID) -> dict[str, MilestoneDue]:
    with tenant_scope(world.operator.tenant_id):
        return {each.milestone: each for each in MilestoneDue.objects.filter(case_id=case_id)}


def late(world: World, case_id: uuid.UUID, name: str) -> MilestoneDue:
    """Let the time of a milestone be over."""
    with tenant_scope(world.operator.tenant_id):
        rows = MilestoneDue.objects.filter(case_id=case_id, milestone=name)
        assert rows.update(due_at=now() - dt.timedelta(minutes=1)) == 1
        return rows.get()


def told(world: World) -> list[str]:
    with tenant_scope(world.operator.tenant_id):
        rows = Delivery.objects.filter(topic="milestone_overdue", channel="in_app")
        names = {world.of(name).actor_id: name for name in ("operator", "admin", "analyst")}
        return sorted(names[row.recipient_id] for row in rows)


@pytest.mark.parametrize("word", ["condition", "when", "completionCriteria"])
def test_it_is_reached_once_with_an_entry(world: World, word: str) -> None:
    case_id = a_case(world, {"name": "first", word: ".a != null"}, {"name": "far", word: ".z"})
    assert statuses(world, case_id) == {"first": "ACTIVE", "far": "ACTIVE"}
    finish(world.analyst, case_id, "a", "OK")
    first, far = shown(world, case_id)
    assert (first["status"], far["status"], far["reached_at"]) == ("REACHED", "ACTIVE", None)
    assert (first["due_at"], first["overdue_since"]) == (None, None)
    finish(world.analyst, case_id, "b", "OK")
    assert shown(world, case_id)[0] == first, "reached twice"
    assert said(world, case_id) == [("milestone_reached", "first")]
    assert plan_items(world, case_id)["c"].status == "ACTIVE", "it starts and ends nothing"
    assert case_row(world, case_id).status == "RUNNING"
    page = browser(world.analyst).get(f"/cases/{case_id}/").content.decode()
    assert [word for word in ("Milestones", "First", "Reached") if word not in page] == []
    verify()


def test_what_already_holds_is_reached_as_the_case_begins(world: World) -> None:
    case_id = a_case(world, {"name": "open", "when": ".n == 1"})
    assert said(world, case_id) == [("milestone_reached", "open")]
    assert set(plan_items(world, case_id)) == {"a", "c"}


def test_it_is_reached_by_the_result_that_ends_the_case(world: World) -> None:
    case_id = a_case(world, {"name": "m", "when": ".a"}, success=".a != null")
    finish(world.analyst, case_id, "a", "OK")
    assert (case_row(world, case_id).status, statuses(world, case_id)) == (
        "COMPLETED", {"m": "REACHED"},
    )  # fmt: skip
    found = actions_of(world, "case", case_id)
    assert found[-2:] == ["milestone_reached", "completed"]


def test_it_is_looked_for_once_its_criteria_hold(world: World) -> None:
    asked = {"name": "m", "entryCriteria": ".a", "when": ".n == 1", "slaDuration": "PT1H",
             "slaStartFrom": "MILESTONE_ACTIVATED"}  # fmt: skip
    both = {"name": "both", "entryCriteria": ".a", "when": ".b"} | {
        key: asked[key] for key in ("slaDuration", "slaStartFrom")
    }
    case_id = a_case(world, asked, both)
    assert statuses(world, case_id) == {"m": "AHEAD", "both": "AHEAD"}
    assert dues(world, case_id) == {}
    assert shown(world, case_id)[1]["due_at"] is None
    finish(world.analyst, case_id, "a", "OK")
    assert statuses(world, case_id) == {"m": "REACHED", "both": "ACTIVE"}
    assert said(world, case_id) == [("milestone_reached", "m"), ("milestone_activated", "both")]
    due = dues(world, case_id)
    assert set(due) == {"both"}
    found = shown(world, case_id)[1]
    activated = dt.datetime.fromisoformat(found["activated_at"])
    assert dt.datetime.fromisoformat(found["due_at"]) == activated + dt.timedelta(hours=1)
    assert abs(due["both"].due_at - activated - dt.timedelta(hours=1)) < dt.timedelta(seconds=5)
    finish(world.analyst, case_id, "b", "OK")
    assert statuses(world, case_id)["both"] == "REACHED"


def test_one_that_cannot_be_evaluated_does_not_hold_and_stops_nothing(world: World) -> None:
    case_id = a_case(world, {"name": "m", "when": ".n.x.y > 1"})
    finish(world.analyst, case_id, "a", "OK")
    assert (case_row(world, case_id).status, statuses(world, case_id)) == (
        "RUNNING", {"m": "ACTIVE"},
    )  # fmt: skip


SLA = {"name": "m", "when": ".a", "sla": {"duration": "P1D"}}


def test_one_that_is_late_is_told_once(world: World) -> None:
    case_id = a_case(world, SLA)
    case = case_row(world, case_id)
    assert dues(world, case_id)["m"].due_at == case.created_at + dt.timedelta(days=1)
    drain()
    assert said(world, case_id) == [], "nothing is late yet"
    row = late(world, case_id, "m")
    drain()
    assert said(world, case_id) == [("milestone_overdue", "m")]
    assert told(world) == ["admin", "operator"]
    assert dues(world, case_id) == {}
    assert not breach_due(row.tenant_id, row.id), "its row is gone"
    found = shown(world, case_id)[0]
    assert (found["status"], found["reached_at"]) == ("OVERDUE", None)
    assert case_row(world, case_id).status == "RUNNING"
    finish(world.analyst, case_id, "a", "OK")
    reached = shown(world, case_id)[0]
    assert reached["status"] == "REACHED"
    assert reached["overdue_since"] == found["overdue_since"]
    verify()


def test_one_that_was_reached_is_not_late(world: World) -> None:
    case_id = a_case(world, SLA)
    finish(world.analyst, case_id, "a", "OK")
    late(world, case_id, "m")
    drain()
    assert said(world, case_id) == [("milestone_reached", "m")]
    assert (dues(world, case_id), told(world)) == ({}, [])


@pytest.mark.parametrize("kind", ["on hold", "cancelled", "completed"])
def test_a_case_that_is_over_is_not_late_and_one_on_hold_is(world: World, kind: str) -> None:
    case_id = a_case(world, SLA, success=".c")
    if kind == "on hold":
        actions.suspend_case(case_id, call=Call(world.operator))
    elif kind == "cancelled":
        actions.cancel_case(case_id, call=Call(world.operator))
    else:
        finish(world.analyst, case_id, "c", "OK")
    before = case_row(world, case_id)
    late(world, case_id, "m")
    drain()
    is_late = kind == "on hold"
    assert said(world, case_id) == ([("milestone_overdue", "m")] if is_late else [])
    assert case_row(world, case_id).version == before.version + is_late
    assert dues(world, case_id) == {}


@pytest.mark.parametrize("policy", ["FAULT", "FAIL"])
def test_a_case_fails_with_it_where_that_is_said(world: World, policy: str) -> None:
    case_id = a_case(world, {**SLA, "sla": {"duration": "P1D", "breachPolicy": policy}})
    late(world, case_id, "m")
    drain()
    case = case_row(world, case_id)
    assert (case.status, case.fault) == ("FAULTED", "Not reached in time: m")
    assert plan_items(world, case_id)["a"].status == "ACTIVE", "its open work stays"
    page = browser(world.operator).get(f"/cases/{case_id}/").content.decode()
    assert "“M” was not reached in time." in page
    actions.retry_case(case_id, call=Call(world.operator))
    drain()
    finish(world.analyst, case_id, "a", "OK")
    assert (case_row(world, case_id).status, statuses(world, case_id)) == (
        "RUNNING", {"m": "REACHED"},
    )  # fmt: skip
    assert said(world, case_id) == [("milestone_overdue", "m"), ("milestone_reached", "m")]


def test_another_policy_is_only_told(world: World) -> None:
    case_id = a_case(world, {**SLA, "sla": {"duration": "P1D", "breachPolicy": "ESCALATE"}})
    late(world, case_id, "m")
    drain()
    assert (case_row(world, case_id).status, told(world)) == ("RUNNING", ["admin", "operator"])


def test_it_costs_one_more_statement_when_it_is_reached_and_none_before(world: World) -> None:
    case_id = a_case(world, {"name": "m", "when": ".b"}, {"name": "n", "when": ".z"})
    finish(world.analyst, case_id, "c", "OK")
    counts = []
    for name in ("a", "b"):
        item = open_item(world.analyst, case_id, name)
        work(world.analyst, item.id, "OK")
        news = [news_of(world, item.id)]
        counts.append(len(statements(functools.partial(handle, news, lambda: None))))
    # A case that changes twice is written twice.
    assert counts == [5, 6]
    assert statuses(world, case_id) == {"m": "REACHED", "n": "ACTIVE"}


def test_a_case_below_another_has_its_own(world: World) -> None:
    child = definition("below", human("a"), success=".a")
    child["spec"]["milestones"] = [SLA]
    deploy(world, child)
    step = {
        "name": "step", "on": {"contextChange": {}}, "when": ".step == null",
        "subCase": {"namespace": "tests", "name": "below"},
    }  # fmt: skip
    deploy(world, definition("above", step))
    above_id = opened(world, "tests/above")
    case_id = plan_items(world, above_id)["step"].target_id
    assert case_id is not None
    assert dues(world, case_id)["m"].due_at == case_row(world, case_id).created_at + dt.timedelta(1)
    late(world, case_id, "m")
    drain()
    assert (said(world, case_id), said(world, above_id)) == ([("milestone_overdue", "m")], [])


def test_it_is_reached_by_what_a_task_said_that_was_not_done(world: World) -> None:
    case_id = a_case(world, {"name": "m", "when": ".a"}, success=".a != null")
    item = open_item(world.analyst, case_id, "a")
    start(item.id, call=Call(world.analyst))
    reject(item.id, call=Call(world.analyst), reason="Not so", resolution={"n": 1})
    drain()
    assert (case_row(world, case_id).status, statuses(world, case_id)) == (
        "COMPLETED", {"m": "REACHED"},
    )  # fmt: skip


def test_one_that_is_late_during_a_rollback_is_told_when_its_case_goes_on(world: World) -> None:
    case_id = a_case(world, {**SLA, "when": ".b", "sla": {"duration": "P1D"}})
    finish(world.analyst, case_id, "a", "OK")
    scope = {"kind": "steps", "steps": ["a"], "only_this": True}
    roll_back(world, case_id, scope=scope)
    late(world, case_id, "m")
    drain()
    assert case_row(world, case_id).status == "COMPENSATING"
    assert (said(world, case_id), set(dues(world, case_id))) == ([], {"m"})
    undo(world.analyst, case_id)
    assert case_row(world, case_id).status == "SUSPENDED"
    late(world, case_id, "m")
    drain()
    assert (said(world, case_id), dues(world, case_id)) == ([("milestone_overdue", "m")], {})
