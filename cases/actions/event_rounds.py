"""Events from outside, brought to the open cases that listen to them.

A version of a definition says which types its cases listen to (`cases_eventlistener`); which of its
cases are open an index knows. So a case that waits costs nothing until something is for it. An
event that some version listens to becomes a round, a row that is due until it has been with all:

    the next open cases -> filters asked, nothing locked -> a transaction for each case it is for

Whatever came for a step is stored with the entry of the event: neither a killed worker nor news
that is told again brings it twice.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import re
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from django.db import transaction

from accounts.acting import authority_of, system_of
from cases.actions.arrivals import EVENT_ARRIVED, MOST_WAITING, arrive, too_many_wait
from cases.actions.changes import lock_case
from cases.arrival_tables import Arrival, EventListener, EventRound
from cases.definitions import Binding, EventTrigger, ExpressionFailed
from cases.lifecycle import LISTENING, ArrivalStatus
from cases.models import Case
from cases.selectors import compiled_all
from compensation.subject import Cause
from events.actions import NEWS, told
from events.selectors import event_of
from json_values.jq.evaluation import Json, evaluate_many, is_true
from ledger.dispatch import hints
from ledger.dispatch.consumer_registry import Consumer, Done, Event, Source, Trouble
from ledger.dispatch.hints import RowWork
from ledger.dispatch.lease_table import Due, LeaseTable
from ledger.erasure.personal_data import KEPT_SECONDS
from ledger.ids import new_token
from ledger.record import EntryRef, record
from ledger.selectors import entries_by_id
from ledger.statements import fetched
from ledger.tenancy import set_tenant, tenant_scope
from verbs.move import Moves, change_of
from verbs.row_reading import literal

ROUNDS = LeaseTable("cases_eventround", "id")
_SOURCE: Final = "case_events"
_LEASE_SECONDS: Final = 60.0
#: So many cases are read and asked about at once, and so many times before others have their turn.
AT_ONCE: Final = 50
_TURNS: Final = 20
#: So long one worker is at it before others have theirs: it waits for no slot (`short`).
_TURN_SECONDS: Final = 2.0
#: So many, and so many filters of theirs, are asked about before it is kept where the round has
#: been: what the slowest take is well within the lease, and fits one exchange with jq.
_PORTION: Final = 10
_FILTERS: Final = 30
#: The listening steps of so many versions are kept.
_MOST_KEPT: Final = 4_096
#: With the time until which they are known.
_steps_kept: dict[uuid.UUID, tuple[float, tuple[Binding, ...]]] = {}
_FILTER_FAILED: Final = "event_filter_failed"
_NOT_KEPT: Final = "event_not_kept"
#: The members by which a filter sees the case, and the whole event once more: an attribute of that
#: may be called as one of them.
_CASE, _EVENT = "case", "event"
#: What a filter says that looks at the case, rather than at what an event is called.
_ABOUT_CASE: Final = re.compile(rf"\b{_CASE}\b")

_NEXT = f"""
SELECT c.id, c.definition_id, c.number, CASE WHEN %(whole)s THEN c.context ELSE '{{}}' END::text
FROM cases_case c
WHERE c.tenant_id = %(tenant)s AND c.definition_id = ANY(%(definitions)s)
  AND c.status IN ({literal(LISTENING)}) AND c.created_at <= %(at)s
  AND (%(definition)s::uuid IS NULL OR (c.definition_id, c.id) > (%(definition)s, %(case)s))
