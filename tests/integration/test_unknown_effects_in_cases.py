"""What nobody knows, in cases: who is told, what a plan says, how a rollback ends and waits."""

from __future__ import annotations

import uuid

import pytest

from compensation.actions.plan_execution import execute
from compensation.models import CompensationPlan
from executions.actions import settle_outcome
from executions.capability_registry import capability
from executions.models import Execution
from ledger import selectors as entries
from ledger.errors import Invalid
from ledger.tenancy import tenant_scope
from notifications.models import Delivery
from tests.bank import SEEN, Bank, open_bank, pay, paying_case, roll_back, stored, undo_of
from tests.casework import case_row, deploy, opened, preview, run_row, undo
from tests.clients import api, browser
from tests.definitions import automated, definition
from tests.draining import drain
from tests.world import World
from verbs.call import Call
from verbs.catalogue import find


@pytest.fixture(name="bank")
def _bank(monkeypatch: pytest.MonkeyPatch) -> Bank:
    return open_bank(monkeypatch)


def told(world: World, topic: str) -> list[tuple[uuid.UUID, uuid.UUID]]:
    """Return whom notices of a topic told, and about what."""
    with tenant_scope(world.operator.tenant_id):
        rows = Delivery.objects.filter(topic=topic, channel="in_app").order_by("recipient_id")
        return list(rows.values_list("recipient_id", "subject_id"))


def operators_about(world: World, id_: uuid.UUID) -> list[tuple[uuid.UUID, uuid.UUID]]:
    return sorted([(world.operator.actor_id, id_), (world.admin.actor_id, id_)])


def test_the_operators_are_told_once(world: World, bank: Bank) -> None:
    bank.answers = False
    row = pay(world)
    drain(fast_forward=True)
    assert told(world, "outcome_unknown") == operators_about(world, row.id)


def test_a_case_stays_where_it_is_until_it_is_settled(world: World, bank: Bank) -> None:
    bank.answers = False
    case_id, row = paying_case(world)
    assert (row.status, row.completion_seq) == ("UNCERTAIN", 1)
    assert case_row(world, case_id).status == "RUNNING"
    settle_outcome(row.id, call=Call(world.operator), happened=True, output={"out": 5}, **SEEN)
    drain()
    assert case_row(world, case_id).status == "COMPLETED"
    assert case_row(world, case_id).context == {"pay": {"out": 5}}


def test_the_case_says_so_and_leads_to_the_question(world: World, bank: Bank) -> None:
    bank.answers = False
    case_id, row = paying_case(world)
    shape = api(world.analyst).get(f"/api/v1/cases/{case_id}").json()
    [unclear] = shape["outcome_unknown"]
    assert (unclear["id"], unclear["name"], unclear["status"]) == (str(row.id), "pay", "UNCERTAIN")
    page = browser(world.operator).get(f"/cases/{case_id}/").content.decode()
    assert f'Nobody knows whether <a href="/executions/{row.id}/"><b>Pay</b></a> happened' in page


def test_its_page_asks_the_operator_and_nobody_else(world: World, bank: Bank) -> None:
    bank.answers = False
    _case_id, row = paying_case(world)
    url = f"/executions/{row.id}/"
    asked = f'action="{url}outcome/"'
    assert asked not in browser(world.analyst).get(url).content.decode()
    operator = browser(world.operator)
    assert asked in operator.get(url).content.decode()
    # Nothing chosen is no answer: it is not taken for a no.
    silent = operator.post(f"{url}outcome/", SEEN)
    assert (silent.status_code, stored(world, row.id).status) == (422, "UNCERTAIN")
    told = operator.post(f"{url}outcome/", {**SEEN, "happened": "true", "version": row.version})
    assert (told.status_code, told["Location"]) == (303, url)
    assert stored(world, row.id).status == "SUCCEEDED"


def test_a_rollback_with_the_money_out_never_ends_as_undone(world: World, bank: Bank) -> None:
    bank.answers = False
    case_id, row = paying_case(world)
    plan = preview(("case", case_id), call=Call(world.operator), reason="Wrong")
    [left] = plan.content["excluded"]
    assert plan.content["steps"] == []
    assert (left["code"], left["alternatives"]) == ("outcome_unknown", ["settle_outcome"])
    with pytest.raises(Invalid) as refused:
        preview(("case", case_id), call=Call(world.operator), reason="Wrong", include=["pay"])
    assert refused.value.errors[0].pointer == "/include/0"
    assert (stored(world, row.id).status, bank.out) == ("UNCERTAIN", 5)


