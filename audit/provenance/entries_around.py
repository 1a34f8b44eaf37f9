"""Which entries tell where something comes from: of a case, a batch, a rollback or one piece.

Everything is read from the ledger, in a number of statements that does not depend on how much
there is. Runs in the caller's tenant scope.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from django.db.models import Q
from django.utils.translation import gettext as _

from ledger.errors import Conflict, NotFound
from ledger.selectors import Entry, all_entries, entries_by_id, open_entries
from verbs.subject import Ref

RUN: Final = "compensation_run"
APPROVAL: Final = "approval"
#: Pieces of these name them as the case that they happen in.
_WHOLES: Final = frozenset({"case", "batch"})
#: A thousand steps with their undo are some 17,000 entries.
MOST_ENTRIES: Final = 30_000
#: What is said of an activity beside what every entry says. Values that may be long are left where
#: they are: the document names the hash of the entry that committed to them.
SAID: Final = ("reason", "outcome", "evidence", "regulatory_basis")


@dataclasses.dataclass(frozen=True, slots=True)
class Told:
    """The `entries` of a document, oldest first, and those `beside` them: what they undo or were
    caused by, of subjects of which nothing else is told."""

    entries: list[Entry]
    beside: list[Entry]


def told_of(tenant_id: uuid.UUID, subject: Ref) -> Told:
    """Return the entries that tell of something.

    Raises NotFound where nothing is recorded about it in the tenant, Conflict (`too_much`) where
    that is more than one document holds.
    """
    found = _Reading(tenant_id)
    type_, id_ = subject
    own = Q(subject_type=type_, subject_id=id_)
    found.read(own | Q(case_id=id_) if type_ in _WHOLES else own)
    if not found.entries:
        raise NotFound(_("Nothing is recorded about it."))
    if type_ not in _WHOLES:
        found.widen(subject)
    return Told(found.in_order(), found.linked())


def decided_around(tenant_id: uuid.UUID, subject: Ref) -> list[Ref]:
    """Return what has to be told of to tell how something was decided: itself, what undoes it or is
    undone by it, the rollback that it is part of with those that this is a step of, and who
    approved any of that. A case or a batch is told of by itself. Takes two statements more for each
    level above.

    Raises NotFound where nothing is recorded about it in the tenant, Conflict (`too_much`) where
    that is more than one document holds.
    """
    found = _Reading(tenant_id)
    found.read(Q(subject_type=subject[0], subject_id=subject[1]))
    if not found.entries:
        raise NotFound(_("Nothing is recorded about that."))
    if subject[0] not in _WHOLES:
        found.widen(subject)
        found.read_above()
        found.read_approvals()
    return sorted({(each.subject_type, each.subject_id) for each in found.entries.values()})


def of_chains(refs: Collection[Ref]) -> Q:
    """Return the condition of the entries of these, which are some."""
    which = Q()
    for type_ in sorted({type_ for type_, _id in refs}):
        which |= Q(subject_type=type_, subject_id__in=[id_ for of, id_ in refs if of == type_])
    return which


class _Reading:
    """Entries of one document as they are found, each once."""

    def __init__(self, tenant_id: uuid.UUID) -> None:
        self._rows = all_entries(tenant_id)
        self._tenant_id = tenant_id
        self.entries: dict[uuid.UUID, Entry] = {}

    def read(self, which: Q) -> None:
        """Read what is asked for. Raises Conflict when it is too much."""
        # In one statement with what was committed to; one more than may be is enough to know.
        rows = self._rows.filter(which).order_by("at", "id")[: MOST_ENTRIES + 1]
        self.entries |= {entry.id: entry for entry in open_entries(rows, only=SAID)}
        if len(self.entries) > MOST_ENTRIES:
            sentence = _("More than %(n)s entries: ask for its parts.")
            raise Conflict(sentence % {"n": MOST_ENTRIES}, code="too_much")

    def widen(self, subject: Ref) -> None:
        """Read what undoes a piece, or what it undoes, and the rollback that it is part of; of a
        rollback, what it undoes and by what."""
        if subject[0] == RUN:
            self._read_chains(_named(self.entries.values()))
        self._read_undoes()
        others = {each.original.id for each in self.entries.values() if each.original is not None}
        missing = others - self.entries.keys()
        originals = entries_by_id(self._tenant_id, missing, only=SAID).values()
        runs = {(RUN, run) for each in self.entries.values() if (run := run_of(each)) is not None}
        self._read_chains({(each.subject_type, each.subject_id) for each in originals} | runs)

    def read_above(self) -> None:
        """Read the chains of the rollbacks that one that is told of is a step of, level by level: a
        chain begins because of the step above, and what is agreed to is the topmost."""
        while True:
            known = {(each.subject_type, each.subject_id) for each in self.entries.values()}
            began = {
                each.caused_by.id for each in self.entries.values()
                if each.subject_type == RUN and each.subject_seq == 1 and each.caused_by is not None
            }  # fmt: skip
            rows = self._rows.filter(id__in=list(began - self.entries.keys()), subject_type=RUN)
            above = {(RUN, id_) for id_ in rows.values_list("subject_id", flat=True)} - known
            if not above:
                return
            self._read_chains(above)

    def read_approvals(self) -> None:
        """Read the chains of what was approved: that was asked for because of an entry that is told
        of, or an entry that is told of followed from the answer."""
        causes = {each.caused_by.id for each in self.entries.values() if each.caused_by is not None}
        known = list(self.entries)
        told = Q(caused_by_id__in=known) | Q(id__in=list(causes - self.entries.keys()))
        refs = self._rows.filter(told, subject_type=APPROVAL).values_list("subject_id", flat=True)
        self._read_chains({(APPROVAL, id_) for id_ in refs.distinct()})

    def _read_undoes(self) -> None:
        """Read the chains of what was made to undo something of what is told of: the first entry
        of such a chain was caused by the one with which the undo began. (What is undone next was
        caused by one of these entries as well, and undoes nothing of it.)"""
        began = [each.id for each in self.entries.values() if each.kind == "COMPENSATION"]
        made = self._rows.filter(caused_by_id__in=began, original_id__in=list(self.entries))
        refs = made.exclude(subject_type=RUN).values_list("subject_type", "subject_id").distinct()
        self._read_chains(set(refs))

    def _read_chains(self, refs: Collection[Ref]) -> None:
        known = {(each.subject_type, each.subject_id) for each in self.entries.values()}
        wanted = set(refs) - known
        if not wanted:
            return
        self.read(of_chains(wanted))

    def in_order(self) -> list[Entry]:
        """Return what was found, oldest first."""
        return sorted(self.entries.values(), key=lambda each: (each.at, each.id))

    def linked(self) -> list[Entry]:
        """Return what the entries name and what is not among them."""
        links = {
            link.id
            for each in self.entries.values()
            for link in (each.original, each.caused_by if each.subject_seq == 1 else None)
            if link is not None
        }
        found = entries_by_id(self._tenant_id, links - self.entries.keys(), only=SAID)
        return sorted(found.values(), key=lambda each: (each.at, each.id))


def run_of(entry: Entry) -> uuid.UUID | None:
    """Return the rollback that an entry says it is part of."""
    return _id(_object(entry.compensation).get("run"))


def _named(entries: Iterable[Entry]) -> set[Ref]:
    """Return what the steps of a rollback undo."""
    said = [_object(_object(each.compensation).get("undoing")) for each in entries]
    found = [(each.get("type"), _id(each.get("id"))) for each in said]
    return {(type_, id_) for type_, id_ in found if isinstance(type_, str) and id_ is not None}


def _object(said: Any) -> Mapping[str, Any]:
    """Return an object that a column says, an empty one for none: as `_id`."""
    return said if isinstance(said, dict) else {}


def _id(said: Any) -> uuid.UUID | None:
    """Return an id that a column says, None for none: whoever altered it may have put anything
    there, and an auditor must be able to export that."""
    try:
        return uuid.UUID(said)
    except (ValueError, TypeError, AttributeError):
        return None
