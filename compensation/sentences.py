"""Sentences about undoing: names of steps, numbers, what a plan would do, how far a run is."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Collection, Mapping
from typing import Any

from django.contrib.humanize.templatetags.humanize import apnumber
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, ngettext_lazy

from accounts.selectors import Person
from compensation.remote import remote_words
from compensation.subject import is_by_program
from compensation.words import OUTCOMES, outcome_label
from web.counts import COUNTED, shown_count
from web.labels import fault_words, label_of, program_title
from web.values import person_words

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
# How an attempt says that its undo task did not undo: its ending, and whoever ended it.
_ENDED = re.compile(r"The undo task ended ([A-Z_]+)\.(?: (.+))?\Z", re.DOTALL)
#: What is stored before the words of whoever wrote a definition that cannot say what an undo needs.
INPUT_UNKNOWN = "What its undo needs is not said rightly by the definition:"


def title_of(name: str) -> str:
    """Return a step's name as people read it: `credit-check` is "Credit check", a title stays."""
    return label_of(name) if _NAME.fullmatch(name) else name


def step_title(step: Any) -> str:
    """Return what the work of a step is called; what a program did by the program's title."""
    name = str(step.original_name)
    return program_title(name) if is_by_program(step.original_type) else title_of(name)


def undo_words(n: int) -> str:
    """Return what is typed to confirm the undo of so many steps of what has no number."""
    return ngettext("undo %(n)d", "undo %(n)d", n) % {"n": n}


def sentence(text: str) -> str:
    """Return a text with a capital letter first; markup stays what it is."""
    told = text[:1].upper() + text[1:]
    return SafeString(told) if isinstance(text, SafeString) else told


def humane(text: str) -> str:
    """Return a stored sentence with its outcomes in words; of an undo task how it ended and what
    was said, as one would tell it."""
    if INPUT_UNKNOWN in text:
        return _("What its undo needs is not said rightly by the definition.")
    text = fault_words(_ENDED.sub(_ended, remote_words(text)))
    for code in OUTCOMES:
        text = text.replace(code, outcome_label(code).lower())
    return text


def exclusion_words(excluded: Mapping[str, Any]) -> str:
    """Return why a plan leaves something out, in the reader's language and time zone."""
    if until := excluded.get("until"):
        return too_late_words(dt.datetime.fromisoformat(until))
    return _(excluded["detail"])


def too_late_words(until: dt.datetime) -> str:
    """Return until when something could be undone, in the reader's language and time zone."""
    local = timezone.localtime(until)
    moment = f"{date_format(local, 'j F Y, H:i')} {local.tzname()}"
    return _("It could be undone until %(moment)s.") % {"moment": moment}


def technical_of(text: str) -> str:
    """Return a stored sentence whose words are those of a definition's author; "" for others."""
    return text if INPUT_UNKNOWN in text else ""


def quoted(text: str) -> str:
    """Return somebody's own words, marked as such."""
    return _("“%(words)s”") % {"words": text}


#: What was said of a step of a plan, by kind.
_EXCEPTIONS = {"waived": gettext_lazy("May stay"), "overridden": gettext_lazy("After its time")}


def exceptions_shown(run: Any) -> list[dict[str, str]]:
    """Return `exceptions` of a rollback's panel: what was said of single steps, and why."""
    return [
        {
            "label": str(_EXCEPTIONS[each["kind"]]),
            "title": title_of(each["step"]),
            "reason": quoted(each["reason"]),
        }
        for each in run.exceptions
    ]


def _ended(found: re.Match[str]) -> str:
    label, said = outcome_label(found[1]), found[2]
    return f"{label}: {quoted(said)}" if said else label


def few(n: int) -> str:
    """Return a number below ten as a word, others in digits."""
    return str(apnumber(n))


def few_or_more(n: int) -> str:
    """Return what was counted up to a bound."""
    return few(n) if n < COUNTED else shown_count(n)


def _counted(text: Any, count: int) -> str:
    """Return a text chosen by a number, in which the number is a word if it is small."""
    return str(text % {"count": count, "n": few(count)})


_REVERSED = ngettext_lazy(
    "%(n)s step is reversed.", "%(n)s steps are reversed, last finished first.", "count"
)
#: What is said of a plan's exclusions, by their group; of other groups nothing.
LEFT_OUT = {
    "cannot": ngettext_lazy(
        "%(n)s thing cannot be undone.", "%(n)s things cannot be undone.", "count"
    ),
    "undecided": ngettext_lazy(
        "%(n)s stays unless you say otherwise.", "%(n)s stay unless you say otherwise.", "count"
    ),
    "kept": ngettext_lazy("%(n)s stays, by your choice.", "%(n)s stay, by your choice.", "count"),
}