ORDER BY c.definition_id, c.id LIMIT %(most)s
"""  # noqa: S608  -- own words


class _TooMany(ExpressionFailed):
    """So much waits for steps of a case that what comes is not kept."""

    def __init__(self, detail: str) -> None:
        super().__init__("too_many_waiting", detail)


@dataclasses.dataclass(frozen=True)
class _Heard:
    """An event as steps see it, its entry, and the steps that listen to it, by definition."""

    facts: Mapping[str, Any]
    entry: EntryRef
    at: Any
    steps: Mapping[uuid.UUID, Sequence[Binding]]

    @functools.cached_property
    def seen(self) -> Mapping[str, Any]:
        """What a filter sees that does not look at the case: one object, asked about once."""
        return {**self.facts, _EVENT: self.facts}

    @property
    def about_case(self) -> bool:
        """Whether any filter looks at the case, and not at the event alone."""
        steps = (step for each in self.steps.values() for step in each)
        return any(_ABOUT_CASE.search(_trigger(step).filter or "") for step in steps)

    @property
    def trigger(self) -> dict[str, Any]:
        return {name: self.facts[name] for name in ("type", "source", "id")}


def hear(events: Sequence[Event], done: Done) -> None:
    """Begin a round for each event that somebody listens to; all are of one tenant."""
    tenant_id = events[0].tenant_id
    with transaction.atomic(durable=True):
        set_tenant(tenant_id)
        begun = []
        for event in events:
            received = event_of(tenant_id, event.id)
            if received is not None and _listeners(tenant_id, received.type):
                begun.append(EventRound(tenant_id=tenant_id, entry_id=event.id))
        EventRound.objects.bulk_create(begun, ignore_conflicts=True)
        hints.leave(
            [RowWork("engine", _SOURCE, tenant_id, each.id, _LEASE_SECONDS) for each in begun]
        )
        done()


#: It hears of every event that is taken in, and makes nothing of those that no case listens to.
CONSUMER = Consumer(name="cases.inbound_events", wants=NEWS.__eq__, handle=hear)


def go_round(tenant_id: uuid.UUID, id_: uuid.UUID) -> bool:
    """Bring an event to the next of the cases that listen to it; whether there was one to bring.

    Where it has been is kept after each group of cases: a killed worker's successor goes on there.
    """
    due = Due(tenant_id, id_, new_token())
    with transaction.atomic(durable=True):
        set_tenant(tenant_id, flush=False)
        if not ROUNDS.take(due, _LEASE_SECONDS):
            return False
    with tenant_scope(tenant_id):
        row = EventRound.objects.filter(tenant_id=tenant_id, id=id_).first()
        heard = None if row is None else _heard(row)
    until = time.monotonic() + _TURN_SECONDS
    for _ in range(_TURNS):
        if not _bring(due, heard, until):
            return True
        if time.monotonic() > until:
            break
    with transaction.atomic(durable=True):
        set_tenant(tenant_id)
        if ROUNDS.is_ours(due):
            ROUNDS.put_back(tenant_id, id_, 0)
            hints.leave([RowWork("engine", _SOURCE, tenant_id, id_, _LEASE_SECONDS)])
    return True


SOURCE = Source(_SOURCE, ROUNDS, go_round, short=True)


def _bring(due: Due, heard: _Heard | None, until: float) -> bool:
    """Bring an event to a group of cases, or to as many as there is time for; whether there may be
    more."""
    with tenant_scope(due.tenant_id):
        row = EventRound.objects.filter(tenant_id=due.tenant_id, id=due.id).first()
        found = [] if row is None or heard is None else _next_cases(row, heard)
    for some in _portions(heard, found):
        if heard is not None:
            for case_id, steps, failed in _concerned(heard, some):
                tell_case(due.tenant_id, case_id, heard, steps, failed)
        if not _been(due, some[-1]):
            return False
        if time.monotonic() > until:
            return True
    return len(found) == AT_ONCE or _over(due)


def _portions(heard: _Heard | None, found: Sequence[Any]) -> Iterator[list[Any]]:
    """Yield the cases in groups of which one exchange can tell: one at least, whatever it asks.
    Those of one definition: what takes all the time is its own, and fails no other's filters."""
    some: list[Any] = []
    filters = 0
    for row in found:
        more = 0 if heard is None else len(heard.steps[row[1]])
        full = len(some) == _PORTION or filters + more > _FILTERS
        if some and (full or some[-1][1] != row[1]):
            yield some
            some, filters = [], 0
        some.append(row)
        filters += more
    if some:
        yield some


