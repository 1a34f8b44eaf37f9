"""The steps of a plan as rows of its preview: what was done, when and by whom, what becomes of it,
and who undoes it. Told from stored rows alone: nothing is guessed. Reads nothing."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compensation.plan import undos_in
from compensation.plan_context import PlanContext, described_in, titled
from compensation.sentences import joined, name_in, quoted, title_of, too_late_words
from compensation.subject import is_by_program, undoable
from compensation.usual_times import usual_words
from compensation.words import STRATEGY_BADGES, outcome_label
from ledger.clock import now
from web.labels import program_title
from web.templatetags.amends import span_words
from web.values import kind_of, members_of, value_words

#: So many values say what a step did; its own page has them all.
LINES = 3
#: So many of those who hear of it are named.
NAMED = 12
_BECOMES = {
    ("human", "restore"): gettext_lazy("will no longer stand"),
    ("automated", "restore"): gettext_lazy("will be taken back"),
}
_CORRECTED = gettext_lazy("stays, with a correction")
_AS_IF = gettext_lazy("will be taken back, if it happened")


def steps(context: PlanContext) -> list[dict[str, Any]]:
    """Return the plan's steps in the order of undoing. Each waits for all before it, but for those
    it is `beside`."""
    # Those that wait for the same ones are undone at the same time.
    at_once: dict[tuple[int, ...], list[int]] = {}
    planned = context.plan.content["steps"]
    for step in planned:
        at_once.setdefault(tuple(step["depends_on"]), []).append(step["n"])
    return [
        shown | {"beside": _beside(at_once[tuple(step["depends_on"])], step["n"])}
        for step in planned
        for shown in _with_below(context, step, str(step["n"]))
    ]


def _with_below(
    context: PlanContext, step: Mapping[str, Any], number: str
) -> Iterator[dict[str, Any]]:
    """Yield a step, and of a case below what its own rollback undoes, numbered 2.1, 2.2, …"""
    yield _step(context, step) | {"n": number}
    for inner in (step.get("nested") or {"steps": ()})["steps"]:
        yield from _with_below(context, inner, f"{number}.{inner['n']}")


def _step(context: PlanContext, step: Mapping[str, Any]) -> dict[str, Any]:
    nested = bool(step.get("nested"))
    by = _("Person") if step["mode"] == "human" else _("Automatic")
    # What is simply taken back needs no word.
    how = str(STRATEGY_BADGES.get(step["strategy"], ""))
    row = context.rows.get(uuid.UUID(step["original"]["id"]))
    return {
        "n": step["n"],
        "title": titled(context, step["original"]),
        "url": described_in(context, step["original"]).url,
        "detail": _finished(context, step),
        "late": _after_its_time(step),
        "did": [] if row is None else list(_did(context, row))[:LINES],
        "becomes": "" if row is None else str(_becomes(step, row)),
        "mode": step["mode"],
        "how": _("Its own rollback") if nested else f"{by} · {how}" if how else by,
        "performer": "" if nested else _performer(context, step),
        "usual": usual_words(context.usual, step["original"]["name"], step["mode"]),
        "moved": step["original"]["id"] in context.moved,
    }


def _after_its_time(step: Mapping[str, Any]) -> str:
    """Return why a step is undone although its time is over, where somebody said so."""
    said = step.get("window_overridden")
    if not said:
        return ""
    until = too_late_words(dt.datetime.fromisoformat(said["until"]))
    return _("%(until)s It is undone all the same: %(why)s") % {
        "until": until, "why": quoted(said["reason"]),
    }  # fmt: skip


def _did(context: PlanContext, row: Any) -> Iterator[dict[str, Any]]:
    """Yield the values that say what a piece of work did: `label`, `now`, and `was` of a change."""
    subject = undoable(row.subject_type)
    done, schema = subject.snapshot(row), subject.result_schema(row)
    if done.get("outcome"):
        label = done.get("outcome_label") or outcome_label(done["outcome"])
        yield {"label": _("Outcome"), "was": "", "now": label}
    before, after = done.get("before"), done.get("after")
    if isinstance(before, dict) and isinstance(after, dict):
        for name, label, value, own in members_of(after, subject.declares(row).get("after")):
            if name in before and before[name] != value and not _is_nested(value):
                yield {
                    "label": label,
                    "was": value_words(before[name], own, context.reader, name),
                    "now": value_words(value, own, context.reader, name),
                }
        return
    result = done.get("resolution") or done.get("output")
    if isinstance(result, dict):
        for name, label, value, own in members_of(result, schema):
            if not _is_nested(value):
                words = value_words(value, own, context.reader, name)
                yield {"label": label, "was": "", "now": words}


def _is_nested(value: Any) -> bool:
    """Whether a value is more, or less, than one word for a line."""
    return kind_of(value) in {"map", "list", "empty"}


def _becomes(step: Mapping[str, Any], row: Any) -> Any:
    if undoable(row.subject_type).unsure(row):
        return _AS_IF
    return _BECOMES.get((step["mode"], step["strategy"]), _CORRECTED)


def _finished(context: PlanContext, step: Mapping[str, Any]) -> str:
    if not step["completed_at"]:
        return ""
    at = dt.datetime.fromisoformat(step["completed_at"])
    said = {"moment": date_format(timezone.localtime(at), "j F H:i"), "age": _age(at)}
    if step.get("nested"):
        return _("Finished %(moment)s%(age)s") % said
    if is_by_program(step["original"]["type"]):
        return _("Finished %(moment)s, automatically%(age)s") % said
    who = _name(context, step["completed_by"])
    if not who:
        return _("Finished %(moment)s%(age)s") % said
    return _("Finished %(moment)s by %(who)s%(age)s") % {**said, "who": who}


def _age(at: dt.datetime) -> str:
    """Return how old something is, where that is a day or more."""
    age = now() - at
    return _(", %(span)s ago") % {"span": span_words(age)} if age >= dt.timedelta(days=1) else ""


def _performer(context: PlanContext, step: Mapping[str, Any]) -> str:
    if step["mode"] == "automated":
        binding = step.get("binding")
        return title_of(binding) if binding else program_title(step["capability"])
    known = context.reader.people
    users = [
        known[each].name if each in known else each for each in step.get("candidate_users", ())
    ]
    groups = ", ".join(each for each in (joined(step["candidate_groups"]), *users) if each)
    who = _name(context, step["completed_by"])
    if step["performer"] == "original_actor":
        return who or groups or _("an operator")
    if step["performer"] == "not_original_actor":
        anyone = groups or _("anybody")
        return _("%(anyone)s, but not %(who)s") % {"anyone": anyone, "who": who} if who else anyone
    return groups or _("an operator")


def _name(context: PlanContext, actor_id: str | None) -> str:
    return name_in(context.named, uuid.UUID(actor_id) if actor_id else None)


def hearers(context: PlanContext) -> list[dict[str, str]]:
    """Return who hears of it, by name: who is asked to undo, and who is told that theirs was."""
    steps_ = undos_in(context.plan.content)
    asked = dict.fromkeys(_performer(context, step) for step in steps_ if step["mode"] == "human")
    told = dict.fromkeys(
        who
        for step in steps_
        if not is_by_program(step["original"]["type"])
        and (who := _name(context, step["completed_by"]))
    )
    return [
        {"label": label, "names": _first(list(names))}
        for label, names in ((_("Get a task"), asked), (_("Told when it is over"), told))
        if names
    ]


def _beside(numbers: list[int], n: int) -> str:
    """Return which steps are undone at the same time as one of them: the first, and how many."""
    others = [str(each) for each in numbers[: NAMED + 1] if each != n]
    return _first(others[:NAMED], len(numbers) - 1)


def _first(names: list[str], of: int = 0) -> str:
    """Return the first names, and how many more there are, `of` so many or of these."""
    more = (of or len(names)) - NAMED
    text = ", ".join(names[:NAMED])
    return _("%(names)s and %(n)d more") % {"names": text, "n": more} if more > 0 else text
