"""Work items driven at random: whatever people, deadlines and repeated news do, the rules hold.

At least 2,000 steps: operations by anybody, deadlines that come, holds that end, news delivered
twice. After each of them: only legal transitions happened, each change has one entry and one event,
what a completed item says never changed, each completion was undone at most once, and nothing is
being undone with nobody asked to.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any, Final

import hypothesis.strategies as st
import pytest
from django.db import connection
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from accounts.acting import ActingUser
from compensation.models import CompensationAttempt
from ledger.errors import Refusal
from ledger.models import LedgerEntry, OutboxEvent
from ledger.tenancy import system_scope, tenant_scope
from tests import states
from tests.draining import drain
from tests.verifying import verify
from tests.world import World
from verbs.call import Call
from workitems import actions
from workitems.actions.work_deadlines import miss_due
from workitems.lifecycle import LIFECYCLE, OPEN, Kind, Status
from workitems.models import Deadline, HoldEnd, WorkItem

EXAMPLES, STEPS = 56, 45
FAR: Final = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)
PEOPLE: Final = ("analyst", "surveyor", "operator", "compliance", "bystander")
LATE: Final = {
    "claim": {
        "within": "PT1H",
        "breach": [{"do": "reassign", "groups": ["compliance"], "by": "PT1H"}],
    },
    "completion": {
        "within": "PT2H",
        "breach": [{"do": "notify"}, {"do": "extend", "by": "PT1H"}, {"do": "expire"}],
    },
}  # fmt: skip
UNDO: Final = {"mode": "human", "deadline": "PT1H", "self_undo": True}
Verb = Callable[[World, uuid.UUID, ActingUser], Any]
VERBS: Final[dict[str, Verb]] = {
    "claim": lambda _w, id_, by: actions.claim(id_, call=Call(by)),
    "release": lambda _w, id_, by: actions.release(id_, call=Call(by)),
    "assign": lambda w, id_, by: actions.assign(id_, call=Call(by), assignee=w.surveyor.username),
    "start": lambda _w, id_, by: actions.start(id_, call=Call(by)),
    "stop": lambda _w, id_, by: actions.stop(id_, call=Call(by)),
    "complete": lambda _w, id_, by: actions.complete(id_, call=Call(by), outcome="PASSED"),
    "reversed": lambda _w, id_, by: actions.complete(id_, call=Call(by), outcome="REVERSED"),
    "in vain": lambda _w, id_, by: actions.complete(
        id_, call=Call(by), outcome="CANNOT_REVERSE", reason="Sent already"
    ),
    "reject": lambda _w, id_, by: actions.reject(id_, call=Call(by), reason="No"),
    "fail": lambda _w, id_, by: actions.fail(id_, call=Call(by), detail="No"),
    "delegate": lambda w, id_, by: actions.delegate(id_, call=Call(by), to=w.surveyor.username),
    "accept": lambda _w, id_, by: actions.accept_delegation(id_, call=Call(by)),
    "decline": lambda _w, id_, by: actions.decline_delegation(id_, call=Call(by)),
    "forward": lambda _w, id_, by: actions.forward(
        id_, call=Call(by), candidate_groups=["surveyors"]
    ),
    "suspend": lambda _w, id_, by: actions.suspend(id_, call=Call(by)),
    "suspend until": lambda _w, id_, by: actions.suspend(id_, call=Call(by), until=FAR),
    "resume": lambda _w, id_, by: actions.resume(id_, call=Call(by)),
    "skip": lambda _w, id_, by: actions.skip(id_, call=Call(by), reason="No need"),
    "cancel": lambda _w, id_, by: actions.cancel(id_, call=Call(by), reason="No need"),
    "extend": lambda _w, id_, by: actions.extend(id_, call=Call(by), due_at=FAR),
    "edit": lambda _w, id_, by: actions.edit(id_, call=Call(by), priority="URGENT"),
    "compensate": lambda _w, id_, by: actions.compensate(id_, call=Call(by), reason="Forged"),
    "retry": lambda _w, id_, by: actions.retry_compensation(id_, call=Call(by)),
    "attest": lambda _w, id_, by: actions.attest(id_, call=Call(by), evidence="Receipt 7"),
    "abandon": lambda _w, id_, by: actions.abandon(id_, call=Call(by), reason="Small"),
    "withdraw": lambda _w, id_, by: actions.withdraw(id_, call=Call(by)),
}  # fmt: skip
# What leads somewhere most often is drawn most often.
LIKELY: Final = [*VERBS, *["start", "complete", "reversed", "compensate", "retry", "resume"] * 3]
_SOURCES = {name: row.sources or frozenset() for name, row in LIFECYCLE.items()}
LEGAL: Final = {
    (source, target)
    for name, row in LIFECYCLE.items()
    for source in _SOURCES[name]
    for target in (*row.back, *([row.target] if row.target else [] if row.back else [source]))
}
_AGAIN = """
UPDATE ledger_outboxtask t SET done_at = NULL, attempts = 0, due_at = now(), leased_until = NULL
FROM ledger_outboxevent e WHERE e.id = t.event_id AND e.subject_id = ANY(%s)
"""


class Items(RuleBasedStateMachine):
    """A few items and everybody who may touch them."""

    world: World
    steps = 0

    @initialize()
    def begin(self) -> None:
        """Open the first item."""
        self.items: list[uuid.UUID] = []
        self.finished: dict[uuid.UUID, tuple[Any, ...]] = {}
        self.open(late=True)

    @rule(late=st.booleans())
    def open(self, *, late: bool) -> None:
        """Open an item, with deadlines or without."""
        Items.steps += 1
        item = states.new_item(
            self.world.operator, candidate_groups=["analysts", "surveyors"], skippable=late,
            compensation=UNDO, reversibility="compensable", **({"deadlines": LATE} if late else {}),
        )  # fmt: skip
        self.items.append(item.id)

    @rule(verb=st.sampled_from(LIKELY), who=st.sampled_from(PEOPLE), which=st.integers(0, 30))
    def act(self, verb: str, who: str, which: int) -> None:
        """Let somebody try something: it is done, or refused and changes nothing."""
        Items.steps += 1
        id_ = self.all_items()[which % len(self.all_items())]
        before = states.stored(self.world, id_)
        try:
            VERBS[verb](self.world, id_, self.world.of(who))
        except Refusal:
            assert states.stored(self.world, id_).version == before.version

    @rule(which=st.integers(0, 30), twice=st.booleans())
    def time_passes(self, which: int, *, twice: bool) -> None:
        """Let the deadlines of an item come, and be found by one worker or by two."""
        Items.steps += 1
        item = states.stored(self.world, self.all_items()[which % len(self.all_items())])
        for deadline in states.come(item):
            # One that ends the item takes the others with it.
            seen = miss_due(item.tenant_id, deadline)
            assert not (twice and seen and miss_due(item.tenant_id, deadline))

    @rule(again=st.booleans())
    def news_is_delivered(self, *, again: bool) -> None:
        """Do all work that is due; perhaps everything once more, as after a crash."""
        Items.steps += 1
        if again:
            items = self.all_items()
            with system_scope("dispatch"), connection.cursor() as cursor:
                cursor.execute(_AGAIN, [items])
        drain()

    def all_items(self) -> list[uuid.UUID]:
        """Return the items, and what was opened to undo them."""
        with tenant_scope(self.world.system.tenant_id):
            undos = WorkItem.objects.filter(undoes_id__in=self.items).order_by("id")
            return [*self.items, *undos.values_list("id", flat=True)]

    @invariant()
    def the_rules_hold(self) -> None:
        """Look at every item."""
        if not getattr(self, "items", None):
            return
        ids = self.all_items()
        with tenant_scope(self.world.system.tenant_id):
            rows = {row.id: row for row in WorkItem.objects.filter(id__in=ids)}
            entries = list(LedgerEntry.objects.filter(subject_id__in=ids).order_by("subject_seq"))
            events = set(
                OutboxEvent.objects.filter(subject_id__in=ids).values_list("id", flat=True)
            )
            attempts = list(CompensationAttempt.objects.filter(original_id__in=ids))
            clocks = set(Deadline.objects.filter(item_id__in=ids).values_list("item_id", flat=True))
            clocks |= set(HoldEnd.objects.filter(item_id__in=ids).values_list("item_id", flat=True))
        for row in rows.values():
            changes = [e for e in entries if e.subject_id == row.id and e.kind != "REFUSAL"]
            assert [e.subject_version for e in changes] == list(range(1, row.version + 1))
            for entry in changes[1:]:
                assert (entry.from_status, entry.to_status) in LEGAL, entry.action
            assert changes[-1].to_status == row.status
            assert row.status in OPEN or row.id not in clocks
            self._has_said_what_it_says(row)
            self._is_undone_by_somebody(row, rows, attempts)
        # Refusals are heard too, by whoever wants them; each entry has its own event.
        assert {entry.id for entry in entries} == events

    def _has_said_what_it_says(self, row: WorkItem) -> None:
        if row.completed_at is None:
            return
        said = (row.outcome, row.resolution, row.completed_at, row.completed_by_id)
        assert self.finished.setdefault(row.id, said) == said

    def _is_undone_by_somebody(
        self, row: WorkItem, rows: dict[uuid.UUID, WorkItem], attempts: list[CompensationAttempt]
    ) -> None:
        own = [each for each in attempts if each.original_id == row.id]
        done = [each for each in own if each.outcome == "DONE"]
        assert len(done) == len({each.round for each in done})
        waiting = [each for each in own if each.outcome == ""]
        assert len(waiting) == (1 if row.status == Status.COMPENSATING else 0)
        for each in waiting:
            task = rows[each.compensation_id]
            assert (task.kind, task.status in OPEN) == (Kind.COMPENSATION, True)


@pytest.mark.timeout(600)
def test_whatever_happens_the_rules_hold(world: World) -> None:
    machine = type("TheseItems", (Items,), {"world": world})
    Items.steps = 0
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, derandomize=True,
            database=None, suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
    assert Items.steps >= 2_000
    verify()
