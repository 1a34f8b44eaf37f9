"""What each way to decide about a step of a rollback does, and which one is suggested. Reads
nothing: all of it is told from the step, its attempts, and the steps that come after it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from compensation.lifecycle import DONE_STEPS, LEAVES_PART, AttemptOutcome, RunStatus, StepStatus
from compensation.selectors import StepWithAttempts
from compensation.sentences import few, step_title
from compensation.subject import is_by_program

#: In this order they stand on the page, after the one that is suggested.
ORDER = ("retry", "reassign", "hand-to-human", "attest", "abandon")


def headline(step: Any) -> str:
    """Return what the page of a step is about, as a sentence."""
    title = step_title(step)
    if step.status == StepStatus.FAILED:
        return _("%(what)s could not be undone") % {"what": title}
    if step.status in DONE_STEPS:
        return _("%(what)s is undone") % {"what": title}
    if step.status == StepStatus.ABANDONED:
        return _("%(what)s stays") % {"what": title}
    if step.status == StepStatus.PLANNED:
        return _("%(what)s is not undone yet") % {"what": title}
    return _("%(what)s is being undone") % {"what": title}


@dataclasses.dataclass(frozen=True, slots=True)
class DecisionWords:
    """A step that failed, `at` its place among the steps; `answered`: who could not undo it, by
    name, and how that person's answer is called; "" where nobody answered. `stays`: the rollback
    leaves something as it is, whatever becomes of its steps."""

    steps: Sequence[StepWithAttempts]
    at: int
    answered: tuple[str, str]
    stays: bool = False

    @property
    def _tried(self) -> Sequence[Any]:
        return self.steps[self.at].attempts

    @property
    def _by_program(self) -> bool:
        return is_by_program(self.steps[self.at].step.compensation_type)

    @property
    def suggestion(self) -> tuple[str, str]:
        """The answer that is likely the right one, and why."""
        if not self._tried:
            return "retry", _("nothing was tried yet")
        if self._tried[-1].outcome == AttemptOutcome.UNCERTAIN:
            return "hand-to-human", _("a person can find out whether it happened")
        if self._by_program:
            tries = ngettext("it failed once", "it failed %(n)s times", len(self._tried))
            return "hand-to-human", tries % {"n": few(len(self._tried))}
        who, answer = self.answered
        if not who:
            return "retry", _("nobody has said that it cannot be done")
        said = {"who": who, "answer": answer}
        return "reassign", _("%(who)s answered “%(answer)s”; others may know a way") % said

    def does(self, action: str) -> str:
        """Return what happens when it is decided so, in a sentence or two."""
        again = _("The program runs once more.")
        if not self._by_program and self._tried:
            again = _("The same task is handed out again, to whom it was meant for before.")
        first = {
            "retry": again,
            "reassign": _("Another person or group gets the task."),
            "hand-to-human": _("A person gets it as a task, instead of the program."),
            "attest": _("You vouch that it is undone, and say what shows it."),
            "abandon": _("What was done stays, with your reason beside it."),
        }[action]
        return f"{first} {self._then(waits=action not in {'attest', 'abandon'})}"

    def ends(self, action: str) -> str:
        """Return how the rollback ends if all else goes well; "" where that depends on more."""
        if action == "abandon":
            return RunStatus.PARTIAL
        partly = self.stays or any(each.step.status in LEAVES_PART for each in self.steps)
        return (RunStatus.PARTIAL if partly else RunStatus.COMPLETED) if action == "attest" else ""

    def _then(self, *, waits: bool) -> str:
        later = [each.step for each in self.steps if each.step.status == StepStatus.PLANNED]
        if not later:
            return _("The rollback waits for that.") if waits else _("Then the rollback ends.")
        what = {"what": step_title(later[0])}
        if waits:
            return _("%(what)s waits until that is done.") % what
        return _("Then %(what)s is undone.") % what


def arranged(choices: Sequence[dict[str, Any]], words: DecisionWords) -> list[dict[str, Any]]:
    """Return the choices with what each does; first, and open, the one that is suggested."""
    allowed = {each["action"] for each in choices if each["allowed"]}
    action, why = words.suggestion
    if action not in allowed:
        action = why = ""
    open_ = any(each["open"] for each in choices)
    told = [
        {
            **each,
            "hint": words.does(each["action"]) if each["action"] in ORDER else each["hint"],
            "ends": words.ends(each["action"]),
            "suggested": why if each["action"] == action else "",
            "open": each["open"] or (each["action"] == action and not open_),
        }
        for each in choices
    ]
    places = {name: at for at, name in enumerate(ORDER)}
    return sorted(told, key=lambda each: (not each["suggested"], places.get(each["action"], 9)))
