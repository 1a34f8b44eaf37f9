"""Sentences for what cases name by constants: steps, alternatives, denials, progress. No reads."""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection
from typing import Any

from django.contrib.humanize.templatetags.humanize import apnumber
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from web.templatetags.amends import label_of
from workitems.words import OUTCOMES, outcome_label

Text = str | Promise
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")

DENIED: dict[str, Text] = {
    "not_operator": gettext_lazy("only an operator may"),
    "run_live": gettext_lazy("a rollback is under way"),
    "wrong_state": gettext_lazy("not in its present state"),
    "undo_not_begun": gettext_lazy("its undo could not even begin; try again or give it up"),
}
ALTERNATIVES: dict[str, Text] = {
    "correct": gettext_lazy("Correct it instead"),
    "undo_item": gettext_lazy("Undo that task by itself"),
    "accept": gettext_lazy("Let it stand"),
    "include": gettext_lazy("Add it as a task for a person"),
    "scope_from_step": gettext_lazy("Undo everything after it too"),
    "wait": gettext_lazy("Wait for its result"),
    "nothing_to_do": gettext_lazy("Nothing to do"),
    "cancel_if_open": gettext_lazy("Open work is cancelled"),
}
STRATEGIES: dict[str, Text] = {
    "restore": gettext_lazy("restore"),
    "correct": gettext_lazy("correct"),
}
# What a rollback leaves standing that somebody may want gone.
CANNOT = frozenset(
    {
        "irreversible",
        "pivot",
        "window_closed",
        "no_compensation_declared",
        "erased",
        "other_tenant",
        "dependents_remain",
    }
)


def title_of(name: str) -> str:
    """Return a step's name as people read it: `credit-check` is "Credit check", a title stays."""
    return label_of(name) if _NAME.fullmatch(name) else name


def number_of(subject_id: uuid.UUID) -> str:
    """Return the short number by which people tell two cases apart: the end of the id."""
    return str(subject_id)[-6:]


def said(words: dict[str, Text], code: str) -> str:
    """Return the words for a code; an unknown one reads as itself, in words."""
    return str(words.get(code) or label_of(code))


def sentence(text: str) -> str:
    """Return a text with a capital letter first."""
    return text[:1].upper() + text[1:]


def humane(text: str) -> str:
    """Return a stored sentence with its outcomes in words."""
    for code in OUTCOMES:
        text = text.replace(code, outcome_label(code).lower())
    return text


def few(n: int) -> str:
    """Return a number below ten as a word, others in digits."""
    return str(apnumber(n))


def plan_summary(human: int, automated: int, cannot: int) -> str:
    """Return what a plan would do: "Four steps are reversed, last finished first. …"."""
    total = human + automated
    if not total:
        said_first = _("Nothing is reversed.")
    else:
        said_first = ngettext(
            "%(n)s step is reversed.", "%(n)s steps are reversed, last finished first.", total
        ) % {"n": few(total)}
    parts = [sentence(said_first)]
    if human and automated:
        parts.append(
            sentence(_("%(human)s by people, %(automated)s automatically."))
            % {"human": sentence(few(human)), "automated": few(automated)}
        )
    elif human:
        parts.append(ngettext("By a person.", "All by people.", human))
    elif automated:
        parts.append(ngettext("Automatically.", "All automatically.", automated))
    if cannot:
        text = ngettext(
            "%(n)s thing cannot be undone.", "%(n)s things cannot be undone.", cannot
        ) % {"n": few(cannot)}
        parts.append(sentence(text))
    return " ".join(parts)


def consequence(human: int, automated: int, cancelled: int) -> str:
    """Return what happens when a plan is executed, as sentences."""
    parts = []
    if automated:
        parts.append(
            ngettext("%(n)s program runs.", "%(n)s programs run.", automated)
            % {"n": few(automated)}
        )
    if human:
        parts.append(
            ngettext(
                "%(n)s person or group gets an undo task.",
                "%(n)s undo tasks are handed out, one after the other.",
                human,
            )
            % {"n": few(human)}
        )
    if cancelled:
        parts.append(
            ngettext(
                "%(n)s open piece of work is cancelled.",
                "%(n)s open pieces of work are cancelled.",
                cancelled,
            )
            % {"n": few(cancelled)}
        )
    if human or automated:
        parts.append(_("Those who did the work and those who undo it are told."))
    return " ".join(sentence(part) for part in parts)


def progress_words(progress: Any, *, paused: bool = False) -> str:
    """Return how far a run is: "2 of 4 steps undone. One failed and waits for a decision; …"."""
    if not progress.total:
        return _("There was no step to undo.")
    text = ngettext(
        "%(done)d of %(n)d step undone.", "%(done)d of %(n)d steps undone.", progress.total
    ) % {"done": progress.done, "n": progress.total}
    rest = []
    if progress.failed:
        rest.append(
            ngettext(
                "%(n)s failed and waits for a decision",
                "%(n)s failed and wait for a decision",
                progress.failed,
            )
            % {"n": few(progress.failed)}
        )
    if progress.waiting:
        rest.append(
            ngettext("%(n)s is under way", "%(n)s are under way", progress.waiting)
            % {"n": few(progress.waiting)}
        )
    if progress.remaining:
        rest.append(
            ngettext("%(n)s has not started", "%(n)s have not started", progress.remaining)
            % {"n": few(progress.remaining)}
        )
    if rest:
        text += " " + sentence("; ".join(rest)) + "."
    if paused:
        text += " " + _("It is paused.")
    return text


def ended_words(status: str, progress: Any) -> str:
    """Return how a run ended, or how far it is."""
    if status == "COMPLETED":
        return _("Everything in its scope is undone.") if progress.total else _("It is over.")
    if status == "PARTIAL":
        stays = progress.total - progress.done
        if not stays:
            return _("All its steps are undone; what could not be undone stays.")
        return _("%(done)d of %(total)d steps undone; the rest stays.") % {
            "done": progress.done,
            "total": progress.total,
        }
    return progress_words(progress, paused=status == "PAUSED")


def joined(names: Collection[str]) -> str:
    """Return names as one text: "Surveyors, compliance"."""
    return ", ".join(label_of(name) for name in names)