@pytest.mark.parametrize("turned_out", ["unknown", "not happened"])
def test_a_rollback_in_spite_of_it_ends_with_an_exception(
    world: World, bank: Bank, turned_out: str
) -> None:
    """Unless it turns out in time that it did not happen."""
    first = automated("first", "demo.flaky", "true", "{fail_times: 0}")
    first["compensation"] = {
        "mode": "human", "performer": "groups", "candidate_groups": ["analysts"],
    }  # fmt: skip
    second = automated("second", "test.pay", ".first != null", "{amount: 5}")
    deploy(world, definition("two", first, second, success=".second"))
    bank.answers = False
    case_id = opened(world, "tests/two")
    drain(fast_forward=True)
    run = roll_back(world, case_id)
    assert (run.status, run.waits_for) == ("RUNNING", [])
    if turned_out == "not happened":
        with tenant_scope(world.operator.tenant_id):
            row = Execution.objects.get(case_id=case_id, capability="test.pay")
        settle_outcome(row.id, call=Call(world.operator), happened=False, **SEEN)
    undo(world.analyst, case_id)
    ends = (
        ("PARTIAL", "PARTIALLY_COMPENSATED")
        if turned_out == "unknown"
        else ("COMPLETED", "COMPENSATED")
    )
    assert (run_row(world, run.id).status, case_row(world, case_id).status) == ends
    assert bank.out == 5


def test_settled_as_happened_it_is_undone(world: World, bank: Bank) -> None:
    bank.answers = False
    case_id, row = paying_case(world)
    settle_outcome(row.id, call=Call(world.operator), happened=True, **SEEN)
    bank.answers = True
    drain()
    run = roll_back(world, case_id)
    assert (run.status, bank.out) == ("COMPLETED", 0)
    assert case_row(world, case_id).status == "COMPENSATED"


def test_undone_as_if_it_had_happened_where_that_is_safe(world: World, bank: Bank) -> None:
    bank.answers = False
    case_id, row = paying_case(world, "test.pay-safe")
    plan = preview(("case", case_id), call=Call(world.operator), reason="Wrong")
    assert plan.content["excluded"][0]["alternatives"] == ["settle_outcome", "undo_anyway"]
    bank.answers = True
    run = roll_back(world, case_id, include=["pay"])
    assert (run.status, bank.out) == ("COMPLETED", 0)
    assert stored(world, row.id).status == "COMPENSATED"
    assert case_row(world, case_id).status == "COMPENSATED"


def test_an_uncertain_undo_says_so_and_is_tried_with_the_same_key(world: World, bank: Bank) -> None:
    case_id, row = paying_case(world)
    bank.answers = False
    run = roll_back(world, case_id)
    assert run.status == "FAULTED"
    assert case_row(world, case_id).status == "COMPENSATION_FAULTED"
    with tenant_scope(world.operator.tenant_id):
        step = run.steps.get()
        made = Execution.objects.get(undoes_id=row.id)
    assert step.error.startswith("It may have happened: ")
    assert (made.status, made.compensation_state) == ("UNCERTAIN", "COMPENSATION_FAULTED")
    assert stored(world, row.id).status == "COMPENSATION_FAULTED"
    bank.answers = True
    find("compensation_step", "retry")(run.id, step.n, call=Call(world.operator))
    drain(fast_forward=True)
    with tenant_scope(world.operator.tenant_id):
        keys = set(Execution.objects.filter(undoes_id=row.id).values_list("idempotency_key"))
    assert len(keys) == 1
    assert (run_row(world, run.id).status, bank.out) == ("COMPLETED", 0)


def test_an_uncertain_undo_that_did_happen_settles_its_step(world: World, bank: Bank) -> None:
    case_id, row = paying_case(world)
    bank.answers = False
    run = roll_back(world, case_id)
    made = undo_of(world, row)
    settle_outcome(made.id, call=Call(world.operator), happened=True, **SEEN)
    drain()
    assert stored(world, made.id).status == "SUCCEEDED"
    assert stored(world, row.id).status == "COMPENSATED"
    assert run_row(world, run.id).status == "COMPLETED"
    assert (case_row(world, case_id).status, bank.out) == ("COMPENSATED", 0)


