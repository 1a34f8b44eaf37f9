"""Work that is undone by itself because of an event (DESIGN §5, choreography).

An item says for which types it listens, each with a filter in jq. Of every event of such a type, an
entry of this application or one from outside, that comes once the item is done:

    a look at who listens -> filters asked, nothing locked -> a transaction for each item

What was done before the event and is not committed yet is waited for first.
Whatever became of an item and an event is stored with it, so that neither a repeated event nor a
killed worker does it twice, and one item's trouble is no other's. The undo it begins is news as
well: others may follow it, and a circle ends because what is undone is not done any more.
"""

from __future__ import annotations

import dataclasses
import functools
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from accounts.acting import authority_of, system_of
from compensation.actions.undo_by_event import compensate_by_event
from events.actions import told
from events.selectors import event_of
from json_values.jq.evaluation import ExpressionFailed, Json, evaluate_many, is_true
from ledger.clock import rfc3339
from ledger.dispatch.consumer_registry import Consumer, Done, Event, Trouble
from ledger.errors import NotFound, Refusal
from ledger.record import ActorRef, EntryRef, record
from ledger.selectors import entries_by_id
from ledger.tenancy import set_tenant, tenant_scope
from verbs.answered_outside import answered_outside
from verbs.move import change_of
from verbs.subject import subject_of
from workitems.lifecycle import FINAL, LIFECYCLE, Status
from workitems.listener_tables import EventReaction, Listener
from workitems.listening_input import CHOREOGRAPHY
from workitems.models import WorkItem

ITEM = WorkItem.subject_type
#: From these an item is done by the next transaction that commits.
_IN_HAND = LIFECYCLE["complete"].sources or frozenset()
#: So many items are seen to before the next ones are asked about.
_AT_ONCE = 50
#: The member by which a filter sees the item; no attribute of an event can be called so.
_ITEM = "work_item"
_NOT_FOLLOWED, _NOT_UNDERSTOOD = "event_not_followed", "event_filter_failed"


@dataclasses.dataclass(frozen=True, slots=True)
class _Seen:
    """An event as filters see it, what the entries keep of it, and the types it has."""

    event: Event
    facts: dict[str, Any]
    types: frozenset[str]

    @property
    def trigger(self) -> dict[str, str]:
        return {name: self.facts[name] for name in ("type", "source", "id")}

    @property
    def ref(self) -> EntryRef:
        return EntryRef(self.event.id, self.event.hash)


def handle(events: Sequence[Event], _done: Done) -> None:
    """React to events, in order."""
    for event in events:
        _react(event)


#: It hears in each tenant the types of news that its items listen for, and nothing else.
CONSUMER = Consumer(name=CHOREOGRAPHY, wants=lambda _type: False, handle=handle)


def _react(event: Event) -> None:
    with tenant_scope(event.tenant_id):
        seen = _seen(event)
        _forget_those_at_their_end(seen)
    _let_end_what_is_ending(seen)
    after: uuid.UUID | None = None
    while some := _listening(seen, after):
        for item, failed in _concerned(seen, some):
            if failed is None:
                answered_outside(functools.partial(_undo, seen, item))
            else:
                _note(seen, item, _NOT_UNDERSTOOD, {"code": failed.code, "detail": str(failed)})
        after = some[-1]["id"]


def _seen(event: Event) -> _Seen:
    """Return an event as CloudEvents write it: one from outside as it came, an entry of ours with
    what it says as its data."""
    received = event_of(event.tenant_id, event.id)
    if received is not None:
        return _Seen(event, told(received), frozenset({event.type, received.type}))
    entry = entries_by_id(event.tenant_id, [event.id])[event.id]
    facts = {
        "specversion": "1.0",
        "id": str(event.id),
        "source": "amends",
        "type": event.type,
        "subject": f"{event.subject_type}/{event.subject_id}",
        "time": rfc3339(event.at),
        "data": {
            "subject": {"type": event.subject_type, "id": str(event.subject_id)},
            "case": None if event.case_id is None else str(event.case_id),
            "action": event.action,
            "from": event.from_status,
            "to": event.to_status,
            "said": entry.payloads,
        },
    }
    return _Seen(event, facts, frozenset({event.type}))


def _listeners(seen: _Seen) -> QuerySet[Listener]:
    return Listener.objects.filter(tenant_id=seen.event.tenant_id, type__in=seen.types)


def _forget_those_at_their_end(seen: _Seen) -> None:
    """Let those listen no more that can never be undone again."""
    _listeners(seen).filter(item__status__in=FINAL).delete()


def _let_end_what_is_ending(seen: _Seen) -> None:
    """Wait for the transactions that have listening items in hand: one may have been done before
    the event, without anybody else knowing yet, and nothing asks about it again.

    Only rows that somebody has are waited for, one after the other, and none is kept meanwhile.
    """
    tenant_id = seen.event.tenant_id
    items = WorkItem.objects.filter(tenant_id=tenant_id).values_list("id", flat=True)
    with tenant_scope(tenant_id):
        rows = _listeners(seen).filter(item__status__in=_IN_HAND)
        in_hand = set(rows.values_list("item_id", flat=True))
        if not in_hand:
            return
        free = items.filter(id__in=in_hand).select_for_update(skip_locked=True, no_key=True)
        taken = in_hand.difference(free)
    for id_ in sorted(taken):
        with tenant_scope(tenant_id):
            items.filter(id=id_).select_for_update(no_key=True).first()


