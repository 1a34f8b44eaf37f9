"""A step that did not succeed is opened again for others, a few times; then its case fails."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from cases import actions
from cases.definitions import compile_definition
from cases.models import PlanItem
from executions import capability_registry
from executions.capability_registry import Failed, Invocation, Result, RetryPolicy, capability
from ledger.errors import NotPermitted
from ledger.tenancy import tenant_scope
from tests.casework import case_row, deploy, finish, open_item, opened
from tests.definitions import automated, definition, human
from tests.draining import drain
from tests.states import miss
from tests.world import World
from verbs.call import Call
from workitems.actions import cancel, claim, fail, reject, start
from workitems.models import WorkItem

AGAIN = {"onDecline": "REROUTE", "onFailure": "REROUTE", "onExpired": "REROUTE"}


def a_case(world: World, policy: dict[str, Any], **task: Any) -> uuid.UUID:
    groups = ["analysts", "surveyors", "underwriters"]
    given = {"title": "Sign", "candidateGroups": groups, "outputMapping": "{sign: .}", **task}
    step = human("sign", humanTask=given, outcomePolicy=policy)
    deploy(world, definition("signed", step, success=".sign != null"))
    return opened(world, "tests/signed")


def items(world: World, case_id: uuid.UUID) -> list[tuple[str, int, str]]:
    with tenant_scope(world.operator.tenant_id):
        rows = PlanItem.objects.filter(case_id=case_id).order_by("created_at", "id")
        return [(str(row.status), row.rerouted, row.error) for row in rows]


def open_task(world: World, case_id: uuid.UUID) -> WorkItem:
    return open_item(world.operator, case_id, "sign")


def declined(world: World, case_id: uuid.UUID, name: str) -> None:
    item, who = open_task(world, case_id), world.of(name)
    start(item.id, call=Call(who))
    reject(item.id, call=Call(who), reason="Not mine")
    drain()


def test_who_declined_is_not_asked_again(world: World) -> None:
    case_id = a_case(world, AGAIN)
    declined(world, case_id, "analyst")
    assert case_row(world, case_id).status == "RUNNING"
    with pytest.raises(NotPermitted):
        claim(open_task(world, case_id).id, call=Call(world.analyst))
    declined(world, case_id, "surveyor")
    for who in (world.analyst, world.surveyor):
        with pytest.raises(NotPermitted):
            claim(open_task(world, case_id).id, call=Call(who))
    assert items(world, case_id) == [("REJECTED", 0, ""), ("REJECTED", 1, ""), ("ACTIVE", 2, "")]
    finish(world.underwriter, case_id, "sign", "OK")
    assert case_row(world, case_id).status == "COMPLETED"


def test_after_so_many_attempts_the_case_fails_and_a_retry_begins_anew(world: World) -> None:
    case_id = a_case(world, {**AGAIN, "maxRerouteAttempts": 1})
    declined(world, case_id, "analyst")
    declined(world, case_id, "surveyor")
    said = "sign: rejected, Not mine"
    case = case_row(world, case_id)
    assert (case.status, case.fault) == ("FAULTED", said)
    assert items(world, case_id) == [("REJECTED", 0, ""), ("REJECTED", 1, said)]
    actions.retry_case(case_id, call=Call(world.operator))
    drain()
    assert items(world, case_id)[2:] == [("ACTIVE", 0, "")]
    declined(world, case_id, "analyst")
    assert items(world, case_id)[3:] == [("ACTIVE", 1, "")]


@pytest.mark.parametrize("policy", [{"onFailure": "REROUTE"}, {**AGAIN, "onDecline": "FAULT"},
                                    {**AGAIN, "maxRerouteAttempts": 0}])  # fmt: skip
def test_what_is_not_to_be_rerouted_lets_the_case_fail(
    world: World, policy: dict[str, Any]
) -> None:
    case_id = a_case(world, policy)
    declined(world, case_id, "analyst")
    assert case_row(world, case_id).status == "FAULTED"
    assert len(items(world, case_id)) == 1


def test_what_failed_or_ran_out_is_opened_for_everybody(world: World) -> None:
    late = {"completion": {"within": "PT1H", "breach": [{"do": "expire"}]}}
    policy = {"onFailure": "REROUTE", "onExpired": "REROUTE", "maxRerouteAttempts": 2}
    case_id = a_case(world, policy, deadlines=late)
    item = open_task(world, case_id)
    start(item.id, call=Call(world.analyst))
    fail(item.id, call=Call(world.analyst), detail="No printer")
    drain()
    miss(open_task(world, case_id))
    drain()
    assert items(world, case_id) == [("FAULTED", 0, ""), ("FAULTED", 1, ""), ("ACTIVE", 2, "")]
    claim(open_task(world, case_id).id, call=Call(world.analyst))
    cancel(open_task(world, case_id).id, call=Call(world.operator), reason="Off")
    drain()
    assert case_row(world, case_id).status == "FAULTED", "what is cancelled is"


def test_on_hold_it_waits_until_the_case_goes_on(world: World) -> None:
    case_id = a_case(world, AGAIN)
    actions.suspend_case(case_id, call=Call(world.operator))
    declined(world, case_id, "analyst")
    assert case_row(world, case_id).status == "SUSPENDED"
    assert items(world, case_id) == [("REJECTED", 0, "")]
    actions.resume_case(case_id, call=Call(world.operator))
    drain()
    assert items(world, case_id)[1:] == [("ACTIVE", 1, "")]
    with pytest.raises(NotPermitted):
        claim(open_task(world, case_id).id, call=Call(world.analyst))


def test_a_program_that_failed_is_called_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = dict(capability_registry._capabilities)  # noqa: SLF001  -- there is no way back
    monkeypatch.setattr(capability_registry, "_capabilities", known)
    keys: list[str] = []

    def called(call: Invocation) -> Result:
        keys.append(call.idempotency_key)
        if len(keys) < 3:
            raise Failed("shut")
        return Result({"n": 1})

    capability("test.reroute", retry=RetryPolicy(max_attempts=1))(called)
    step = automated("call", "test.reroute", "true", "{}", outcomePolicy=AGAIN)
    deploy(world, definition("calls", step, success=".call"))
    case_id = opened(world, "tests/calls")
    assert case_row(world, case_id).status == "COMPLETED"
    assert [each[:2] for each in items(world, case_id)] == [
        ("FAULTED", 0), ("FAULTED", 1), ("COMPLETED", 2),
    ]  # fmt: skip
    assert len(set(keys)) == 3, "each is work of its own"


def test_only_an_undo_step_is_told_that_it_is_not_followed() -> None:
    undo = {
        "name": "back", "compensation": True, "humanTask": {"title": "B"}, "outcomePolicy": AGAIN,
    }  # fmt: skip
    first = human("a", compensation=None, compensate="back", outcomePolicy=AGAIN)
    source = definition("warned", first, undo, success=".a")
    found = compile_definition(source, capabilities=None).warnings
    assert [(each.code, each.pointer) for each in found] == [
        ("idle", "/spec/bindings/1/outcomePolicy")
    ]


def test_what_else_happens_on_hold_lets_nobody_be_asked_again(world: World) -> None:
    task = {"title": "Sign", "candidateGroups": ["analysts", "surveyors"]}
    step = human("sign", humanTask={**task, "outputMapping": "{sign: .}"}, outcomePolicy=AGAIN)
    deploy(world, definition("signed", step, human("other"), success=".sign != null"))
    case_id = opened(world, "tests/signed")
    actions.suspend_case(case_id, call=Call(world.operator))
    declined(world, case_id, "analyst")
    finish(world.surveyor, case_id, "other", "OK")
    actions.resume_case(case_id, call=Call(world.operator))
    drain()
    with pytest.raises(NotPermitted):
        claim(open_task(world, case_id).id, call=Call(world.analyst))
    with tenant_scope(world.operator.tenant_id):
        (newest,) = PlanItem.objects.filter(case_id=case_id, status="ACTIVE")
    assert newest.rerouted == 1


@pytest.mark.parametrize("by", ["group", "name"])
def test_where_all_who_may_do_it_declined_it_is_the_operators(world: World, by: str) -> None:
    named = {"candidateUsers": [world.analyst.username], "candidateGroups": []}
    case_id = a_case(world, AGAIN, **(named if by == "name" else {"candidateGroups": ["analysts"]}))
    declined(world, case_id, "analyst")
    item = open_task(world, case_id)
    assert item.offered_to == "OPERATORS"
    assert claim(item.id, call=Call(world.operator)).status == "ASSIGNED"


def test_a_resolution_that_cannot_be_taken_in_lets_the_case_fail(world: World) -> None:
    case_id = a_case(world, AGAIN, outputMapping="{sign: (.n + 1)}")
    item = open_task(world, case_id)
    start(item.id, call=Call(world.analyst))
    reject(item.id, call=Call(world.analyst), reason="Not mine", resolution={"n": "text"})
    drain()
    assert case_row(world, case_id).status == "FAULTED"
    assert len(items(world, case_id)) == 1, "nothing of it is open"
