"""Entries as a W3C PROV document (PROV-DM).

What was worked on is an activity, what came of it an entity, an actor an agent. What undoes
something is an activity as well: it was informed by the original and by what triggered it, used the
original's outcome, and, if it undid it, invalidated that (`wasInvalidatedBy`, entity to activity).
A correction is a revision of what it corrects. A decision about an undo (to ask for it, to attest
it, to give it up) is an activity of its own, named after its entry.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from prov.constants import PROV_LABEL, PROV_ROLE, PROV_TYPE
from prov.identifier import Namespace, QualifiedName
from prov.model import ProvDocument

from audit.provenance.entries_around import RUN, Told, run_of
from audit.provenance.undo_facts import BEGAN, UNDONE, UndoFacts, subject_of
from ledger.selectors import Entry
from verbs.subject import Ref

AMENDS = Namespace("amends", "tag:amends.invalid,2026:prov#")
_PROV_AGENTS = {
    "HUMAN": "prov:Person",
    "AGENT": "prov:SoftwareAgent",
    "SYSTEM": "prov:SoftwareAgent",
}
#: What entries say of the undo that they are part of.
_UNDOING = ("mode", "strategy", "step", "attempt")
#: What was said by people is cut there: the entry's hash stands for all of it.
_LONGEST_TEXT = 2_000
#: Entries by which nothing came to be.
_NO_WORK = frozenset({"REFUSAL", "ATTESTATION"})
_Said = list[tuple[QualifiedName | str, Any]]


def prov_document(
    told: Told,
    *,
    finishing: Mapping[str, frozenset[str]],
    titles: Mapping[Ref, str],
    usernames: Mapping[uuid.UUID, str],
) -> ProvDocument:
    """Return the document that entries tell.

    `finishing` are the actions that finish each type, `titles` what subjects are called and
    `usernames` whom actors are known as; who has none is known by the token alone.
    """
    facts = UndoFacts([*told.entries, *told.beside], finishing)
    made = _Making(facts, titles, usernames, partly={subject_of(each) for each in told.beside})
    made.outcomes()
    made.activities()
    made.undoing()
    return made.document


class _Making:
    def __init__(
        self,
        facts: UndoFacts,
        titles: Mapping[Ref, str],
        usernames: Mapping[uuid.UUID, str],
        partly: set[Ref],
    ) -> None:
        self.document = ProvDocument()
        self._facts, self._titles, self._usernames = facts, titles, usernames
        self._partly = partly
        self._spaces: dict[str, Namespace] = {}
        self.document.add_namespace(AMENDS)
        self._became = {subject_of(each): each.to_status for each in facts.by_id.values()}
        self._outcomes = facts.outcomes()
        self._activities = self._work()
        self._agents: dict[uuid.UUID, QualifiedName] = {}
        self._for: set[tuple[uuid.UUID, uuid.UUID, Ref]] = set()

    def _work(self) -> dict[Ref, list[Entry]]:
        """Return the entries of each activity, oldest first: of work on a thing, and decisions."""
        found: dict[Ref, list[Entry]] = {}
        for entry in self._facts.by_id.values():
            if self._facts.is_decision(entry):
                found["entry", entry.id] = [entry]
            elif not self._facts.is_about_undoing_it(entry) and entry.kind not in _NO_WORK:
                found.setdefault(subject_of(entry), []).append(entry)
        return found

    def _name(self, kind: str, id_: uuid.UUID) -> QualifiedName:
        space = self._spaces.get(kind)
        if space is None:
            space = Namespace(kind, f"tag:amends.invalid,2026:{kind}:")
            self._spaces[kind] = self.document.add_namespace(space)
        return self._spaces[kind][str(id_)]

    def _activity(self, ref: Ref) -> QualifiedName:
        return self._name(*ref)

    def outcomes(self) -> None:
        """Declare what came of each piece, and by what."""
        for id_, entry in self._outcomes.items():
            name = self._name("outcome", id_)
            said: _Said = [
                (PROV_TYPE, AMENDS["outcome"]),
                (PROV_LABEL, self._title(subject_of(entry))),
                *self._of_entry(entry),
            ]
            if isinstance(word := entry.payloads.get("outcome"), str):
                said.append((AMENDS["outcome"], word[:_LONGEST_TEXT]))
            if entry.completion_seq is not None:
                said.append((AMENDS["completion_seq"], entry.completion_seq))
            self.document.entity(name, said)
            made_by = subject_of(entry)
            if made_by in self._activities:
                self.document.wasGeneratedBy(name, self._activity(made_by), entry.at)

    def _title(self, ref: Ref) -> str:
        return self._titles.get(ref, "") or f"{ref[0]} {ref[1]}"

    def _of_entry(self, entry: Entry) -> _Said:
        return [(AMENDS["entry"], str(entry.id)), (AMENDS["hash"], entry.hash.hex())]

    def activities(self) -> None:
        """Declare the work and the decisions, by whom, and what led to them."""
        for ref, entries in self._activities.items():
            first, decision = entries[0], ref[0] == "entry"
            began = None if ref in self._partly else first.at
            ended = next((e.at for e in entries if decision or self._facts.finishes(e)), None)
            self.document.activity(self._activity(ref), began, ended, self._said_of(ref, entries))
            self._done_by(ref, entries)
            self._led_to(ref, first)

    def _said_of(self, ref: Ref, entries: Sequence[Entry]) -> _Said:
        first, decision = entries[0], ref[0] == "entry"
        about = subject_of(first)
        said: _Said = [
            (PROV_TYPE, AMENDS[first.action if decision else ref[0]]),
            (PROV_LABEL, self._title(about)),
            (AMENDS["status"], self._became[about]),
        ]
        if decision:
            said += self._of_entry(first)
        if decision or ref in self._facts.undoes or ref[0] == RUN:
            said += [(PROV_TYPE, AMENDS["compensation"]), *self._of_undo(first)]
        return said

    def _of_undo(self, entry: Entry) -> _Said:
        """Return what an entry says of the undo: how, why, and on which basis."""
        kept = entry.compensation or {}
        said: _Said = [(AMENDS[name], kept[name]) for name in _UNDOING if kept.get(name)]
        if kept.get("run"):
            said.append((AMENDS["run"], self._name(RUN, uuid.UUID(kept["run"]))))
        said += [(AMENDS["regulatory_basis"], code) for code in kept.get("regulatory_basis") or []]
        for name in ("reason", "evidence"):
            if isinstance(text := entry.payloads.get(name), str) and text:
                said.append((AMENDS[name], text[:_LONGEST_TEXT]))
        return said

    def _done_by(self, ref: Ref, entries: Iterable[Entry]) -> None:
        """Say who did it, in which role, and for whom."""
        seen: set[tuple[uuid.UUID, str]] = set()
        for entry in entries:
            agent = self._agent(entry.actor_id, entry.actor_type)
            if (entry.actor_id, entry.actor_role) not in seen:
                seen.add((entry.actor_id, entry.actor_role))
                role = [(PROV_ROLE, entry.actor_role)] if entry.actor_role else []
                self.document.wasAssociatedWith(self._activity(ref), agent, other_attributes=role)
            if entry.on_behalf_of_id is not None:
                self._acted_for(entry.actor_id, entry.on_behalf_of_id, ref)
            elif entry.actor_type == "SYSTEM" and (began := self._began(entry)) is not None:
                # Amends carries out the rollback that somebody started.
                self._agent(began.actor_id, began.actor_type)
                self._acted_for(entry.actor_id, began.actor_id, ref)

    def _began(self, entry: Entry) -> Entry | None:
        """Return the entry with which a person began the rollback that an entry is part of."""
        run = run_of(entry)
        entries = [] if run is None else self._activities.get((RUN, run), [])
        return next((e for e in entries[:1] if e.actor_id != entry.actor_id), None)

    def _agent(self, actor_id: uuid.UUID, type_: str = "HUMAN") -> QualifiedName:
        if actor_id not in self._agents:
            name = self._name("actor", actor_id)
            known = self._usernames.get(actor_id)
            said: _Said = [(PROV_TYPE, self.document.valid_qualified_name(_PROV_AGENTS[type_]))]
            self.document.agent(name, [*said, *([(PROV_LABEL, known)] if known else [])])
            self._agents[actor_id] = name
        return self._agents[actor_id]

    def _acted_for(self, who: uuid.UUID, whom: uuid.UUID, ref: Ref) -> None:
        if (who, whom, ref) not in self._for:
            self._for.add((who, whom, ref))
            self.document.actedOnBehalfOf(self._agent(who), self._agent(whom), self._activity(ref))

    def _led_to(self, ref: Ref, first: Entry) -> None:
        """Say what informed an activity: what caused it; of an undo, the original, whose outcome it
        used, and its trigger."""
        informed = [self._informant(self._facts.cause_of(first))]
        original = self._facts.undoes.get(ref)
        if original is None and ref[0] == "entry":
            original = self._facts.original_of(first)
        if original is not None:
            informed.append(subject_of(original))
            self.document.used(self._activity(ref), self._name("outcome", original.id), first.at)
            if (run := run_of(first)) is not None:
                informed.append((RUN, run))
        for each in dict.fromkeys(informed):
            if each is not None and each != ref and each in self._activities:
                self.document.wasInformedBy(self._activity(ref), self._activity(each))

    def _informant(self, cause: Entry | None) -> Ref | None:
        """Return the activity that an entry is of: of one that only says that a rollback or an
        undo has come so far, what brought it there."""
        for _step in range(len(self._facts.by_id)):
            if cause is None:
                return None
            if ("entry", cause.id) in self._activities:
                return ("entry", cause.id)
            if not self._facts.is_about_undoing_it(cause):
                return subject_of(cause)
            run = run_of(cause)
            if cause.action == BEGAN and run is not None:
                return (RUN, run)
            cause = self._facts.cause_of(cause)
        return None

    def undoing(self) -> None:
        """Say what was undone by what, and what corrects what."""
        undone: set[uuid.UUID] = set()
        for entry in self._facts.by_id.values():
            by = self._facts.undone_by(entry)
            original = self._facts.original_of(entry) or self._finished(entry)
            if by is None or original is None or by not in self._activities:
                continue
            if original.id in undone:
                continue
            undone.add(original.id)
            # What consists of pieces says no reason again: the rollback that it was undone by did.
            told = entry if entry.original is not None else self._activities[by][0]
            self.document.wasInvalidatedBy(
                self._name("outcome", original.id),
                self._activity(by),
                entry.at,
                other_attributes=[*self._of_undo(told), *self._of_entry(entry)],
            )
            self._revision(entry, original, by)

    def _finished(self, entry: Entry) -> Entry | None:
        """Return the entry that finished what consists of pieces, and is undone by this one."""
        if entry.to_status != UNDONE:
            return None
        of_it = [e for e in self._outcomes.values() if subject_of(e) == subject_of(entry)]
        return of_it[-1] if of_it else None

    def _revision(self, entry: Entry, original: Entry, by: Ref) -> None:
        if (entry.compensation or {}).get("strategy") != "correct":
            return
        for id_, outcome in self._outcomes.items():
            if subject_of(outcome) == by:
                self.document.wasRevisionOf(
                    self._name("outcome", id_), self._name("outcome", original.id),
                    self._activity(by),
                )  # fmt: skip
