"""What the engine reads of a case before it decides; and its lock, once it has.

Of the plan it reads what the news is about, and by binding no more than what keeps one from firing:
of a case of a thousand steps that is little.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

from django.db import DatabaseError
from django.db.models import Model

from accounts.selectors import ACTORS_NAME
from cases.definitions import fires_by
from cases.lifecycle import OPEN_ITEMS, WITHOUT_WORK, PlanItemStatus
from cases.models import Case, PlanItem
from cases.named_members import NamedMembers
from cases.selectors import compiled_of
from compensation.lifecycle import CompensationState
from ledger.dispatch.consumer_registry import Trouble
from ledger.faults import sqlstate_of
from ledger.statements import soon
from verbs.row_reading import NOTHING_BESIDE, Beside, literal, load, read, read_behind
from verbs.subject import Ref, subject_of

_SETTLED = frozenset({PlanItemStatus.COMPLETED, PlanItemStatus.OBSOLETE})
_FAILED = frozenset({PlanItemStatus.REJECTED, PlanItemStatus.FAULTED})
_Row = TypeVar("_Row", bound=Model)
# Where `take_head` finds the end of the case's chain.
_HEAD: Final = Beside(
    ", h.seq AS head_seq, h.hash AS head_hash",
    """ JOIN ledger_ledgerhead h
    ON h.tenant_id = r.tenant_id AND h.subject_type = 'case' AND h.subject_id = r.id""",
)
#: What the database says when a case is not where it was.
MOVED: Final = "AM003"
# In the statement that finds it out, so that it goes with what is written then.
CASE_MOVED = f"""
CREATE OR REPLACE FUNCTION public.cases_case_moved() RETURNS boolean LANGUAGE plpgsql VOLATILE
    AS $$ BEGIN RAISE EXCEPTION 'a case changed meanwhile' USING ERRCODE = '{MOVED}'; END $$;
"""
_LOCK = """
WITH held AS MATERIALIZED (
    SELECT c.version, h.seq FROM cases_case c
    JOIN ledger_ledgerhead h
        ON h.tenant_id = c.tenant_id AND h.subject_type = 'case' AND h.subject_id = c.id
    WHERE c.tenant_id = %s AND c.id = %s FOR UPDATE OF c, h)
SELECT CASE WHEN EXISTS (SELECT FROM held WHERE version = %s AND seq = %s) THEN true
    ELSE cases_case_moved() END
