"""Entries as the ledger's pages show them: the contexts of templates/audit/.

Runs in the caller's tenant scope.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.roles import ActorType, Role
from audit.payload_words import Kept, kept_in, other_in, schemas_of
from audit.words import KIND_WORDS
from compensation.sentences import shown_in
from ledger.as_hashed import is_as_hashed
from ledger.selectors import PRUNED, Entry, entries_by_id
from verbs.subject import Description, Ref, describe
from verbs.words import action_words, choice_words, state_words, subject_words
from web.entries import Link, entry_url, ledger_url, people_in
from web.timeline import sentence, step_subject, who_of

RUN = "compensation_run"
#: What an entry says of the undoing it is part of, and how that is called.
_UNDOING = {
    "step": gettext_lazy("Step"),
    "step_status": gettext_lazy("State of the step"),
    "attempt": gettext_lazy("Attempt"),
    "mode": gettext_lazy("Undone by"),
    "strategy": gettext_lazy("Way of undoing"),
    "regulatory_basis": gettext_lazy("Legal basis"),
}


class Presenter:
    """Puts entries into words; whatever they mention is read once, in bulk."""

    def __init__(
        self,
        tenant_id: uuid.UUID,
        entries: Sequence[Entry],
        *,
        effects: Sequence[Entry] = (),
        about: Collection[Ref] = (),
    ) -> None:
        """Read the entries that `entries` link to, and the names in all of them; and what the page
        is `about`."""
        links = {
            link.id
            for each in entries
            for link in (each.caused_by, each.original)
            if link is not None
        }
        # An entry never goes away, and its links stay within the tenant; but who owns the server
        # may have altered any, and then there are no words for it.
        linked = entries_by_id(tenant_id, links)
        self._linked = {id_: each for id_, each in linked.items() if is_as_hashed(each)}
        all_of_them = [*entries, *effects, *self._linked.values()]
        self._people = people_in(all_of_them)
        subjects = [(each.subject_type, each.subject_id) for each in all_of_them]
        runs = [(RUN, run) for each in entries if (run := _run_of(each)) is not None]
        others = [ref for each in entries if (ref := other_in(each)) is not None]
        steps = [step for each in all_of_them if (step := step_subject(each)) is not None]
        self._subjects = describe(tenant_id, [*about, *subjects, *runs, *others, *steps])

    def row(self, entry: Entry, *, with_subject: bool) -> dict[str, Any]:
        """Return an entry as a row of audit/entries.html."""
        return {
            **self._common(entry),
            "url": entry_url(entry.id),
            "subject": self._subject(entry) if with_subject else None,
            "run": self._run(entry),
        }

    def full(
        self, entry: Entry, effects: Sequence[Entry], previous: uuid.UUID | None
    ) -> dict[str, Any]:
        """Return an entry as `entry` of audit/entry.html."""
        return {
            **self._common(entry),
            "id": entry.id,
            "sentence": self._told(entry)["label"],
            "subject": self._subject(entry),
            "subject_version": entry.subject_version,
            "kind_label": KIND_WORDS.get(entry.kind, entry.kind),
            "actor_type_label": ActorType.AGENT.label if _by_agent(entry) else "",
            "role": label_in(Role, entry.actor_role),
            "previous": {
                "hash": "" if entry.previous_hash is None else entry.previous_hash.hex(),
                "url": "" if previous is None else entry_url(previous),
            },
            "causes": [self._told(each) for each in effects],
            "correlation_id": entry.correlation_id,
            "tree_index": entry.tree_index,
            "undoing": self.undoing(entry),
            "kept": self.kept(entry),
        }

    def kept(self, entry: Entry) -> list[Kept]:
        """Return what else an entry keeps, in words."""
        return kept_in(entry, schemas_of(entry), self._subjects)

    def _run(self, entry: Entry) -> dict[str, str] | None:
        """Return the rollback that an entry is part of, unless it is about that itself."""
        run = _run_of(entry)
        if run is None or run == entry.subject_id:
            return None
        found = self._subjects[RUN, run]
        return {"label": found.title, "url": found.url or ledger_url(RUN, run)}

    def undoing(self, entry: Entry) -> list[dict[str, str]]:
        """Return what an entry says of the undoing it is part of, in words."""
        said, run = entry.compensation or {}, self._run(entry)
        facts = [] if run is None else [{"name": _("Rollback"), "value": run["label"], **run}]
        for name, label in _UNDOING.items():
            value = said.get(name)
            if value not in (None, "", []):
                facts.append({"name": str(label), "value": _worded(name, value), "url": ""})
        return facts

    def subject(self, type_: str, id_: uuid.UUID) -> dict[str, Any]:
        """Return `subject` of the templates: what entries, or the page, are about."""
        return subject_context(type_, id_, self._subjects[type_, id_])

    def _subject(self, entry: Entry) -> dict[str, Any]:
        return self.subject(entry.subject_type, entry.subject_id)

    def _common(self, entry: Entry) -> dict[str, Any]:
        words = action_words(entry.subject_type, entry.action)
        other, reason = entry.on_behalf_of_id, entry.payloads.get("reason")
        return {
            "seq": entry.subject_seq,
            "at": entry.at,
            "action_label": words.label,
            "tone": words.tone,
            "actor": shown_in(self._people, entry.actor_id) or _("somebody"),
            "on_behalf_of": shown_in(self._people, other),
            **_states(entry),
            "reason": reason if isinstance(reason, str) else "",
            "erased": bool(entry.erased),
            "erased_under": entry.receipt,
            "pruned": entry.basis == PRUNED,
            "hash": entry.hash.hex(),
            "caused_by": self.link(entry.caused_by),
            "original": self.link(entry.original),
        }

    def link(self, link: Link | None) -> dict[str, str] | None:
        """Return an entry that another one names, as a sentence that leads to it."""
        if link is None:
            return None
        found = self._linked.get(link.id)
        if found is None or found.hash != link.hash:
            label = _("an entry that is not there as it was hashed")
            return {"label": label, "url": entry_url(link.id), "hash": link.hash.hex()}
        return {**self._told(found), "hash": link.hash.hex()}

    def _told(self, entry: Entry) -> dict[str, str]:
        what, step = self._subjects[entry.subject_type, entry.subject_id].title, step_subject(entry)
        undone = "" if step is None else self._subjects[step].title
        return {
            "label": sentence(entry, what, who_of(entry.actor_id, self._people), undone),
            "url": entry_url(entry.id),
        }


def _by_agent(entry: Entry) -> bool:
    """Whether a program acted that has a name as people have; Amends is known by its own."""
    return bool(entry.actor_type == ActorType.AGENT)


def _run_of(entry: Entry) -> uuid.UUID | None:
    """Return the run that an entry names as what it is part of."""
    said = (entry.compensation or {}).get("run")
    return uuid.UUID(said) if said else None


def _worded(name: str, value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_worded(name, each) for each in value)
    if isinstance(value, dict):
        return _worded(name, value.get("code", ""))
    if name == "step_status":
        return str(state_words("step", str(value)).label)
    return str(choice_words(name, value))


def subject_context(type_: str, id_: uuid.UUID, found: Description) -> dict[str, Any]:
    """Return how a subject is called and where it is."""
    url = found.url or ledger_url(type_, id_)
    return {"label": found.title, "url": url, "type_label": subject_words(type_)}


def _states(entry: Entry) -> dict[str, Any]:
    before, after = entry.from_status, entry.to_status
    left = "" if before == after else before
    return {
        "from_label": left and state_words(entry.subject_type, left).label,
        "to_label": after and state_words(entry.subject_type, after).label,
    }


def label_in(choices: type[ActorType] | type[Role], value: str) -> str:
    """Return a choice in words; `system` is the role of nobody and is shown as nothing."""
    return str(choices(value).label) if value in choices.values else ""
