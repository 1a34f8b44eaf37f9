"""Steps of a case that read what another step had written, which is undone (DESIGN §6, influence).

Heard when something of a case is undone by itself, and when a rollback has ended: what that has
undone as well is not marked. A step has read a key if its condition, its filter or its input can
depend on it, if the key was written by the version of the case at which it was opened, and if
nobody had written it anew in between. What is given the whole context has read all of it.

What a sub-case gives rests on the work in it that had last written what its `outputMapping` can
depend on. So what is undone below is looked for in the cases above as well, up to one that is being
rolled back itself: the end of that is news.

No clock says what came first: the version of a case rises with every change of its context.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from cases.definitions import CompiledDefinition
from cases.definitions.reads import keys_given, keys_read
from cases.events import CASE_USES, USES
from cases.lifecycle import ROLLING_BACK, CaseStatus, PlanItemStatus
from cases.models import Case, PlanItem
from cases.selectors import compiled_all
from compensation.lifecycle import CompensationState
from compensation.subject import read_rows
from ledger.dispatch.consumer_registry import Announced, Consumer, Done, Event
from ledger.record import EntryRef
from ledger.selectors import all_entries
from ledger.tenancy import tenant_scope
from verbs.subject import Ref
from workitems.actions.used_results import Undone, mark_user
from workitems.derivation import UNDONE


def _is_news(change: Announced) -> bool:
    """Whether it tells that something of a case stands undone by itself, or that a rollback has
    ended which may have left what used it: of what is undone as a whole nothing stands. Of what
    does so above it, its own entry tells (`heard_by`)."""
    if change.subject_type == Case.subject_type:
        return change.to_status != CaseStatus.COMPENSATED
    return change.case_id is not None and not (change.compensation or {}).get("run")


def handle(events: Sequence[Event], _done: Done) -> None:
    """Mark what used results that are undone."""
    for event in events:
        for user, sources in _used(event):
            mark_user(event.tenant_id, user, sources)


CONSUMER = Consumer(
    name=USES,
    wants=CASE_USES.__contains__,
    matters=_is_news,
    handle=handle,
)


@dataclasses.dataclass(frozen=True, slots=True)
class _Tree:
    """The cases of a tree: of each the one above, what it is defined by, whether it is being rolled
    back, and its steps that were done; with the work of them that is undone, by id."""

    above: Mapping[uuid.UUID, uuid.UUID | None]
    definitions: Mapping[uuid.UUID, CompiledDefinition]
    rolling_back: Collection[uuid.UUID]
    items: Mapping[uuid.UUID, Sequence[PlanItem]]
    undone: Mapping[uuid.UUID, Any]

    def told_to(self, case_id: uuid.UUID) -> Iterator[uuid.UUID]:
        """Yield a case, and those above it that have to know what became of it."""
        above: uuid.UUID | None = case_id
        while above is not None and (above == case_id or above not in self.rolling_back):
            yield above
            above = self.above[above]

    def rests_on(self, case_id: uuid.UUID) -> dict[uuid.UUID, set[uuid.UUID]]:
        """Return the undone work that results in a case rest on, by the id of what gave them."""
        found: dict[uuid.UUID, set[uuid.UUID]] = {}
        for item in self.items.get(case_id, ()):
            _type, id_ = item.work
            ids = self._given_by(item, id_) if item.is_case else {id_} & self.undone.keys()
            if ids:
                found[id_] = ids
        return found

    def _given_by(self, item: PlanItem, below: uuid.UUID) -> set[uuid.UUID]:
        target = self.definitions[item.case_id].binding(item.binding).target
        if target.output_mapping is None or below not in self.definitions:
            return set()
        rests_on = self.rests_on(below)
        if not rests_on:
            return set()
        written = _writings(self.items.get(below, ()), self.definitions[below])
        return _union(rests_on, _last(written, keys_read(target.output_mapping)))


def _used(event: Event) -> list[tuple[Ref, list[Undone]]]:
    """Return the work of a case, and of those above, that read what is undone now, with what that
    was: a constant number of queries."""
    tenant_id = event.tenant_id
    case_id = event.subject_id if event.subject_type == Case.subject_type else event.case_id
    if case_id is None:
        return []
    with tenant_scope(tenant_id):
        tree = _tree_of(tenant_id, case_id)
        if tree is None:
            return []
        read: dict[PlanItem, set[uuid.UUID]] = {}
        for each in tree.told_to(case_id):
            read |= readers(
                tree.items.get(each, ()), tree.definitions[each], tree.rests_on(each)
            )  # fmt: skip
        rows = {id_: tree.undone[id_] for ids in read.values() for id_ in ids}
        sources = _sources(rows, tenant_id)
        return [
            (item.work, [sources[id_] for id_ in sorted(ids) if id_ in sources])
            for item, ids in read.items()
        ]


def _tree_of(tenant_id: uuid.UUID, case_id: uuid.UUID) -> _Tree | None:
    """Read the tree of a case; None where nothing in it is undone, or the case is as a whole and
    that above it is being rolled back, whose end looks at all of it."""
    columns = ("id", "parent_id", "definition_id", "status")
    rows = Case.objects.filter(tenant_id=tenant_id)
    # Of a batch, whose pieces name it in the same place, there is none.
    more = ("root_id", "has_children", "parent__status")
    own = rows.filter(id=case_id).values_list(*columns, *more).first()
    if own is None or (own[3] == CaseStatus.COMPENSATED and own[6] in ROLLING_BACK):
        return None
    cases = [own[:4]]
    if own[1] is not None or own[5]:
        below = rows.filter(root_id=own[4], parent__isnull=False)
        cases = [*below.values_list(*columns), *rows.filter(id=own[4]).values_list(*columns)]
    items = PlanItem.objects.filter(
        tenant_id=tenant_id, case_id__in=[id_ for id_, *_ in cases], target_id__isnull=False,
        status=PlanItemStatus.COMPLETED, completion_seq__isnull=False,
    )  # fmt: skip
    by_case: dict[uuid.UUID, list[PlanItem]] = {}
    for item in items:
        by_case.setdefault(item.case_id, []).append(item)
    refs = [item.work for item in items if not item.is_case]
    undone = {id_: row for id_, row in read_rows(tenant_id, refs).items() if _is_undone(row)}
    if not undone:
        return None
    compiled = compiled_all(tenant_id, {definition_id for _, _, definition_id, _ in cases})
    return _Tree(
        above={id_: parent_id for id_, parent_id, _, _ in cases},
        definitions={id_: compiled[definition_id] for id_, _, definition_id, _ in cases},
        rolling_back={id_ for id_, _, _, status in cases if status in ROLLING_BACK},
        items=by_case,
        undone=undone,
    )


def _is_undone(row: Any) -> bool:
    return bool(row.compensation_state == CompensationState.COMPENSATED)


def _sources(rows: Mapping[uuid.UUID, Any], tenant_id: uuid.UUID) -> dict[uuid.UUID, Undone]:
    """Return undone work with the entry that says so: one query."""
    entries = all_entries(tenant_id).filter(subject_id__in=list(rows), action__in=UNDONE)
    newest = entries.order_by("subject_seq").values_list("subject_id", "id", "hash")
    return {
        id_: Undone(
            rows[id_].subject_type, id_, rows[id_].compensation_round,
            EntryRef(entry, bytes(hash_)),
        )
        for id_, entry, hash_ in newest
    }  # fmt: skip


def readers(
    items: Sequence[PlanItem],
    definition: CompiledDefinition,
    rests_on: Mapping[uuid.UUID, Collection[uuid.UUID]],
) -> Mapping[PlanItem, set[uuid.UUID]]:
    """Return the plan items that read what rests on undone work, with the ids of that; `rests_on`
    says of the results of `items`, which are the done ones of a case, what they rest on. Pure."""
    found: dict[PlanItem, set[uuid.UUID]] = {}
    if not rests_on:
        return found
    written = _writings(items, definition)
    for item in items:
        stands = item.compensation_state == CompensationState.NONE
        if item.target_id is None or item.is_case or item.target_id in rests_on or not stands:
            continue
        before = [each for each in written if each.is_before(item)]
        ids = _union(rests_on, _last(before, keys_given(definition.binding(item.binding))))
        if ids:
            found[item] = ids
    return found


@dataclasses.dataclass(frozen=True, slots=True)
class _Writing:
    """Keys that a step wrote, and the version of its case from which on others have read them:
    `anew` those that nobody reads any more as they were before."""

    item: PlanItem
    since: int
    keys: frozenset[str]
    anew: frozenset[str]

    def is_before(self, reader: PlanItem) -> bool:
        """Whether a step was opened after it. What was opened beside it has not read it."""
        return self.item is not reader and self.since <= reader.case_version


def _writings(items: Sequence[PlanItem], definition: CompiledDefinition) -> list[_Writing]:
    """Return what was written in a case, the newest first. Whether the result of a step stated a
    key again that it had written as it fired is not kept: it may have, or not. A step is opened at
    the version that its own firing makes, and so is what that starts, and what fired beside it:
    of these none can be told to have been before it."""
    found = []
    for item in items:
        written = frozenset(item.written)
        fired = frozenset(definition.binding(item.binding).context_write or ()) & written
        if fired:
            found.append(_Writing(item, item.case_version, fired, fired))
        if item.taken_version is not None:
            found.append(_Writing(item, item.taken_version, written, written - fired))
    return sorted(found, key=lambda each: (-each.since, -(each.item.completion_seq or 0)))


def _last(newest_first: Sequence[_Writing], read: frozenset[str] | None) -> Iterator[uuid.UUID]:
    """Yield whose work may have written last what is read. `read` None: any key."""
    seen: set[str] = set()
    for each in newest_first:
        keys = {key for key in each.keys if read is None or key in read} - seen
        seen |= keys & each.anew
        if keys and each.item.target_id is not None:
            yield each.item.target_id


def _union(
    rests_on: Mapping[uuid.UUID, Collection[uuid.UUID]], writers: Iterator[uuid.UUID]
) -> set[uuid.UUID]:
    return {source for id_ in writers for source in rests_on.get(id_, ())}