"""

_THESE: Final = "r.tenant_id = %s AND r.id = ANY(%s)"


class CaseMoved(Trouble):
    """A case changed while the engine looked at it without a lock. No news is to blame for that,
    and nothing is broken, however often it happens: the case is busy."""

    counts = False


@dataclasses.dataclass(frozen=True, slots=True)
class Fired:
    """How often a binding has fired, whether its work is open, at which version it last did, and
    what that became."""

    times: int
    is_open: bool
    seen: int
    newest: PlanItem | None = None

    @property
    def stands(self) -> bool:
        """Whether what it last became was done, or is not needed, and was not undone since."""
        item = self.newest
        if item is None or item.compensation_state == CompensationState.COMPENSATED:
            return False
        return item.status in _SETTLED


@dataclasses.dataclass(frozen=True, slots=True)
class Changes:
    """At which version of its case each key of the context last changed; what is not named has
    not since `others`."""

    keys: Mapping[str, int]
    others: int

    @classmethod
    def of(cls, case: Case) -> Changes:
        """Return those of a case as it is stored."""
        known = case.changed_keys
        return cls({}, case.triggered) if known is None else cls(known, 0)

    def since(self, keys: Collection[str] | None) -> int:
        """Return when one of these keys last changed; None: when any did."""
        if keys is None:
            return max(self.keys.values(), default=self.others)
        return max((self.keys.get(key, self.others) for key in keys), default=0)

    def having(self, keys: Collection[str], version: int) -> Changes:
        """Return them with a change of some keys."""
        return Changes({**self.keys, **dict.fromkeys(keys, version)}, self.others)


@dataclasses.dataclass(frozen=True, slots=True)
class PlanState:
    """Of each binding that may be kept from firing how it did; the items that were asked for, by
    their work; and whom its steps name."""

    fired: dict[str, Fired]
    items: dict[uuid.UUID, PlanItem]
    members: NamedMembers

    @property
    def has_open(self) -> bool:
        """Whether any work is open."""
        return any(each.is_open for each in self.fired.values())

    def without_open(self, bindings: Iterable[str]) -> PlanState:
        """Return the state once the open work of these bindings has ended."""
        ended = {name: dataclasses.replace(self.fired[name], is_open=False) for name in bindings}
        return dataclasses.replace(self, fired={**self.fired, **ended})

    def with_open(self, bindings: Iterable[str]) -> PlanState:
        """Return the state once work of these bindings is open again."""
        opened = {name: Fired(1, is_open=True, seen=0) for name in bindings}
        return dataclasses.replace(self, fired={**self.fired, **opened})


def read_case(tenant_id: uuid.UUID, case_id: uuid.UUID) -> Case | None:
    """Return a case as committed now, with the end of its chain and without its definition."""
    found = read(Case, "r.tenant_id = %s AND r.id = %s", [tenant_id, case_id], _HEAD)
    return next(iter(found), None)


def lock_unmoved(case: Case) -> None:
    """Lock a case that was read without a lock, before the next statement and in one exchange with
    it: that fails when the case, or its chain, has changed since (see `telling_moved`).

    Plan items change with their case's version, or by the one lane that hears of the case; its
    lease, and the index that allows a binding one open item, keep a second handler out.
    """
    soon(_LOCK, [case.tenant_id, case.id, case.version, case.__dict__["head_seq"]])


@contextlib.contextmanager
def telling_moved() -> Iterator[None]:
    """Raise CaseMoved where the database says that a case that was to be locked has changed."""
    try:
        yield
    except DatabaseError as error:
        if sqlstate_of(error) != MOVED:
            raise
        raise CaseMoved("a case changed while it was decided about") from error


# How often a step has begun: what could not begin has no work, and what does none has none either.
_TIMES: Final = (
    f"count(*) FILTER (WHERE target_id IS NOT NULL OR type IN ({literal(sorted(WITHOUT_WORK))}))"
)


@functools.cache
def _plan_sql() -> str:
    columns = ", ".join(f"p.{field.column}" for field in PlanItem._meta.concrete_fields)
    return f"""
SELECT f.name AS fired_binding, f.times, f.is_open, f.seen, {columns}
FROM (
    SELECT binding AS name, {_TIMES} AS times, max(case_version) AS seen,
        bool_or(status = ANY(%(open)s)) AS is_open
    FROM cases_planitem WHERE tenant_id = %(tenant)s AND case_id = %(case)s
    GROUP BY binding
    HAVING bool_or(status = ANY(%(open)s)) OR {_TIMES} >= %(most)s
        OR max(case_version) >= coalesce((%(since)s::jsonb ->> binding)::int, %(triggered)s)
        OR bool_or(target_id = ANY(%(targets)s)) OR bool_or(status = ANY(%(failed)s))
) f JOIN cases_planitem p ON p.tenant_id = %(tenant)s AND p.case_id = %(case)s
    AND p.binding = f.name AND (p.target_id = ANY(%(targets)s) OR p.case_version = f.seen)