def test_an_uncertain_undo_is_not_handed_to_a_person_by_itself(world: World, bank: Bank) -> None:
    capability(
        "test.pay-human", undone_by="test.unpay", compensation={"fallback": "human"}
    )(bank.pay)  # fmt: skip
    case_id, row = paying_case(world, "test.pay-human")
    bank.answers = False
    run = roll_back(world, case_id)
    assert (run.status, stored(world, row.id).status) == ("FAULTED", "COMPENSATION_FAULTED")


def test_a_rollback_waits_for_a_silent_party_and_says_so(world: World, bank: Bank) -> None:
    first = automated("first", "test.pay", "true", "{amount: 5}")
    silent = automated("silent", "erp.book", "true", "{n: 1}", compensation={"mode": "human"})
    deploy(world, definition("silent", first, silent, success=".first and .silent"))
    case_id = opened(world, "tests/silent")
    with tenant_scope(world.operator.tenant_id):
        waiting = Execution.objects.get(case_id=case_id, capability="erp.book")
    run = roll_back(world, case_id)
    assert run.status == "RUNNING"
    [awaited] = run.waits_for
    assert (awaited["id"], awaited["name"], awaited["status"]) == (
        str(waiting.id), "silent", "WAITING",
    )  # fmt: skip
    with tenant_scope(world.operator.tenant_id):
        said = [
            entry.action for entry in entries.entries_of(run.tenant_id, "compensation_run", run.id)
        ]
    assert said.count("compensation_waiting") == 1
    assert told(world, "rollback_waits") == operators_about(world, run.id)
    assert bank.out == 5, "an earlier step was undone before a later one was known"

    settle_outcome(waiting.id, call=Call(world.operator), happened=False, **SEEN)
    drain(fast_forward=True)
    after = run_row(world, run.id)
    assert (after.status, after.waits_for, bank.out) == ("COMPLETED", [], 0)


def test_what_becomes_uncertain_during_a_rollback_is_waited_for(world: World, bank: Bank) -> None:
    bank.answers = False
    deploy(
        world,
        definition("pay", automated("pay", "test.pay", "true", "{amount: 5}"), success=".pay"),
    )
    case_id = opened(world, "tests/pay")
    with tenant_scope(world.operator.tenant_id):
        row = Execution.objects.get(case_id=case_id)
    assert (row.status, row.attempts) == ("PENDING", 1)
    run = roll_back(world, case_id)
    assert stored(world, row.id).status == "UNCERTAIN"
    assert (run.status, run.waits_for[0]["status"]) == ("RUNNING", "UNCERTAIN")
    with tenant_scope(world.operator.tenant_id):
        said = [
            entry.action for entry in entries.entries_of(run.tenant_id, "compensation_run", run.id)
        ]
    assert said.count("compensation_waiting") == 1
    bank.answers = True
    settle_outcome(row.id, call=Call(world.operator), happened=True, **SEEN)
    drain(fast_forward=True)
    assert (run_row(world, run.id).status, bank.out) == ("COMPLETED", 0)
    assert case_row(world, case_id).status == "COMPENSATED"


def test_one_by_itself_is_undone_as_if_from_the_page(world: World, bank: Bank) -> None:
    bank.answers = False
    row = pay(world, "test.pay-safe")
    operator, url = browser(world.operator), f"/executions/{row.id}/rollback/"
    said = "Test.pay safe: nobody knows whether it happened; undo it as if it had"
    assert said in operator.get(url).content.decode()
    plain = operator.post(url, {"reason": "Wrong"})
    page = operator.get(plain["Location"]).content.decode()
    assert f'href="/executions/{row.id}/"' in page
    assert "include=test.pay-safe" in page
    asked = operator.post(url, {"reason": "Wrong", "include": "test.pay-safe"})
    assert asked.status_code == 303
    with tenant_scope(world.operator.tenant_id):
        plan = CompensationPlan.objects.get(id=asked["Location"].split("/")[2])
    assert [step["original"]["id"] for step in plan.content["steps"]] == [str(row.id)]
    bank.answers = True
    execute(plan.id, call=Call(world.operator, digest=plan.digest))
    drain(fast_forward=True)
    assert (stored(world, row.id).status, bank.out) == ("COMPENSATED", 0)