def plan_summary(human: int, automated: int, left_out: Mapping[str, int]) -> str:
    """Return what a plan would do: "Four steps are reversed, last finished first. …"."""
    total = human + automated
    parts = [_counted(_REVERSED, total) if total else _("Nothing is reversed.")]
    if human and automated:
        parts.append(
            _("%(human)s by people, %(automated)s automatically.")
            % {"human": sentence(few(human)), "automated": few(automated)}
        )
    elif human:
        parts.append(ngettext("By a person.", "All by people.", human))
    elif automated:
        parts.append(ngettext("Automatically.", "All automatically.", automated))
    parts += [_counted(text, left_out[name]) for name, text in LEFT_OUT.items() if left_out[name]]
    return " ".join(sentence(part) for part in parts)


_PROGRAMS = ngettext_lazy("%(n)s program runs.", "%(n)s programs run.", "count")
_TASKS = ngettext_lazy(
    "%(n)s person or group gets an undo task.",
    "%(n)s undo tasks are handed out, one after the other.",
    "count",
)
_CANCELLED = ngettext_lazy(
    "%(n)s open piece of work is cancelled.", "%(n)s open pieces of work are cancelled.", "count"
)


def consequence(human: int, automated: int, cancelled: int) -> str:
    """Return what happens when a plan is executed, as sentences."""
    counts = ((_PROGRAMS, automated), (_TASKS, human), (_CANCELLED, cancelled))
    parts = [_counted(text, n) for text, n in counts if n]
    if human or automated:
        parts.append(_("Those who did the work and those who undo it are told."))
    return " ".join(sentence(part) for part in parts)


_FAILED = ngettext_lazy(
    "%(n)s failed and waits for a decision", "%(n)s failed and wait for a decision", "count"
)
_GIVEN_UP = ngettext_lazy("%(n)s stays as it is", "%(n)s stay as they are", "count")
_WAITING = ngettext_lazy("%(n)s is under way", "%(n)s are under way", "count")
_REMAINING = ngettext_lazy("%(n)s has not started", "%(n)s have not started", "count")


def _progress_words(progress: Any, *, paused: bool) -> str:
    """Return how far a run is: "2 of 4 steps undone. One failed and waits for a decision; …"."""
    if not progress.total:
        return _("There was no step to undo.")
    text = ngettext(
        "%(done)d of %(n)d step undone.", "%(done)d of %(n)d steps undone.", progress.total
    ) % {"done": progress.done, "n": progress.total}
    counts = (
        (_FAILED, progress.failed - progress.given_up), (_GIVEN_UP, progress.given_up),
        (_WAITING, progress.waiting), (_REMAINING, progress.remaining),
    )  # fmt: skip
    rest = "; ".join(_counted(words, n) for words, n in counts if n)
    if rest:
        text += " " + sentence(rest) + "."
    if paused:
        text += " " + _("It is paused.")
    return text


_NEVER_BEGAN = {
    "PENDING_APPROVAL": gettext_lazy("It waits for approval. Nothing is undone before that."),
    "REJECTED": gettext_lazy("It was refused. Nothing was undone."),
    "EXPIRED": gettext_lazy("Nobody agreed in time. Nothing was undone."),
    "SUPERSEDED": gettext_lazy("Something has changed since it was asked for. Nothing was undone."),
    "CANCELLED": gettext_lazy("It was called off. Nothing was undone."),
}


def ended_words(status: str, progress: Any) -> str:
    """Return how a run ended, or how far it is."""
    if status in _NEVER_BEGAN:
        return str(_NEVER_BEGAN[status])
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
    return _progress_words(progress, paused=status == "PAUSED")


def joined(names: Collection[str]) -> str:
    """Return names as one text: "Surveyors, compliance"."""
    return ", ".join(label_of(name) for name in names)


def shown_in(named: Mapping[uuid.UUID, Person], actor_id: uuid.UUID | None) -> SafeString:
    """Return somebody's name as pages show it, the username on hover; nothing for nobody."""
    person = named.get(actor_id) if actor_id else None
    return SafeString() if person is None else person_words(person)


def asked_of(
    called: Mapping[str, Person], groups: Collection[str], users: Collection[str]
) -> SafeString:
    """Return who is asked, groups first: people by name; whom nobody knows, as it was written."""
    known = [person_words(called[each]) if each in called else each for each in users]
    listed = [each for each in (joined(groups), *known) if each]
    return format_html_join(", ", "{}", ((each,) for each in listed))


def name_in(named: Mapping[uuid.UUID, Person], actor_id: uuid.UUID | None) -> str:
    """Return somebody's name, "" for nobody."""
    person = named.get(actor_id) if actor_id else None
    return "" if person is None else person.name
