"""Effects nobody knows about: what an end without a word means for the execution, for plans and for
rollbacks, and how an operator settles it. Money moves in a map, so that it can be counted."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from compensation.actions.plan_execution import execute
from compensation.models import CompensationRun
from executions import capability_registry, selectors
from executions.actions import request_execution, settle_outcome
from executions.capability_registry import Failed, Invocation, Result, RetryPolicy, capability
from executions.models import Execution
from ledger import selectors as entries
from ledger.errors import Conflict, Invalid, NotPermitted
from ledger.tenancy import tenant_scope
from notifications.models import Delivery
from tests.casework import case_row, deploy, opened, preview, run_row, undo
from tests.clients import api, browser
from tests.definitions import automated, definition
from tests.draining import drain
from tests.world import World
from verbs.call import Call
from verbs.catalogue import find

SEEN = {"evidence": "statement of 25 November, line 14"}


class Bank:
    """A bank in memory that moves money once per key, and then may not answer."""

    def __init__(self) -> None:
        self.paid: dict[str, int] = {}
        self.answers = True
        self.reachable = True
        self.asked = 0

    @property
    def out(self) -> int:
        """How much is out."""
        return sum(self.paid.values())

    def pay(self, call: Invocation) -> Result:
        """Pay, then answer or not."""
        if not self.reachable:
            raise Failed("the bank is closed; nothing was sent")
        self.paid.setdefault(call.idempotency_key, call.input["amount"])
        return self._answer()

    def take_back(self, call: Invocation) -> Result:
        """Take a payment back, if there was one."""
        self.paid.setdefault(call.idempotency_key, -call.input["amount"] if self.out else 0)
        return self._answer()

    def status(self, call: Invocation) -> Result | None:
        """Say what became of a call."""
        self.asked += 1
        if call.idempotency_key in self.paid:
            return Result({"out": self.out})
        raise Failed("the bank knows nothing of it")

    def _answer(self) -> Result:
        if not self.answers:
            raise ConnectionError("no answer")
        return Result({"out": self.out})


@pytest.fixture
def bank(monkeypatch: pytest.MonkeyPatch) -> Bank:
    known = dict(capability_registry._capabilities)  # noqa: SLF001  -- there is no way back
    monkeypatch.setattr(capability_registry, "_capabilities", known)
    made = Bank()
    few: dict[str, Any] = {"retry": RetryPolicy(max_attempts=3)}
    capability("test.pay", undone_by="test.unpay", reversibility="compensable", **few)(made.pay)
    capability("test.unpay", **few)(made.take_back)
    capability("test.pay-safe", undone_by="test.unpay-safe", **few)(made.pay)
    capability("test.unpay-safe", safe_without_effect=True, **few)(made.take_back)
    capability("test.pay-told", undone_by="test.unpay", status=made.status, **few)(made.pay)
    return made


def pay(world: World, name: str = "test.pay", **more: Any) -> Execution:
    """Have 5 paid, and let all attempts pass."""
    made = request_execution(
        call=Call(world.operator), capability=name, input={"amount": 5}, **more
    )
    drain(fast_forward=True)
    return stored(world, made.id)


def stored(world: World, id_: uuid.UUID) -> Execution:
    with tenant_scope(world.operator.tenant_id):
        return selectors.get(id_)


def paying_case(world: World, name: str = "test.pay") -> tuple[uuid.UUID, Execution]:
    """Open a case whose only step pays, and let all attempts pass."""
    deploy(world, definition("pay", automated("pay", name, "true", "{amount: 5}"), success=".pay"))
    case_id = opened(world, "tests/pay")
    drain(fast_forward=True)
    with tenant_scope(world.operator.tenant_id):
        return case_id, Execution.objects.get(case_id=case_id)


def roll_back(world: World, case_id: uuid.UUID, **asked: Any) -> CompensationRun:
    """Preview and execute, and let everything settle."""
    plan = preview(("case", case_id), call=Call(world.operator), reason="Wrong", **asked)
    started = execute(plan.id, call=Call(world.operator, digest=plan.digest))
    drain(fast_forward=True)
    return run_row(world, started.id)


def actions_of(world: World, row: Execution) -> list[str]:
    with tenant_scope(world.operator.tenant_id):
        return [entry.action for entry in entries.entries_of("execution", row.id)]


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
        last = entries.entries_of("execution", row.id)[-1]
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
    with tenant_scope(world.operator.tenant_id):
        made = Execution.objects.get(undoes_id=row.id)
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
        said = [entry.action for entry in entries.entries_of("compensation_run", run.id)]
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
        said = [entry.action for entry in entries.entries_of("compensation_run", run.id)]
    assert said.count("compensation_waiting") == 1
    bank.answers = True
    settle_outcome(row.id, call=Call(world.operator), happened=True, **SEEN)
    drain(fast_forward=True)
    assert (run_row(world, run.id).status, bank.out) == ("COMPLETED", 0)
    assert case_row(world, case_id).status == "COMPENSATED"
