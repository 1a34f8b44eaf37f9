"""On the preview page one says of a step, with a reason, that it may stay, or is undone too late;
the pages of the rollback and of the case tell it."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from django.urls import reverse

from compensation.actions.waiting_runs import approve_run
from compensation.models import CompensationPlan
from executions.capability_registry import capability
from ledger.tenancy import tenant_scope
from tests import states
from tests.bank import open_bank, pay
from tests.casework import case_row, deploy, finish, opened, plan_for, plan_items, preview, undo
from tests.clients import browser
from tests.definitions import definition, human
from tests.draining import drain
from tests.integration.test_windows import SHORT, WHY, late
from tests.world import World
from verbs.call import Call


def done(world: World) -> uuid.UUID:
    """Return a finished case: one step can be undone, one for a while, one never."""
    bindings = [
        human("hotel"), human("car", compensation=SHORT),
        human("flight", reversibility="irreversible"),
    ]  # fmt: skip
    success = ".hotel != null and .car != null and .flight != null"
    deploy(world, definition("trip", *bindings, success=success))
    case_id = opened(world, "tests/trip")
    for name in ("hotel", "car", "flight"):
        finish(world.analyst, case_id, name, "OK")
    return case_id


def url(plan: Any, name: str = "plan-words") -> str:
    return reverse(f"compensation:{name}", args=[plan.id])


def made(world: World, answer: Any) -> CompensationPlan:
    """Return the plan that an answer leads to."""
    assert answer.status_code == 303, answer.content.decode()
    id_ = answer["Location"].strip("/").split("/")[-1]
    with tenant_scope(world.operator.tenant_id):
        return CompensationPlan.objects.get(id=id_)


def count(world: World) -> int:
    with tenant_scope(world.operator.tenant_id):
        return CompensationPlan.objects.count()


def test_a_person_says_what_may_stay_and_what_is_undone_after_its_time(world: World) -> None:
    case_id = done(world)
    client = browser(world.operator)
    with late():
        plan = plan_for(world, case_id)
        page = client.get(url(plan, "plan")).content.decode()
        for value in ("waive:flight", "waive:car", "override_window:car"):
            assert f'value="{value}"' in page
        assert 'value="waive:hotel"' not in page, "what is undone is not to be waived"
        assert 'value="override_window:flight"' not in page
        answer = client.post(url(plan), {"word": "waive:flight", "why": "No refund"})
        first = made(world, answer)
        answer = client.post(url(first), {"word": "override_window:car", "why": WHY})
        second = made(world, answer)
        assert (second.waive, second.override_window) == (
            [{"step": "flight", "reason": "No refund"}], [{"step": "car", "reason": WHY}],
        )  # fmt: skip
        assert (second.reason, second.scope) == (plan.reason, plan.scope)
        page = client.get(url(second, "plan")).content.decode()
        assert "It may stay: “No refund”" in page
        assert f"It is undone all the same: “{WHY}”" in page
        assert 'value="waive:flight"' not in page
        number = str(case_row(world, case_id).number)
        fields = {"digest": second.digest, "confirm": number}
        assert client.post(url(second, "plan-execute"), fields).status_code == 303
        with tenant_scope(world.operator.tenant_id):
            [waits] = second.runs.all()
        approve_run(waits.id, call=Call(world.approver))
    drain()
    undo(world.analyst, case_id)
    undo(world.analyst, case_id)
    assert case_row(world, case_id).status == "PARTIALLY_COMPENSATED"
    with tenant_scope(world.operator.tenant_id):
        [run] = second.runs.all()
    assert run.exceptions == [
        {"kind": "waived", "step": "flight", "reason": "No refund"},
        {"kind": "overridden", "step": "car", "reason": WHY},
    ]
    for address in (reverse("compensation:run", args=[run.id]), f"/cases/{case_id}/"):
        text = client.get(address).content.decode()
        assert "<b>May stay:</b> Flight · “No refund”" in text
        assert f"<b>After its time:</b> Car · “{WHY}”" in text


def test_a_word_without_a_reason_or_of_another_step_makes_no_plan(world: World) -> None:
    case_id = done(world)
    client = browser(world.operator)
    plan = plan_for(world, case_id)
    before = count(world)
    for said, field in (
        ({"word": "waive:flight", "why": ""}, "why"),
        ({"word": "waive:hotel", "why": WHY}, "word"),
        ({"word": "override_window:car", "why": WHY}, "word"),
        ({"word": "reason:flight", "why": WHY}, "word"),
        ({"why": WHY}, "word"),
    ):
        answer = client.post(url(plan), said)
        assert answer.status_code == 422, said
        assert f'id="id_{field}_error"' in answer.content.decode(), said
    assert count(world) == before


def test_who_does_not_operate_says_nothing(world: World) -> None:
    plan = plan_for(world, done(world))
    before = count(world)
    client = browser(world.analyst)
    assert 'name="word"' not in client.get(url(plan, "plan")).content.decode()
    answer = client.post(url(plan), {"word": "waive:flight", "why": WHY})
    assert (answer.status_code, count(world)) == (403, before)


def test_a_stale_plan_keeps_what_was_said(world: World) -> None:
    case_id = done(world)
    client = browser(world.operator)
    plan = plan_for(world, case_id, waive=[{"step": "flight", "reason": "No refund"}])
    fields = {"digest": "0" * 64, "confirm": str(case_row(world, case_id).number)}
    text = client.post(url(plan, "plan-execute"), fields).content.decode()
    assert "Things have changed since you looked" in text
    assert "It may stay: “No refund”" in text


def test_a_word_of_a_step_changes_nothing_else_that_was_wished(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = done(world)
    client = browser(world.operator)
    plan = plan_for(world, case_id, resume_after=True)
    said = made(world, client.post(url(plan), {"word": "waive:flight", "why": "No refund"}))
    assert (said.resume_after, said.include) == (True, [])

    bank = open_bank(monkeypatch)
    name, hour = "test.pay-timed", {"window": "PT1H"}
    capability(name, undone_by="test.unpay-safe", compensation=hour)(bank.pay)
    bank.answers = False
    row = pay(world, name)
    assert row.status == "UNCERTAIN"
    with late():
        about = ("execution", row.id)
        plan = preview(about, call=Call(world.operator), reason="Wrong", include=[name])
        said = made(world, client.post(url(plan), {"word": f"override_window:{name}", "why": WHY}))
    assert (said.include, len(said.content["steps"])) == ([name], 1)


def test_a_stale_plan_loses_the_outdated_word_alone(world: World) -> None:
    case_id = done(world)
    client = browser(world.operator)
    _type, car = plan_items(world, case_id)["car"].work
    words = {
        "waive": [{"step": "flight", "reason": "No refund"}],
        "override_window": [{"step": "car", "reason": WHY}],
    }
    with late():
        plan = plan_for(world, case_id, **words)
        states.compensate(states.stored(world, car), world.operator, override_window=True)
        undo(world.analyst, case_id)
        fields = {"digest": plan.digest, "confirm": str(case_row(world, case_id).number)}
        text = client.post(url(plan, "plan-execute"), fields).content.decode()
    assert "Things have changed since you looked" in text
    assert "It may stay: “No refund”" in text
    with tenant_scope(world.operator.tenant_id):
        fresh = CompensationPlan.objects.exclude(id=plan.id).get()
    assert (fresh.waive, fresh.override_window) == (words["waive"], [])


def test_a_plan_asked_for_anew_on_the_page_keeps_what_becomes_of_the_case(world: World) -> None:
    case_id = done(world)
    client = browser(world.operator)
    ask = reverse("compensation:rollback-case", args=[case_id])
    plan = plan_for(
        world, case_id, scope={"kind": "from_step", "step": "car"}, resume_after=True
    )  # fmt: skip
    box = 'name="resume_after"'
    [shown] = [line for line in lines_of(client.get(f"{ask}?plan={plan.id}")) if box in line]
    assert "checked" in shown
    [empty] = [line for line in lines_of(client.get(ask)) if box in line]
    assert "checked" not in empty
    said = {"scope": "from_step", "step": "car", "strategy": "", "reason": "Fraud"}
    assert made(world, client.post(ask, {**said, "resume_after": "on"})).resume_after
    assert not made(world, client.post(ask, said)).resume_after


def test_a_plan_asked_for_anew_on_the_page_keeps_what_was_said_of_its_steps(world: World) -> None:
    case_id, other = done(world), opened(world, "tests/trip")
    client = browser(world.operator)
    words = {
        "waive": [{"step": "flight", "reason": "No refund"}],
        "override_window": [{"step": "car", "reason": WHY}],
    }
    said = {"scope": "whole", "step": "", "strategy": "", "reason": "Fraud"}

    def asked(about: uuid.UUID, plan: Any, **changed: str) -> tuple[Any, Any]:
        address = f"{reverse('compensation:rollback-case', args=[about])}?plan={plan.id}"
        if about == case_id:
            assert f'action="{address}"' in client.get(address).content.decode()
        new = made(world, client.post(address, {**said, **changed}))
        assert (new.id, new.reason) != (plan.id, plan.reason)
        return new.waive, new.override_window

    with late():
        plan = plan_for(world, case_id, **words)
        assert asked(case_id, plan) == (words["waive"], words["override_window"])
        # What does not fit another scope is not said of it, and the rest is.
        one = {"scope": "only_this", "step": "car"}
        assert asked(case_id, plan, **one) == ([], words["override_window"])
        # Of another case nothing was said.
        for name in ("hotel", "car", "flight"):
            finish(world.analyst, other, name, "OK")
        assert asked(other, plan) == ([], [])


def lines_of(answer: Any) -> list[str]:
    """Return the tags of a page."""
    found: list[str] = re.findall(r"<input[^>]*>", answer.content.decode())
    return found
