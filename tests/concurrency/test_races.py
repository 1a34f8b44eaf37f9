"""What happens at the same moment: real threads, each with a connection of its own."""

from __future__ import annotations

import functools
import itertools
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.acting import ActingUser
from compensation.models import CompensationAttempt
from ledger.errors import Conflict, Refusal
from ledger.ids import new_id
from ledger.models import LedgerEntry
from ledger.record import ActorRef, Change, record
from ledger.tenancy import set_tenant, tenant_scope
from tests import states
from tests.verifying import verify
from tests.vocabulary import declared
from tests.world import World
from verbs.call import Call
from workitems import actions
from workitems.actions.work_deadlines import miss_due
from workitems.lifecycle import Status
from workitems.models import WorkItem

MANY = 20
#: Longer than any of these waits for a lock; a deadlock is found by the server after one second.
PATIENCE_SECONDS = 60


@pytest.fixture(name="channels")
def _channels() -> Iterator[None]:
    with declared("channel", "created", "edited"):
        yield


def at_once(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run all `calls` from behind one barrier; return each one's answer or the Refusal it raised.

    Anything else that is raised (a deadlock above all) fails the test.
    """
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        connection.ensure_connection()
        try:
            barrier.wait(PATIENCE_SECONDS)
            return call()
        except Refusal as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result(PATIENCE_SECONDS) for future in [pool.submit(run, c) for c in calls]]


def split(answers: list[Any]) -> tuple[list[Any], list[Refusal]]:
    """Return the answers and the refusals."""
    return (
        [answer for answer in answers if not isinstance(answer, Refusal)],
        [answer for answer in answers if isinstance(answer, Refusal)],
    )


def undos(world: World, item: WorkItem) -> list[WorkItem]:
    with tenant_scope(world.system.tenant_id):
        return list(WorkItem.objects.filter(undoes_id=item.id))


def test_of_twenty_claims_one_wins(world: World) -> None:
    item = states.new_item(world.operator)
    cast = [world.analyst, world.surveyor, world.underwriter, world.compliance, world.agent]

    def claim(by: ActingUser) -> Callable[[], Any]:
        return lambda: actions.claim(item.id, call=Call(by))

    won, lost = split(at_once([claim(cast[n % len(cast)]) for n in range(MANY)]))
    assert (len(won), len(lost)) == (1, MANY - 1)
    assert {(type(refusal), refusal.code) for refusal in lost} == {(Conflict, "illegal_state")}
    row = states.stored(world, item.id)
    assert (row.status, row.version, row.assignee_id) == ("ASSIGNED", 2, won[0].assignee_id)
    assert states.actions_of(world, "work_item", item.id) == ["created", "claimed"]


@pytest.mark.parametrize("policy", [{}, {"capability": "demo.slow"}], ids=["human", "automated"])
def test_of_twenty_compensations_one_wins(world: World, policy: dict[str, Any]) -> None:
    item = states.completed(world.analyst, payload={"seconds": 0}, compensation=policy)

    def compensate(by: ActingUser) -> Callable[[], Any]:
        return lambda: actions.compensate(item.id, call=Call(by), reason="Forged")

    both = (world.operator, world.admin)
    won, lost = split(at_once([compensate(both[n % 2]) for n in range(MANY)]))
    assert (len(won), [refusal.code for refusal in lost]) == (1, ["illegal_state"] * (MANY - 1))
    (attempt,) = states.attempts(world, item.id)
    assert attempt.compensation_id == won[0].attempt.compensation_id
    assert [task.id for task in undos(world, item)] == ([] if policy else [attempt.compensation_id])
    row = states.stored(world, item.id)
    assert (row.status, row.version, row.compensation_round) == ("COMPENSATING", 4, 1)
    assert states.actions_of(world, "work_item", item.id)[3:] == ["compensation_started"]


@pytest.mark.parametrize("attempt", range(6))
def test_an_undo_is_either_done_or_cancelled_and_settles_once(world: World, attempt: int) -> None:
    """Completing, cancelling and withdrawing lock undo and original: no order is a deadlock."""
    items = [states.compensating(world.operator) for _ in range(4)]
    for begun in items[:2]:
        actions.start(begun.attempt.compensation_id, call=Call(world.operator))
    calls: list[Callable[[], Any]] = []
    for n, begun in enumerate(items):
        calls += _rivals(begun.original.id, begun.attempt.compensation_id, world, started=n < 2)
    at_once(calls)
    for n, begun in enumerate(items):
        original = states.stored(world, begun.original.id)
        task = states.stored(world, begun.attempt.compensation_id)
        (row,) = states.attempts(world, original.id)
        allowed = (
            {("COMPLETED", "COMPENSATED", "DONE"), ("CANCELLED", "COMPENSATION_FAULTED", "FAILED")}
            if n < 2
            else {
                ("CANCELLED", "COMPLETED", "WITHDRAWN"),
                ("IN_PROGRESS", "COMPENSATING", ""),
                ("CANCELLED", "COMPENSATION_FAULTED", "FAILED"),
            }
        )
        assert (task.status, original.status, row.outcome) in allowed
        settled = [
            action
            for action in states.actions_of(world, "work_item", original.id)
            if action.startswith("compensation_") and action != "compensation_started"
        ]
        assert len(settled) == (0 if original.status == Status.COMPENSATING else 1)


def _rivals(
    original: uuid.UUID, task: uuid.UUID, world: World, *, started: bool
) -> list[Callable[[], Any]]:
    by = world.operator
    if started:
        return [
            lambda: actions.complete(task, call=Call(by), outcome="REVERSED"),
            lambda: actions.cancel(task, call=Call(by), reason="No"),
            lambda: actions.withdraw(original, call=Call(by)),
        ]
    return [
        lambda: actions.withdraw(original, call=Call(by)),
        lambda: actions.start(task, call=Call(by)),
        lambda: actions.cancel(task, call=Call(by), reason="No"),
    ]


def test_complete_and_cancel_of_one_item(world: World) -> None:
    items = [states.in_progress(world.operator) for _ in range(8)]
    calls: list[Callable[[], Any]] = []
    for item in items:
        calls += _ends(item.id, world.operator)
    won, lost = split(at_once(calls))
    assert (len(won), {refusal.code for refusal in lost}) == (len(items), {"illegal_state"})
    for item in items:
        row = states.stored(world, item.id)
        assert row.status in {"COMPLETED", "CANCELLED"}
        assert row.version == 3
        ending = "completed" if row.status == "COMPLETED" else "cancelled"
        assert states.actions_of(world, "work_item", item.id) == ["created", "started", ending]


def test_completing_and_missing_the_deadline_of_one_item(world: World) -> None:
    late = {"completion": {"within": "PT1H", "breach": [{"do": "expire"}]}}
    items = [states.in_progress(world.operator, deadlines=late) for _ in range(8)]
    calls: list[Callable[[], Any]] = []
    for item in items:
        deadline = states.come(item)[0]
        calls += [
            functools.partial(miss_due, item.tenant_id, deadline),
            functools.partial(miss_due, item.tenant_id, deadline),
            _ends(item.id, world.operator)[0],
        ]
    answers = at_once(calls)
    for number, item in enumerate(items):
        first, second, done = answers[3 * number : 3 * number + 3]
        row = states.stored(world, item.id)
        assert row.version == 3
        ending = "completed" if row.status == "COMPLETED" else "expired"
        assert states.actions_of(world, "work_item", item.id) == ["created", "started", ending]
        if row.status == "COMPLETED":
            # The row of the deadline is gone, or its lease led to nothing.
            assert not (first and second)
        else:
            assert row.status == "EXPIRED"
            assert (first, second) in {(True, False), (False, True)}
            assert done.code == "illegal_state"


def _ends(item_id: uuid.UUID, by: ActingUser) -> list[Callable[[], Any]]:
    return [
        lambda: actions.complete(item_id, call=Call(by), outcome="PASSED"),
        lambda: actions.cancel(item_id, call=Call(by), reason="No"),
    ]


def test_decisions_about_one_fault(world: World) -> None:
    item = states.faulted(world.operator).original
    by = world.operator
    decisions: list[Callable[[], Any]] = [
        lambda: actions.retry_compensation(item.id, call=Call(by)),
        lambda: actions.attest(item.id, call=Call(by), evidence="Receipt"),
        lambda: actions.abandon(item.id, call=Call(by), reason="Small"),
        lambda: actions.hand_to_human(item.id, call=Call(by)),
    ]
    won, lost = split(at_once(decisions * 3))
    assert (len(won), {refusal.code for refusal in lost}) == (1, {"illegal_state"})
    assert states.stored(world, item.id).version == 6
    with tenant_scope(by.tenant_id):
        open_ones = CompensationAttempt.objects.filter(original_id=item.id, outcome="").count()
    assert open_ones == (1 if states.stored(world, item.id).status == "COMPENSATING" else 0)


def test_versions_seen_together_are_used_once(world: World) -> None:
    """If-Match: of several who saw the same version, the first to come changes it."""
    item = states.in_progress(world.operator)
    call = Call(world.operator, versions=[item.version])

    def edit(n: int) -> Callable[[], Any]:
        return lambda: actions.edit(item.id, call=call, title=f"Title {n}")

    won, lost = split(at_once([edit(n) for n in range(6)]))
    assert (len(won), {refusal.code for refusal in lost}) == (1, {"stale_version"})
    assert states.stored(world, item.id).title == won[0].title


@pytest.mark.usefixtures("channels")
@pytest.mark.parametrize("born", [True, False], ids=["born here", "appended"])
def test_sixteen_writers_of_few_subjects_leave_gapless_chains(world: World, *, born: bool) -> None:
    """Nobody locks the subject's row here; the head alone keeps the sequence."""
    subjects = [new_id() for _ in range(3)]
    by = ActorRef(world.operator.actor_id, "HUMAN", "operator")

    def change(subject: uuid.UUID, version: int, *, opens: bool) -> Change:
        return Change(
            tenant_id=world.system.tenant_id,
            subject_type="channel",
            subject_id=subject,
            version=version,
            action="created" if opens else "edited",
            actor=by,
            to_status="OPEN",
            opens=opens,
        )

    def append(n: int) -> Callable[[], Any]:
        def run() -> int:
            for turn in range(4):
                with transaction.atomic(durable=True):
                    set_tenant(world.system.tenant_id)
                    record(change(subjects[(n + turn) % 3], turn, opens=False))
            return 4

        return run

    if not born:
        with tenant_scope(world.system.tenant_id):
            for subject in subjects:
                record(change(subject, 1, opens=True))
        written = sum(at_once([append(n) for n in range(16)]))
        assert written == 64
        _gapless(world, subjects, 64 + 3)
    else:
        won = [n for n in at_once([_birth(world, change, s) for s in subjects * 5]) if n == 1]
        assert len(won) == 3
        _gapless(world, subjects, 3)


def _birth(world: World, change: Callable[..., Change], subject: uuid.UUID) -> Callable[[], int]:
    def run() -> int:
        try:
            with transaction.atomic(durable=True):
                set_tenant(world.system.tenant_id)
                return record(change(subject, 1, opens=True)).seq
        except IntegrityError:
            return 0

    return run


def _gapless(world: World, subjects: list[uuid.UUID], total: int) -> None:
    counted = 0
    for subject in subjects:
        with tenant_scope(world.system.tenant_id):
            rows = list(LedgerEntry.objects.filter(subject_id=subject).order_by("subject_seq"))
        assert [row.subject_seq for row in rows] == list(range(1, len(rows) + 1))
        for before, after in itertools.pairwise(rows):
            assert bytes(after.previous_hash or b"") == bytes(before.hash)
        counted += len(rows)
    assert counted == total
    assert verify().entries >= total


@pytest.mark.parametrize("attempt", range(3))
@pytest.mark.parametrize("on_met", ["keep", "cancel"])
def test_of_several_completed_at_once_one_is_the_last_that_is_needed(
    world: World, on_met: str, attempt: int
) -> None:
    """Each holds its instance when it comes to decide; whoever decides may need all of them."""
    group = {"instances": 6, "required": 3, "on_met": on_met}
    first = states.new_item(world.operator, group=group)
    cast = [world.analyst, world.surveyor, world.underwriter, world.compliance, world.agent]
    with tenant_scope(world.system.tenant_id):
        ids = list(WorkItem.objects.filter(one_of_id=first.one_of_id).values_list("id", flat=True))
    begun = list(zip(ids, [*cast, world.operator], strict=True))
    for id_, who in begun:
        actions.start(id_, call=Call(who))
    calls = [functools.partial(actions.complete, id_, call=Call(who)) for id_, who in begun]
    calls.append(functools.partial(actions.cancel, ids[0], call=Call(world.admin), reason="No"))
    _done, refused = split(at_once(calls))
    assert {refusal.code for refusal in refused} <= {"illegal_state"}
    said = [each for id_ in ids for each in states.actions_of(world, "work_item", id_)]
    assert (said.count("group_met"), said.count("group_missed")) == (1, 0)
    done, cancelled = said.count("completed"), said.count("cancelled")
    assert done + cancelled == len(ids)
    assert done == 3 if on_met == "cancel" else done >= 5
    assert {str(states.stored(world, id_).status) for id_ in ids} <= {"COMPLETED", "CANCELLED"}
