"""Which outcomes of an item can be given at this moment, as far as that is known before an answer.

A condition that rests on the item and its case alone has an answer already; of the others, and of
those that say more than plain comparisons of what is there, only the answer tells. What is shown is
no promise: whoever completes the item is asked anew (`outcome_conditions`). A reader locks nothing,
and what is asked here has no loops, so that nobody waits for it.
"""

from __future__ import annotations

import dataclasses
import re

from django.utils.translation import gettext as _

from json_values.jq.evaluation import ExpressionFailed, evaluate_many, is_true
from workitems.condition_words import words_of
from workitems.lifecycle import OPEN
from workitems.models import WorkItem
from workitems.outcome_conditions import questions_of

_TEXT = re.compile(r'"[^"\\]*"')
_PATH = re.compile(r"\.(?:payload|case)\b(?:\.[A-Za-z_]\w*)*(?![\w.\[?])")
_NUMBER = re.compile(r"\b\d+(?:\.\d+)?\b")
_FUNCTION = re.compile(r"\|\s*(?:length|not|tostring|tonumber|type|keys|floor)\b")
# No `*`: it repeats a text as often as is said.
_PLAIN = re.compile(r"(?:[\s()<>=!+-]|\b(?:and|or|null|true|false)\b)*")


@dataclasses.dataclass(frozen=True, slots=True)
class Standing:
    """Whether an outcome can be given now (None: only an answer tells), why, and its condition."""

    allowed: bool | None
    reason: str
    when: str


def standings(item: WorkItem) -> dict[str, Standing]:
    """Return how the outcomes of an open item stand that have a condition, by their names.

    Runs in the tenant's scope; no row may be locked.
    """
    rules = {
        name: each["when"]
        for name in item.permitted_outcomes
        if (each := item.outcome_rules.get(name, {})).get("when")
    }
    if not rules or item.status not in OPEN:
        return {}
    beforehand = [name for name, when in rules.items() if is_known_before(when)]
    questions = questions_of(item, beforehand, None)
    known = dict(zip(questions, evaluate_many(list(questions.values())), strict=True))
    return {
        name: _standing(when, known[name]) if name in known else _open_standing(when)
        for name, when in rules.items()
    }


def rest_on_the_case(item: WorkItem) -> bool:
    """Whether how its outcomes stand changes with its case, and not with its version alone."""
    return (
        item.case_id is not None
        and item.status in OPEN
        and any(".case" in (each.get("when") or "") for each in item.outcome_rules.values())
    )


def is_known_before(when: str) -> bool:
    """Whether a condition rests on what an item and its case say, and on no answer."""
    rest = _PATH.sub(" ", _TEXT.sub(" ", when))
    return _PLAIN.fullmatch(_NUMBER.sub(" ", _FUNCTION.sub(" ", rest))) is not None


def _standing(when: str, result: object) -> Standing:
    said = words_of(when)
    try:
        holds = is_true(result)
    except ExpressionFailed as failed:
        if failed.code == "unavailable":
            return _open_standing(when)
        told = _("Cannot be given now: what it depends on cannot be told.")
        return Standing(allowed=False, reason=told, when=when)
    if holds:
        told = _("Can be given, because %(condition)s.") if said else _("Its condition is met.")
    elif said:
        told = _("Cannot be given now: only where %(condition)s.")
    else:
        told = _("Cannot be given now: its condition is not met.")
    return Standing(allowed=holds, reason=told % {"condition": said}, when=when)


def _open_standing(when: str) -> Standing:
    said = words_of(when)
    told = _("Only where %(condition)s. That is looked at when you answer.")
    if not said:
        told = _("Only under a condition, which is looked at when you answer.")
    return Standing(allowed=None, reason=told % {"condition": said}, when=when)
