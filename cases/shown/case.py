"""A case as people read it: its work, who does it, what nobody declared how to undo.

Runs in the tenant's scope; the number of queries does not depend on the size of the case.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.selectors import Person, people
from cases import selectors
from cases.definitions import CompiledDefinition, undo_policy
from cases.lifecycle import OPEN_ITEMS, PlanItemStatus
from cases.models import Case, PlanItem
from cases.originals import read
from cases.words import few, joined, sentence, title_of
from compensation.actions import kind_of
from compensation.lifecycle import CompensationState
from ledger.errors import NotFound
from web.describers import Description, Subject, describe
from web.templatetags.amends import state_label

__all__ = ["CaseWork", "finished_one", "one", "summary", "title_of", "work"]


@dataclasses.dataclass(frozen=True, slots=True)
class CaseWork:
    """The forward work of a case. `rows` by id of the work item or execution."""

    case: Case
    items: list[PlanItem]
    rows: dict[uuid.UUID, Any]
    described: dict[Subject, Description]
    named: dict[uuid.UUID, Person]
    definition: CompiledDefinition

    @property
    def listed(self) -> list[dict[str, Any]]:
        """`plan_items` of `cases/detail.html`, in the order in which they were opened."""
        return [self._row(item) for item in self.items]

    @property
    def finished(self) -> list[dict[str, Any]]:
        """What could be undone, last finished first."""
        done = [
            item
            for item in self.items
            if item.completion_seq is not None
            and item.compensation_state != CompensationState.COMPENSATED
        ]
        done.sort(key=lambda item: item.completion_seq or 0, reverse=True)
        return [
            {**self._row(item), "binding": item.binding, "how": self._how(item)} for item in done
        ]

    @property
    def context(self) -> dict[str, Any]:
        """What the case knows, people called by name."""
        names = {str(id_): person.name for id_, person in self.named.items()}
        return {key: _readable(value, names) for key, value in self.case.context.items()}

    @property
    def undeclared(self) -> list[str]:
        """Bindings of finished work that nobody declared an undo for."""
        return [
            item.binding
            for item in self.items
            if item.status == PlanItemStatus.COMPLETED
            and self._policy(item) is None
            and self.rows[item.target_id].reversibility in {"compensable", "unspecified"}
        ]

    def _policy(self, item: PlanItem) -> Any:
        if self.rows[item.target_id].policy:
            return self.rows[item.target_id].policy
        return undo_policy(self.definition, self.definition.binding(item.binding))

    def _how(self, item: PlanItem) -> str:
        policy = undo_policy(self.definition, self.definition.binding(item.binding))
        if policy is None:
            return _("no way to undo declared")
        mode = policy.effective().mode or "human"
        return _("undone %(how)s") % {"how": state_label(mode, "mode").lower()}

    def _row(self, item: PlanItem) -> dict[str, Any]:
        row = self.rows[item.target_id]
        return {
            "title": title_of(item.binding),
            "url": self.described[item.type, item.target_id].url,
            "type": item.type,
            "type_label": _("Task") if item.type == "work_item" else _("Automatic"),
            "status": _status(item, row),
            "compensation_state": row.compensation_state,
            "completion_seq": item.completion_seq,
            "who": self._who(item, row),
            "at": _moment(row),
            "undoes": None,
        }

    def _who(self, item: PlanItem, row: Any) -> str:
        if item.type == "execution":
            return str(row.capability)
        actor = row.completed_by_id or row.assignee_id
        if actor in self.named:
            return self.named[actor].name
        return joined(sorted(group.name for group in row.candidate_groups.all()))


def _readable(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _readable(inner, names) for key, inner in value.items()}
    if isinstance(value, list):
        return [_readable(inner, names) for inner in value]
    return names.get(value, value) if isinstance(value, str) else value


def work(case: Case) -> CaseWork:
    """Read the forward work of a case."""
    items = selectors.plan_items(case.id)
    rows = selectors.targets(items)
    return CaseWork(
        case=case,
        items=items,
        rows=rows,
        described=describe((item.type, item.target_id) for item in items),
        named=people(_actors(rows.values())),
        definition=selectors.compiled(case.definition),
    )


def _actors(rows: Any) -> set[uuid.UUID]:
    return {
        actor
        for row in rows
        for actor in (getattr(row, "completed_by_id", None), getattr(row, "assignee_id", None))
        if actor is not None
    }


def _status(item: PlanItem, row: Any) -> str:
    """Return the plan item's status. It follows its work a moment later; what is over is over."""
    if item.status in OPEN_ITEMS and row.status in {"COMPLETED", "SUCCEEDED"}:
        return str(PlanItemStatus.COMPLETED)
    return str(item.status)


def _moment(row: Any) -> dt.datetime | None:
    at = getattr(row, "completed_at", None) or row.ended_at
    return at if isinstance(at, dt.datetime) else None


def one(kind: str, id_: uuid.UUID) -> Any:
    """Return one work item or execution. Raises NotFound."""
    row = read(kind, id_)
    if row is None:
        raise NotFound
    return row


def finished_one(kind: str, id_: uuid.UUID) -> list[dict[str, Any]]:
    """Return one finished piece of work as `CaseWork.finished` does, or nothing if it is not."""
    row = one(kind, id_)
    how = kind_of(kind)
    at = how.finished_at(row)
    if at is None:
        return []
    actor = how.finished_by(row)
    named = people([actor])
    title = describe([(kind, id_)])[kind, id_].title
    who = named[actor].name if actor in named else ""
    return [{"title": title, "who": who, "at": at, "how": state_label(row.status, kind)}]


def summary(shown: CaseWork) -> str:
    """Return how far a case is that is not being rolled back, as a sentence."""
    case = shown.case
    if case.fault and case.status == "FAULTED":
        return case.fault
    done = sum(item.completion_seq is not None for item in shown.items)
    waiting = sum(item.status in OPEN_ITEMS for item in shown.items)
    if not shown.items:
        return _("Nothing has started yet.")
    parts = [ngettext("%(n)s step done", "%(n)s steps done", done) % {"n": few(done)}]
    if waiting:
        parts.append(ngettext("%(n)s open", "%(n)s open", waiting) % {"n": few(waiting)})
    return sentence(", ".join(parts)) + "."
