"""What used a result that has been undone is marked, and somebody looks at it again.

    source undone -> the item is tainted, a review is opened -> keep, correct, or compensate

An item says of what it was made when it is created (`derived_from`), or later by a relation
DERIVED_FROM, as long as that stands. Once a source is undone, the
item is marked and a work item of the kind REVIEW asks what becomes of it; once for each source and
each time that one is undone. Whoever may not do the item may not look at it again either. Where the
answer is to compensate, and who gave it may ask for the undo, the undo of the item begins, and
what was made of it follows in the same way. A circle ends because what is undone is not marked.

Whichever of the two comes last is heard when both are there: the undo of a source that has items,
or what says that an item has sources, one of which may be undone long since, or at this moment.
"""

from __future__ import annotations

import dataclasses
import functools
import uuid
from collections.abc import Sequence
from typing import Any

from django.db import transaction

from accounts.acting import authority_of, system_of
from accounts.selectors import able_actors
from compensation.actions.undo_by_event import compensate_by_event
from compensation.subject import undoable
from ledger.dispatch.consumer_registry import Consumer, Done, Event
from ledger.errors import NotFound, Refusal
from ledger.record import ActorRef, EntryRef, record
from ledger.selectors import entries_by_id, latest_ref
from ledger.tenancy import set_tenant, tenant_scope
from verbs.answered_outside import answered_outside
from verbs.move import change_of, move
from verbs.subject import describe, subject_of
from workitems.actions.item_hearing import is_made_of
from workitems.actions.item_opening import NewWorkItem, open_item
from workitems.actions.used_results import reviewed, undo_execution
from workitems.derivation import DECIDED, INFLUENCE, REVIEW_OUTCOMES, UNDONE
from workitems.lifecycle import FINAL, LIFECYCLE, Kind, Status
from workitems.listener_tables import Derivation, UsedResult
from workitems.models import WorkItem
from workitems.selectors import who_completed

ITEM = WorkItem.subject_type
_NEWS = f"amends.{ITEM}.{DECIDED}.v1"
_NOT_FOLLOWED = "event_not_followed"


def handle(events: Sequence[Event], _done: Done) -> None:
    """Mark what was made of something undone, or do what a review has decided."""
    for event in events:
        if event.type == _NEWS:
            answered_outside(functools.partial(_decided, event))
        elif event.action in UNDONE:
            _undone(event)
        else:
            _made(event)


#: It hears of what is undone only in tenants where something was made of such things, and of an
#: item or a relation only where that says so.
CONSUMER = Consumer(name=INFLUENCE, wants=lambda type_: type_ == _NEWS, handle=handle)


@dataclasses.dataclass(frozen=True, slots=True)
class _Source:
    """Something undone of which an item says that it was made: in which round, by which entry."""

    derivation: uuid.UUID
    type: str
    id: uuid.UUID
    round: int
    entry: EntryRef


def _undone(event: Event) -> None:
    with tenant_scope(event.tenant_id):
        [entry] = entries_by_id(event.tenant_id, [event.id]).values()
        rows = Derivation.objects.filter(
            tenant_id=event.tenant_id, source_type=event.subject_type, source_id=event.subject_id
        )
        found = list(rows.order_by("item_id").values_list("id", "item_id"))
    round_ = int((entry.compensation or {}).get("round", 1))
    ref = EntryRef(event.id, event.hash)
    for id_, item_id in found:
        source = _Source(id_, event.subject_type, event.subject_id, round_, ref)
        _mark(event.tenant_id, item_id, [source])


def _made(event: Event) -> None:
    """Mark an item that says that it was made of something which is undone already."""
    tenant_id = event.tenant_id
    with tenant_scope(tenant_id):
        rows = Derivation.objects.filter(
            tenant_id=tenant_id, item_id=event.subject_id, review__isnull=True
        )
        said = list(
            rows.order_by("source_type", "source_id").values_list("id", "source_type", "source_id")
        )
    undone = [each for row in said if (each := _undone_by_now(tenant_id, *row)) is not None]
    if undone:
        _mark(tenant_id, event.subject_id, undone)


def _undone_by_now(
    tenant_id: uuid.UUID, derivation: uuid.UUID, type_: str, id_: uuid.UUID
) -> _Source | None:
    """Return a source that is undone, also by a transaction that is about to commit.

    One that is being undone at this moment may have looked for who wants to hear of it before the
    item was there, and then nobody is told. It has the source's row locked: so that row is waited
    for, and read then. Whoever locks it afterwards finds the item, which is committed. Nothing else
    is locked meanwhile, by which nobody can wait for this in a circle.
    """
    rows = undoable(type_).model._default_manager  # noqa: SLF001  -- Django's documented name
    with tenant_scope(tenant_id):
        locked = rows.filter(tenant_id=tenant_id, pk=id_).select_for_update(no_key=True)
        found = locked.values_list("status", "compensation_round").first()
        if found is None or found[0] != Status.COMPENSATED:
            return None
        entry = latest_ref(tenant_id, type_, id_, actions=UNDONE)
    return None if entry is None else _Source(derivation, type_, id_, found[1], entry)