ORDER BY p.created_at, p.id
"""  # noqa: S608  -- column names of the model


def read_plan(case: Case, targets: Collection[uuid.UUID], *, most: int) -> PlanState:
    """Return what matters of a case's plan now: bindings with open work, that have answered to the
    case as it is or to all that they read of it, that have failed, or fired `most` times; and the
    items of `targets`."""
    given = {
        "open": sorted(OPEN_ITEMS), "failed": sorted(_FAILED), "most": most,
        "tenant": case.tenant_id, "case": case.id,
        "triggered": case.triggered, "since": json.dumps(_since(case)), "targets": list(targets),
    }  # fmt: skip
    state, wanted = PlanState({}, {}, NamedMembers.behind(case)), frozenset(targets)
    row: Any
    for row in load(PlanItem, _plan_sql(), given):
        if row.case_version == row.seen:
            state.fired[row.fired_binding] = Fired(row.times, row.is_open, row.seen, row)
        if row.target_id in wanted:
            state.items[row.target_id] = row
    return state


def _since(case: Case) -> dict[str, int]:
    """Return when what a binding reads last changed, where that is before the case last did."""
    changes = Changes.of(case)
    bindings = compiled_of(case.tenant_id, case.definition_id).forward_bindings
    since = ((each.name, changes.since(fires_by(each))) for each in bindings)
    return {name: version for name, version in since if version < case.triggered}


def work_of(items: Iterable[PlanItem]) -> dict[uuid.UUID, Any]:
    """Return the work of plan items by id, as committed now, without what belongs to it; and, of
    tasks, the name of whoever completed them, as `finisher`."""
    wanted: dict[tuple[uuid.UUID, str], list[uuid.UUID]] = {}
    for item in items:
        type_, id_ = item.work
        wanted.setdefault((item.tenant_id, type_), []).append(id_)
    return {
        row.pk: row
        for (tenant_id, type_), ids in wanted.items()
        for row in work_named(tenant_id, type_, ids)
    }


def work_named(tenant_id: uuid.UUID, type_: str, ids: Sequence[uuid.UUID]) -> Iterable[Any]:
    """Return pieces of work of one kind, as `work_of` does."""
    return _read(subject_of(type_).model, tenant_id, ids, _beside(type_))


def work_behind(tenant_id: uuid.UUID, refs: Iterable[Ref]) -> Callable[[], dict[uuid.UUID, Any]]:
    """Read pieces of work as `work_of` does, right behind the next statement."""
    wanted: dict[str, set[uuid.UUID]] = {}
    for type_, id_ in refs:
        wanted.setdefault(type_, set()).add(id_)
    asked = [
        read_behind(subject_of(type_).model, _THESE, [tenant_id, list(ids)], _beside(type_))
        for type_, ids in wanted.items()
    ]
    return lambda: {row.pk: row for rows in asked for row in rows()}


def _beside(type_: str) -> Beside:
    return _FINISHER if type_ == "work_item" else NOTHING_BESIDE


# In the same statement: it is read at every step of a case. What somebody is called may change, so
# nothing of it is kept.
_FINISHER: Final = Beside(
    f", {ACTORS_NAME.format(actor='r.completed_by_id', tenant='r.tenant_id')} AS finisher", ""
)


def _read(
    model: type[_Row],
    tenant_id: uuid.UUID,
    ids: Sequence[uuid.UUID],
    beside: Beside = NOTHING_BESIDE,
) -> Iterable[_Row]:
    return read(model, _THESE, [tenant_id, list(ids)], beside)


def newest_tries(case: Case, bindings: Collection[str]) -> dict[str, PlanItem]:
    """Return what each of these bindings last became, by binding."""
    items = PlanItem.objects.filter(
        tenant_id=case.tenant_id, case_id=case.id, binding__in=list(bindings)
    )
    newest = items.order_by("binding", "-created_at", "-id").distinct("binding")
    return {item.binding: item for item in newest}


def failed_steps(case: Case) -> list[PlanItem]:
    """Return the newest try of each step that let the case fail, oldest first."""
    items = PlanItem.objects.filter(tenant_id=case.tenant_id, case_id=case.id)
    newest = items.order_by("binding", "-created_at", "-id")
    failed = [
        item for item in newest.distinct("binding") if item.error and item.status not in OPEN_ITEMS
    ]
    return sorted(failed, key=lambda item: (item.created_at, item.id))


def is_untaken(item: PlanItem) -> bool:
    """Whether it is done, still stands, and its result could not be taken in."""
    standing = item.compensation_state != CompensationState.COMPENSATED
    return item.status == PlanItemStatus.COMPLETED and standing