_LISTENED = "id compensate_on title payload outcome resolution".split()


def _listening(seen: _Seen, after: uuid.UUID | None) -> list[dict[str, Any]]:
    """Return the next of the done items that listen for an event, and have not reacted to it. What
    it is about does not listen to itself; what was done only later it does not concern.

    Few at a time, whose payloads are read then: any number may listen, most of them not done yet.
    """
    event = seen.event
    with tenant_scope(event.tenant_id):
        reacted = EventReaction.objects.filter(
            tenant_id=event.tenant_id, item_id=OuterRef("item_id"), entry_id=event.id
        )
        found = (
            _listeners(seen)
            .filter(item__status=Status.COMPLETED, item__completed_at__lte=event.at)
            .exclude(item_id=event.subject_id)
            .exclude(Exists(reacted))
        )
        if after is not None:
            found = found.filter(item_id__gt=after)
        ids = list(
            found.order_by("item_id").values_list("item_id", flat=True).distinct()[:_AT_ONCE]
        )
        if not ids:
            return []
        rows = WorkItem.objects.filter(tenant_id=event.tenant_id, id__in=ids)
        return list(rows.order_by("id").values(*_LISTENED))


def _concerned(
    seen: _Seen, rows: Sequence[Mapping[str, Any]]
) -> list[tuple[uuid.UUID, ExpressionFailed | None]]:
    """Return the items that an event concerns, and with the failure those whose filters could not
    tell. Raises Trouble where jq does not answer."""
    questions: list[tuple[str, Json]] = []
    asked: list[tuple[uuid.UUID, str]] = []
    found: dict[uuid.UUID, ExpressionFailed | None] = {}
    for row in rows:
        own = _with_item(seen, row)
        for each in row["compensate_on"]:
            if each["type"] not in seen.types:
                continue
            if not each["filter"]:
                found[row["id"]] = None
                continue
            questions.append((each["filter"], own if _ITEM in each["filter"] else seen.facts))
            asked.append((row["id"], each["filter"]))
    for (item_id, _filter), answer in zip(asked, _answers(questions), strict=True):
        if isinstance(answer, ExpressionFailed):
            found.setdefault(item_id, answer)
        elif answer:
            found[item_id] = None
    return sorted(found.items(), key=lambda each: each[0])


def _answers(questions: Sequence[tuple[str, Json]]) -> Iterator[bool | ExpressionFailed]:
    """Answer each question; one that was asked before, of the same value, is not asked again."""
    once = {(filter_, id(value)): (filter_, value) for filter_, value in questions}
    said = dict(zip(once, evaluate_many(list(once.values())), strict=True))
    for filter_, value in questions:
        yield _is_true(said[filter_, id(value)])


def _is_true(result: Any) -> bool | ExpressionFailed:
    try:
        return is_true(result)
    except ExpressionFailed as failed:
        if failed.code == "unavailable":
            raise Trouble(str(failed)) from failed
        return failed


def _with_item(seen: _Seen, row: Mapping[str, Any]) -> dict[str, Any]:
    names = ("title", "payload", "outcome", "resolution")
    own = {"id": str(row["id"]), **{name: row[name] for name in names}}
    return {**seen.facts, _ITEM: own}


def _undo(seen: _Seen, item_id: uuid.UUID) -> None:
    """Begin the undo of an item, unless it has reacted, or is not done any more."""
    try:
        with transaction.atomic(durable=True):
            item = _locked(seen, item_id)
            if item is None:
                return
            compensate_by_event(
                item, LIFECYCLE["compensate"], reason=_reason(seen), trigger=seen.trigger,
                by=_system(seen), caused_by=seen.ref,
            )  # fmt: skip
            _keep(seen, item, "compensated")
    except Refusal as refusal:
        _note(seen, item_id, _NOT_FOLLOWED, refusal.noted)


def _note(seen: _Seen, item_id: uuid.UUID, action: str, said: Mapping[str, Any]) -> None:
    """Record what was in the way, for the operators to be told. The item itself does not change."""
    with transaction.atomic(durable=True):
        item = _locked(seen, item_id)
        if item is None:
            return
        record(
            change_of(
                item, action, before=str(item.status), by=_system(seen), caused_by=seen.ref,
                payloads={**said, "trigger": seen.trigger},
                kind="REFUSAL", original=None, compensation=None,
            )
        )  # fmt: skip
        _keep(seen, item, str(said["code"]))


def _locked(seen: _Seen, item_id: uuid.UUID) -> WorkItem | None:
    """Lock a done item that has not reacted to the event yet."""
    event = seen.event
    set_tenant(event.tenant_id)
    try:
        item: WorkItem = subject_of(ITEM).lock(event.tenant_id, item_id).row
    except NotFound:
        return None
    reacted = EventReaction.objects.filter(
        tenant_id=event.tenant_id, item_id=item_id, entry_id=event.id
    )
    return None if item.status != Status.COMPLETED or reacted.exists() else item


def _keep(seen: _Seen, item: WorkItem, outcome: str) -> None:
    EventReaction(
        tenant_id=item.tenant_id, item=item, entry_id=seen.event.id, outcome=outcome
    ).save(force_insert=True)


def _system(seen: _Seen) -> ActorRef:
    return authority_of(system_of(seen.event.tenant_id)).ref()


def _reason(seen: _Seen) -> str:
    said = seen.trigger
    return f"Event {said['type']} of {said['source']} ({said['id']})."
