"""Events from outside that start steps: brought to the open cases that listen, once, in groups."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from accounts.acting import ActingUser
from cases import actions
from cases.actions import event_rounds
from cases.actions.arrivals import Came, as_seen
from cases.arrival_tables import Arrival, EventListener, EventRound
from cases.selectors import compiled_all
from events.actions import receive_event
from ledger.models import LedgerEntry, OutboxTask
from ledger.tenancy import tenant_scope
from notifications.models import Delivery
from tests.casework import case_row, deploy, finish, open_item, opened, plan_items
from tests.definitions import definition, human
from tests.draining import drain
from tests.states import actions_of, history
from tests.verifying import verify
from tests.world import World
from verbs.call import Call
from workitems.models import WorkItem

PAID = "com.bank.paid"


def listener(name: str = "a", when: str | None = None, **trigger: Any) -> dict[str, Any]:
    """Return a task that an event starts; without `when` under any condition."""
    step = human(name, on={"cloudEvent": {"type": PAID, **trigger}})
    return {**step, "when": when} if when else {k: v for k, v in step.items() if k != "when"}


def a_case(world: World, *steps: dict[str, Any], name: str = "way", **context: Any) -> uuid.UUID:
    deploy(world, definition(name, *(steps or (listener(),)), success=".over"))
    return opened(world, f"tests/{name}", context)


def sent(who: ActingUser, **more: Any) -> Any:
    said = {
        "specversion": "1.0", "id": str(uuid.uuid4()), "source": "/bank", "type": PAID, **more
    }  # fmt: skip
    row = receive_event(call=Call(who), **said)
    drain()
    return row


def tasks(world: World, case_id: uuid.UUID) -> list[WorkItem]:
    with tenant_scope(world.operator.tenant_id):
        return list(WorkItem.objects.filter(case_id=case_id).order_by("created_at", "id"))


def kept(world: World, case_id: uuid.UUID) -> list[tuple[str, str]]:
    with tenant_scope(world.operator.tenant_id):
        rows = Arrival.objects.filter(case_id=case_id).order_by("created_at", "binding")
        return [(each.binding, each.status) for each in rows]


def test_an_event_starts_the_step_that_listens_and_is_seen_by_it(world: World) -> None:
    case_id = a_case(world, listener(), human("b"))
    other = a_case(world, human("c"), name="other")
    assert set(plan_items(world, case_id)) == {"b"}
    row = sent(world.operator, subject="4711", data={"amount": 5})
    task = open_item(world.analyst, case_id, "a")
    assert task.payload == {
        "event": {
            "specversion": "1.0", "id": row.event_id, "source": "/bank", "type": PAID,
            "subject": "4711", "data": {"amount": 5},
        }
    }  # fmt: skip
    entry = next(each for each in history(world, "case", case_id) if each.action == "event_arrived")
    assert entry.payloads["event"] == {"type": PAID, "source": "/bank", "id": row.event_id}
    assert entry.caused_by is not None
    assert entry.caused_by.id == row.entry_id
    assert "event" not in case_row(world, case_id).context
    assert "event_arrived" not in actions_of(world, "case", other)
    with tenant_scope(world.operator.tenant_id):
        assert not EventRound.objects.exists()
    verify()


@pytest.mark.parametrize(
    ("trigger", "event", "starts"),
    [
        ({"source": "/bank"}, {}, True),
        ({"source": "/till"}, {}, False),
        ({"subject": "7"}, {"subject": "7"}, True),
        ({"subject": "7"}, {}, False),
        ({"filter": ".data.amount > 3"}, {"data": {"amount": 4}}, True),
        ({"filter": ".data.amount > 3"}, {"data": {"amount": 3}}, False),
        ({"filter": ".subject == .case.context.order"}, {"subject": "o-1"}, True),
        ({"filter": ".subject == .case.context.order"}, {"subject": "o-2"}, False),
        # An attribute of the event may be called as what the case is seen by.
        (
            {"filter": '.event.case == "c-1" and .case.context.order == "o-1"'},
            {"case": "c-1"},
            True,
        ),
        ({"filter": '.event.case == "c-1"'}, {"case": "c-2"}, False),
        ({"filter": '.event.event == "e" and .cases == 3'}, {"event": "e", "cases": 3}, True),
        ({}, {"type": "com.bank.refunded"}, False),
    ],
)
def test_type_source_subject_and_filter_decide(
    world: World, trigger: dict[str, Any], event: dict[str, Any], *, starts: bool
) -> None:
    case_id = a_case(world, listener(**trigger), order="o-1")
    version = case_row(world, case_id).version
    sent(world.operator, **event)
    assert len(tasks(world, case_id)) == int(starts)
    assert case_row(world, case_id).version == version + int(starts)
    assert kept(world, case_id) == [("a", "TAKEN")] * starts


def test_a_condition_is_asked_with_the_context_and_the_event(world: World) -> None:
    case_id = a_case(world, listener(when=".event.data.n == .n"), n=2)
    sent(world.operator, data={"n": 1})
    assert (tasks(world, case_id), kept(world, case_id)) == ([], [("a", "PASSED_OVER")])
    sent(world.operator, data={"n": 2})
    assert len(tasks(world, case_id)) == 1


def test_the_same_event_again_starts_nothing_again(world: World) -> None:
    case_id = a_case(world)
    said = {"id": "e-1"}
    first = sent(world.operator, **said)
    finish(world.analyst, case_id, "a", None)
    assert sent(world.operator, **said).id == first.id
    # And the news itself, told twice, and its round gone twice.
    with tenant_scope(world.operator.tenant_id):
        OutboxTask.objects.filter(consumer="cases.inbound_events").update(done_at=None)
    drain()
    assert len(tasks(world, case_id)) == 1
    assert actions_of(world, "case", case_id).count("event_arrived") == 1
    sent(world.operator)
    assert len(tasks(world, case_id)) == 2


def test_many_cases_are_seen_to_in_groups_and_a_killed_worker_is_followed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_rounds, "AT_ONCE", 2)
    monkeypatch.setattr(event_rounds, "_TURNS", 2)
    deploy(world, definition("way", listener(), success=".over"))
    cases = [opened(world, "tests/way") for _ in range(7)]
    tell, told = event_rounds.tell_case, list[uuid.UUID]()

    def killed(tenant_id: uuid.UUID, case_id: uuid.UUID, *rest: Any) -> None:
        if len(told) == 5:
            told.append(case_id)
            raise KeyboardInterrupt
        told.append(case_id)
        tell(tenant_id, case_id, *rest)

    monkeypatch.setattr(event_rounds, "tell_case", killed)
    with pytest.raises(KeyboardInterrupt):
        sent(world.operator)
    with tenant_scope(world.operator.tenant_id):
        row = EventRound.objects.get()
        assert row.case_id == cases[3]
        EventRound.objects.update(leased_until=None, lease_token=None)
    drain()
    assert told == [*cases[:5], cases[5], cases[4], cases[5], cases[6]]
    assert [len(tasks(world, each)) for each in cases] == [1] * 7
    assert [actions_of(world, "case", each).count("event_arrived") for each in cases] == [1] * 7
    with tenant_scope(world.operator.tenant_id):
        assert not EventRound.objects.exists()


def test_one_on_hold_hears_it_as_it_goes_on_and_one_that_is_over_never(world: World) -> None:
    held = a_case(world, listener())
    over = opened(world, "tests/way")
    actions.suspend_case(held, call=Call(world.operator))
    actions.cancel_case(over, call=Call(world.operator))
    sent(world.operator, data="x")
    assert (kept(world, held), kept(world, over)) == ([("a", "WAITING")], [])
    later = opened(world, "tests/way")
    actions.resume_case(held, call=Call(world.operator))
    drain()
    assert [each.payload["event"]["data"] for each in tasks(world, held)] == ["x"]
    assert (tasks(world, over), tasks(world, later)) == ([], [])


@pytest.mark.parametrize(
    "broken", ["[limit(1e9; repeat(1))] | length", ".data.n.m", ".case.number.x"]
)
def test_a_filter_that_fails_is_no_match_and_told_to_the_operators(
    world: World, broken: str
) -> None:
    case_id = a_case(world, listener(filter=broken), listener("b"))
    sent(world.operator, data={"n": 1})
    assert set(plan_items(world, case_id)) == {"b"}
    assert kept(world, case_id) == [("a", "PASSED_OVER"), ("b", "TAKEN")]
    said = next(e for e in history(world, "case", case_id) if e.action == "event_filter_failed")
    assert (said.kind, said.payloads["step"]) == ("REFUSAL", "a")
    with tenant_scope(world.operator.tenant_id):
        assert Delivery.objects.filter(topic="event_ignored", channel="in_app").count() == 2
    verify()


def test_another_tenant_hears_nothing(world: World) -> None:
    case_id = a_case(world)
    sent(world.outsider)
    assert (tasks(world, case_id), kept(world, case_id)) == ([], [])
    with tenant_scope(world.outsider.tenant_id):
        assert not EventListener.objects.exists()
        assert not EventRound.objects.exists()


def test_what_nobody_listens_to_makes_no_round_and_a_waiting_case_costs_nothing(
    world: World,
) -> None:
    case_id = a_case(world)
    with tenant_scope(world.operator.tenant_id):
        before = LedgerEntry.objects.filter(case_id=case_id).count()
    sent(world.operator, type="com.bank.refunded")
    with tenant_scope(world.operator.tenant_id):
        assert not EventRound.objects.exists()
        assert LedgerEntry.objects.filter(case_id=case_id).count() == before
        assert [each.type for each in EventListener.objects.all()] == [PAID]
    assert tasks(world, case_id) == []


def test_a_round_reads_each_version_that_listens_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_case(world)
    asked: list[int] = []

    def reads(tenant_id: uuid.UUID, ids: Any) -> Any:
        found = compiled_all(tenant_id, ids)
        asked.append(len(found))
        return found

    monkeypatch.setattr("cases.actions.event_rounds.compiled_all", reads)
    event_rounds._steps_kept.clear()  # noqa: SLF001  -- another test may have had it read
    for number in range(3):
        sent(world.operator, id=f"e-{number}")
    assert asked == [1]


def test_what_several_steps_hear_is_stored_once_in_each_case(world: World) -> None:
    steps = [listener(name) for name in ("a", "b", "c")]
    cases = [a_case(world, *steps), opened(world, "tests/way")]
    row = sent(world.operator, data={"text": "long"})
    for case_id in cases:
        with tenant_scope(world.operator.tenant_id):
            stored = [each.data for each in Arrival.objects.filter(case_id=case_id)]
        assert sorted(map(bool, stored)) == [False, False, True]
        assert next(filter(None, stored))["data"] == {"text": "long"}
        assert kept(world, case_id) == [(name, "TAKEN") for name in ("a", "b", "c")]
        assert [task.payload["event"]["data"] for task in tasks(world, case_id)] == [
            {"text": "long"}
        ] * 3
        assert {task.payload["event"]["id"] for task in tasks(world, case_id)} == {row.event_id}


def test_what_is_stored_with_another_step_is_seen_later_and_again(world: World) -> None:
    case_id = a_case(world, listener("a"), listener("b"))
    sent(world.operator, id="e-1", data={"n": 1})
    sent(world.operator, id="e-2", data={"n": 2})
    for number in (1, 2):
        for name in ("a", "b"):
            task = open_item(world.analyst, case_id, name)
            assert task.payload["event"]["data"] == {"n": number}
            finish(world.analyst, case_id, name, None)
    assert set(kept(world, case_id)) == {("a", "TAKEN"), ("b", "TAKEN")}


def test_what_several_steps_hear_is_asked_about_once() -> None:
    row = Arrival(heard="event", entry_id=uuid.uuid4(), data={"n": 1})
    other = Arrival(heard="event", entry_id=row.entry_id, data={"n": 1})
    later = Arrival(heard="event", entry_id=uuid.uuid4(), data={"n": 2})
    step: Any = None
    seen = as_seen([Came(step, row), Came(step, other), Came(step, later)], {"k": True})
    assert [each.context for each in seen] == [
        {"k": True, "event": {"n": number}} for number in (1, 1, 2)
    ]
    assert seen[0].context is seen[1].context