def _been(due: Due, last: Sequence[Any]) -> bool:
    """Keep where the round has been; whether it is still this worker's."""
    with transaction.atomic(durable=True):
        set_tenant(due.tenant_id)
        if not ROUNDS.is_ours(due):
            return False
        row = EventRound.objects.filter(tenant_id=due.tenant_id, id=due.id)
        row.update(case_id=last[0], definition_id=last[1])
        return ROUNDS.extend(due, _LEASE_SECONDS)


def _over(due: Due) -> bool:
    """The round has been with all: there is no more."""
    with transaction.atomic(durable=True):
        set_tenant(due.tenant_id)
        if ROUNDS.is_ours(due):
            EventRound.objects.filter(tenant_id=due.tenant_id, id=due.id).delete()
    return False


def _listeners(tenant_id: uuid.UUID, type_: str) -> list[uuid.UUID]:
    rows = EventListener.objects.filter(tenant_id=tenant_id, type=type_)
    return list(rows.values_list("definition_id", flat=True))


def _heard(row: EventRound) -> _Heard | None:
    received = event_of(row.tenant_id, row.entry_id)
    if received is None:
        return None
    facts = told(received)
    entry = entries_by_id(row.tenant_id, [row.entry_id])[row.entry_id]
    listening = _listening_in(row.tenant_id, _listeners(row.tenant_id, received.type))
    steps = {
        id_: [step for step in each if _is_for(step.on_event, facts)]
        for id_, each in listening.items()
    }
    kept = {id_: each for id_, each in steps.items() if each}
    return _Heard(facts, EntryRef(entry.id, entry.hash), entry.at, kept)


def _listening_in(
    tenant_id: uuid.UUID, ids: Sequence[uuid.UUID]
) -> dict[uuid.UUID, tuple[Binding, ...]]:
    """Return the steps of definitions that events start. A round needs them of every version that
    listens, of which there may be more than the process keeps whole: these are kept by themselves,
    for as long as a version may be kept."""
    at = time.monotonic()
    kept = {id_: _steps_kept[id_] for id_ in ids if id_ in _steps_kept}
    known = {id_: steps for id_, (until, steps) in kept.items() if at < until}
    unread = [id_ for id_ in ids if id_ not in known]
    found = {
        id_: tuple(step for step in each.listening if step.on_event is not None)
        for id_, each in (compiled_all(tenant_id, unread) if unread else {}).items()
    }
    if len(_steps_kept) + len(found) > _MOST_KEPT:
        _steps_kept.clear()
    _steps_kept.update((id_, (at + KEPT_SECONDS, steps)) for id_, steps in found.items())
    return known | found


def _is_for(trigger: EventTrigger | None, facts: Mapping[str, Any]) -> bool:
    if trigger is None or trigger.type != facts["type"]:
        return False
    wanted = {"source": trigger.source, "subject": trigger.subject}
    return all(said is None or facts.get(name) == said for name, said in wanted.items())


def _trigger(step: Binding) -> EventTrigger:
    if step.on_event is None:
        raise LookupError(f"step {step.name} listens to no event")
    return step.on_event


def _next_cases(row: EventRound, heard: _Heard) -> list[Any]:
    """Return the next open cases that listen, as (id, definition, number, context); those that were
    opened only after the event it does not concern."""
    given = {
        "tenant": row.tenant_id, "definitions": list(heard.steps), "at": heard.at,
        "definition": row.definition_id, "case": row.case_id, "most": AT_ONCE,
        "whole": heard.about_case,
    }  # fmt: skip
    return fetched(_NEXT, given) if heard.steps else []


