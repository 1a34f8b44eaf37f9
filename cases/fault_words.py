"""Why a case failed, as people read it: the step by its title, and a sentence in their language.

What is stored names the binding, and quotes its expression or what a program said. That is for
whoever wrote the definition, and stands folded beneath.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cases.lifecycle import PlanItemStatus
from compensation.sentences import quoted, title_of
from verbs.words import Text
from web.labels import fault_words

#: What the engine stores where it has words of its own.
FAILURE_GOAL = "A failure goal was reached."
TOO_LATE = "Not reached in time: "
UNDONE_IN_DOUBT = "It was undone before anybody knew whether it had happened."

_STEP = re.compile(r"([a-z0-9][a-z0-9._-]*): (.+)\Z", re.DOTALL)
_ENDED = re.compile(r"([a-z]+)(?:, (.+))?\Z", re.DOTALL)
#: What keeps a step from beginning, by what its stored words hold; else it could not begin.
_TROUBLES: Mapping[str, Text] = {
    " (in: FAIL)": gettext_lazy(
        "%(step)s says something else than what came in while it was open."
    ),
    " (in: ": gettext_lazy("%(step)s stands still: its definition cannot use what the case knows."),
    "has fired ": gettext_lazy("%(step)s has started too often."),
    "": gettext_lazy("%(step)s could not begin."),
}
#: How a step ended that was to be done and was not, by the status of its plan item.
_ENDINGS: Mapping[str, Text] = {
    PlanItemStatus.FAULTED.lower(): gettext_lazy("%(step)s failed"),
    PlanItemStatus.REJECTED.lower(): gettext_lazy("%(step)s was rejected"),
    PlanItemStatus.CANCELLED.lower(): gettext_lazy("%(step)s was cancelled"),
}


class Told(NamedTuple):
    """A sentence for everybody, and what it leaves out, word for word; "" where that is nothing."""

    sentence: str
    technical: str = ""


def why_it_failed(stored: str) -> Told:
    """Return why a case failed, as it is told."""
    if stored == FAILURE_GOAL:
        return Told(_("It has come to one of the ends that its definition calls a failure."))
    if stored.startswith(TOO_LATE):
        name = quoted(title_of(stored.removeprefix(TOO_LATE)))
        return Told(_("%(name)s was not reached in time.") % {"name": name})
    found = _STEP.match(stored)
    if found is None:
        return Told(_("Its definition cannot tell whether it has ended."), stored)
    name, said = found.groups()
    step = {"step": quoted(title_of(name))}
    ended = _ENDED.match(said)
    if ended is not None and ended[1] in _ENDINGS:
        words = _ENDINGS[ended[1]] % step
        shown = fault_words(ended[2] or "")
        technical = "" if shown == (ended[2] or "") else stored
        return Told(f"{words}: {quoted(shown)}" if shown else f"{words}.", technical)
    if said == UNDONE_IN_DOUBT:
        return Told(_("%(step)s was undone before anybody knew whether it had happened.") % step)
    words = next(words for part, words in _TROUBLES.items() if part in said)
    return Told(words % step, stored)


def fault_sentence(stored: str) -> str:
    """Return why a case failed, in words; of what its definition cannot do, only that."""
    return why_it_failed(stored).sentence


def of_step(binding: str, error: str) -> Told:
    """Return why one step failed, from what is stored with it."""
    named = f"{binding}: "
    return why_it_failed(error if error.startswith(named) else named + error)