def _mark(tenant_id: uuid.UUID, item_id: uuid.UUID, sources: Sequence[_Source]) -> None:
    """Mark an item and open its review, unless that was done for these undos of its sources."""
    with transaction.atomic(durable=True):
        set_tenant(tenant_id)
        item: WorkItem = subject_of(ITEM).lock(tenant_id, item_id).row
        if item.status in FINAL:
            return
        new = _new_to(item, sources)
        if not new:
            return
        refs = [(each.type, each.id) for each, _derived in new]
        called = describe(tenant_id, refs)
        said = [
            {"type": ref[0], "id": str(ref[1]), "title": called[ref].title} for ref in refs
        ]  # fmt: skip
        by = _system(tenant_id)
        item.tainted = True
        entry = move(
            item, "tainted", before=str(item.status), by=by, caused_by=new[0][0].entry,
            fields=["tainted"], payloads=_told(said),
        )  # fmt: skip
        review = open_item(_review(item, said, by), by=by, caused_by=entry.ref)
        for each, derived in new:
            derived.round, derived.review_id = each.round, review.id
            derived.save(update_fields=["round", "review"])


def _new_to(item: WorkItem, sources: Sequence[_Source]) -> list[tuple[_Source, Derivation]]:
    """Return those of its sources for whose undo a locked item was not marked yet."""
    rows = Derivation.objects.filter(tenant_id=item.tenant_id)
    derived = rows.in_bulk([each.derivation for each in sources])
    pairs = [(each, derived[each.derivation]) for each in sources if each.derivation in derived]
    return [(each, row) for each, row in pairs if row.round < each.round and is_made_of(item, row)]


def _told(said: Sequence[dict[str, str]]) -> dict[str, Any]:
    """Return what the entry keeps: the source, and all of them where it is not the only one."""
    first, *others = said
    return {"source": first, "sources": list(said)} if others else {"source": first}


def _review(item: WorkItem, sources: Sequence[dict[str, str]], by: ActorRef) -> NewWorkItem:
    """Return the task of looking at an item again: of who did it or has it, and of its groups, and
    never of those who are kept from the item itself."""
    # A review is in no case: who did what somebody else has to have done is named.
    excluded = set(map(uuid.UUID, item.excluded))
    if item.not_completed_by:
        excluded |= who_completed(item.tenant_id, item.case_id, item.not_completed_by)
    had_it = {item.completed_by_id or item.assignee_id} - {None, *excluded}
    users = able_actors(item.tenant_id, list(filter(None, had_it)))
    groups = item.groups_asked
    first, *others = sources
    return NewWorkItem(
        tenant_id=item.tenant_id,
        title=f"Review again: {item.title}"[:300],
        created_by=by.id,
        kind=Kind.REVIEW,
        payload={
            "work_item": str(item.id),
            "title": item.title,
            "undone": list(sources) if others else first,
        },
        candidate_users=sorted(users),
        candidate_groups=groups,
        for_operators=not users and not groups,
        excluded=sorted(excluded),
        excluded_groups=item.excluded_groups,
        required_skills=item.required_skills,
        permitted_outcomes=REVIEW_OUTCOMES,
        priority="HIGH",
        reversibility="not_needed",
    )


def _decided(event: Event) -> None:
    """Begin the undo of an item where its review said so, or of an execution."""
    tenant_id = event.tenant_id
    used = reviewed(tenant_id, event.subject_id)
    if used is not None and used[0] != ITEM:
        with tenant_scope(tenant_id):
            reason = _reason(event)
        entry = EntryRef(event.id, event.hash)
        undo_execution(tenant_id, used[1], reason=reason, decided_by=event.actor_id, entry=entry)
        return
    try:
        with transaction.atomic(durable=True):
            item = _reviewed(event)
            if item is None:
                return
            compensate_by_event(
                item, LIFECYCLE["compensate"], reason=_reason(event), trigger=_trigger(event),
                by=_system(tenant_id), caused_by=EntryRef(event.id, event.hash),
                asked_by=event.actor_id,
            )  # fmt: skip
    except Refusal as refusal:
        _note(event, refusal)


def _reviewed(event: Event) -> WorkItem | None:
    """Lock the item that a review is about; None where it was undone meanwhile."""
    set_tenant(event.tenant_id)
    of = {"tenant_id": event.tenant_id, "review_id": event.subject_id}
    derived = Derivation.objects.filter(**of).values_list("item_id", flat=True).first()
    about = derived or UsedResult.objects.filter(**of).values_list("user_id", flat=True).first()
    if about is None:
        return None
    try:
        item: WorkItem = subject_of(ITEM).lock(event.tenant_id, about).row
    except NotFound:
        return None
    return item if item.status in {Status.COMPLETED, *_OPEN_STILL} else None


_OPEN_STILL = frozenset(Status) - FINAL - {Status.COMPENSATING, Status.COMPENSATION_FAULTED}


def _note(event: Event, refusal: Refusal) -> None:
    with transaction.atomic(durable=True):
        item = _reviewed(event)
        if item is None:
            return
        record(
            change_of(
                item, _NOT_FOLLOWED, before=str(item.status), by=_system(event.tenant_id),
                caused_by=EntryRef(event.id, event.hash), kind="REFUSAL", original=None,
                payloads={**refusal.noted, "trigger": _trigger(event)},
                compensation=None,
            )
        )  # fmt: skip


def _trigger(event: Event) -> dict[str, Any]:
    return {"type": event.type, "source": "amends", "id": str(event.id)}


def _reason(event: Event) -> str:
    """Return what the review said."""
    [entry] = entries_by_id(event.tenant_id, [event.id]).values()
    return str(entry.payloads.get("reason") or "Decided by a review.")


def _system(tenant_id: uuid.UUID) -> ActorRef:
    return authority_of(system_of(tenant_id)).ref()