def _concerned(
    heard: _Heard, found: Sequence[Any]
) -> list[tuple[uuid.UUID, list[Binding], list[tuple[Binding, ExpressionFailed]]]]:
    """Return the cases that an event is for, with the steps that it starts, and those whose filters
    could not tell. Raises Trouble where jq does not answer."""
    asked: dict[tuple[str, int], tuple[str, Json]] = {}
    places: list[tuple[Any, Binding, tuple[str, int] | None]] = []
    for row in found:
        own = {
            **heard.seen,
            _CASE: {"id": str(row[0]), "number": row[2], "context": json.loads(row[3])},
        }
        for step in heard.steps[row[1]]:
            filter_ = _trigger(step).filter
            if filter_ is None:
                places.append((row[0], step, None))
                continue
            # One that does not look at the case is asked once for all of them.
            value = own if _ABOUT_CASE.search(filter_) else heard.seen
            key = (filter_, id(value))
            asked[key] = (filter_, value)
            places.append((row[0], step, key))
    answers = dict(zip(asked, evaluate_many(list(asked.values())), strict=True))
    concerned: dict[uuid.UUID, tuple[list[Binding], list[tuple[Binding, ExpressionFailed]]]] = {}
    for case_id, step, place in places:
        answer = True if place is None else _is_true(answers[place])
        steps, failed = concerned.setdefault(case_id, ([], []))
        if isinstance(answer, ExpressionFailed):
            failed.append((step, answer))
        elif answer:
            steps.append(step)
    return [(id_, *each) for id_, each in concerned.items() if any(each)]


def _is_true(result: Json) -> bool | ExpressionFailed:
    try:
        return is_true(result)
    except ExpressionFailed as failed:
        if failed.code == "unavailable":
            raise Trouble(str(failed)) from failed
        return failed


def tell_case(
    tenant_id: uuid.UUID,
    case_id: uuid.UUID,
    heard: _Heard,
    steps: Sequence[Binding],
    failed: Sequence[tuple[Binding, ExpressionFailed]],
) -> None:
    """Store in one case that an event has come, unless it has, or the case is over by now."""
    with transaction.atomic(durable=True):
        set_tenant(tenant_id)
        case = lock_case(tenant_id, case_id)
        known = Arrival.objects.filter(
            tenant_id=tenant_id, case_id=case_id, entry_id=heard.entry.id
        )
        if case is None or case.status not in LISTENING or known.exists():
            return
        moves = Moves()
        cause = Cause(authority_of(system_of(tenant_id)).ref(), heard.entry)
        if steps and too_many_wait(case):
            why = _TooMany(f"{MOST_WAITING} signals and events wait already")
            failed, steps = [*failed, *((step, why) for step in steps)], []
        if steps:
            said = {"event": heard.trigger, "detail": heard.facts["type"]}
            arrive(
                case, EVENT_ARRIVED, "event", heard.facts, steps, told_by=heard.entry.id,
                at=heard.at, cause=cause, moves=moves, payloads=said,
            )  # fmt: skip
        moves.record()
        for step, problem in failed:
            _not_understood(case, heard, step, problem, cause)


def _not_understood(
    case: Case, heard: _Heard, step: Binding, problem: ExpressionFailed, cause: Cause
) -> None:
    """Record that a filter could not tell, or that an event is not kept, for the operators to be
    told. The case does not change."""
    Arrival(
        tenant_id=case.tenant_id, case_id=case.id, binding=step.name, heard="event", data={},
        entry_id=heard.entry.id, status=ArrivalStatus.PASSED_OVER, created_at=heard.at,
    ).save(force_insert=True)  # fmt: skip
    action = _NOT_KEPT if isinstance(problem, _TooMany) else _FILTER_FAILED
    said = {
        "step": step.name, "code": problem.code, "detail": str(problem), "event": heard.trigger,
    }  # fmt: skip
    record(
        change_of(
            case, action, before=str(case.status), by=cause.by, caused_by=cause.entry,
            payloads=said, kind="REFUSAL",
        )
    )  # fmt: skip
