"""A rollback as people read it: how far it is, what waits for whom, what needs a decision.

Runs in the tenant's scope; the number of queries does not depend on the number of steps.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.acting import Authority
from accounts.selectors import Person, people
from cases.lifecycle import StepStatus
from cases.models import CompensationRun
from cases.originals import read_many
from cases.permissions import run_actions
from cases.selectors import ShownRun, ShownStep
from cases.words import ended_words, humane, joined, title_of
from compensation.lifecycle import AttemptOutcome
from web.describers import Description, Subject, describe
from workitems.words import basis_words, outcome_label

_TONES = {
    AttemptOutcome.OPEN: "undo",
    AttemptOutcome.DONE: "done",
    AttemptOutcome.ATTESTED: "done",
}


@dataclasses.dataclass(frozen=True, slots=True)
class RunShown:
    """A run with all its page says. `undos`: the tasks and executions that do the undoing."""

    shown: ShownRun
    described: Mapping[Subject, Description]
    named: Mapping[uuid.UUID, Person]
    undos: Mapping[uuid.UUID, Any]
    operates: bool

    @property
    def about(self) -> Subject:
        """Type and id of what the run is about."""
        return about_of(self.shown.run)

    @property
    def subject(self) -> Description:
        """What the run is about."""
        return self.described[self.about]

    @property
    def headline(self) -> str:
        """How far it is, or how it ended, as a sentence."""
        return ended_words(str(self.shown.run.status), self.shown.progress)

    def panel(self, buttons: list[dict[str, Any]]) -> dict[str, Any]:
        """Return `run` of `cases/run_panel.html`."""
        run = self.shown.run
        return {
            "id": run.id,
            "url": reverse("cases:run", args=[run.id]),
            "status": run.status,
            "version": run.version,
            "headline": self.headline,
            "requested_by": self._name(run.requested_by_id),
            "requested_at": run.started_at,
            "reason": run.reason,
            "basis": basis_words(run.regulatory_basis),
            "approvals": [],
            "progress": self.shown.progress,
            "steps": [self._step(at) for at in range(len(self.shown.steps))],
            "actions": buttons,
        }

    def _step(self, at: int) -> dict[str, Any]:
        each = self.shown.steps[at]
        step = each.step
        original = self.described.get((step.original_type, step.original_id))
        failed = step.status == StepStatus.FAILED
        return {
            "n": step.n,
            "title": title_of(step.original_name),
            "url": original.url if original else "",
            "status": self._status(step),
            "detail": self._detail(at),
            "who": self._who(each),
            "attempts": len(each.attempts),
            "compensation": self._link(step),
            "decide_url": reverse("cases:run-step", args=[step.run_id, step.n])
            if failed and self.operates
            else "",
        }

    def _status(self, step: Any) -> str:
        """Return the step's status; one that a person has yet to do waits for that person."""
        human = step.compensation_type == "work_item"
        if step.status == StepStatus.RUNNING and human:
            return str(StepStatus.WAITING)
        return str(step.status)

    def _detail(self, at: int) -> str:
        each = self.shown.steps[at]
        step, undo = each.step, self.undos.get(each.step.compensation_id or uuid.UUID(int=0))
        if step.status in {StepStatus.FAILED, StepStatus.BLOCKED, StepStatus.ABANDONED}:
            return humane(step.error) or (
                _("Its effect stays.") if step.status == "ABANDONED" else ""
            )
        if step.status == StepStatus.DONE:
            return self._done(step, undo)
        if step.status == StepStatus.RESOLVED:
            return _("Somebody attested that it is undone.")
        if step.status == StepStatus.SKIPPED:
            return _("It was undone already.")
        if step.status == StepStatus.PLANNED:
            return self._planned(at)
        return _("Attempt %(n)d") % {"n": len(each.attempts)} if len(each.attempts) > 1 else ""

    def _done(self, step: Any, undo: Any) -> str:
        moment = date_format(timezone.localtime(step.ended_at), "j F H:i") if step.ended_at else ""
        if step.compensation_type == "execution":
            return _("Reversed automatically, %(moment)s") % {"moment": moment}
        outcome = outcome_label(getattr(undo, "outcome", "") or "REVERSED")
        who = self._name(getattr(undo, "completed_by_id", None))
        if not who:
            return f"{outcome}, {moment}"
        return _("%(outcome)s by %(who)s, %(moment)s") % {
            "outcome": outcome, "who": who, "moment": moment,
        }  # fmt: skip

    def _planned(self, at: int) -> str:
        before = [each.step for each in self.shown.steps[:at]]
        failed = [step for step in before if step.status == StepStatus.FAILED]
        if failed:
            title = title_of(failed[0].original_name)
            return _("Starts when %(what)s is decided") % {"what": title}
        if before and before[-1].status in {StepStatus.RUNNING, StepStatus.PLANNED}:
            title = title_of(before[-1].original_name)
            return _("Starts when %(what)s is undone") % {"what": title}
        return ""

    def _who(self, each: ShownStep) -> str:
        step = each.step
        undo = self.undos.get(step.compensation_id or uuid.UUID(int=0))
        if step.compensation_type == "execution" or (undo is None and step.mode == "automated"):
            return _("Automatic")
        if undo is None:
            return joined(step.spec.get("candidate_groups", ())) or _("By a person")
        actor = undo.completed_by_id or undo.assignee_id
        if actor is not None:
            return self._name(actor)
        return joined(sorted(group.name for group in undo.candidate_groups.all()))

    def _link(self, step: Any) -> dict[str, str] | None:
        found = self.described.get((step.compensation_type, step.compensation_id))
        if found is None or not found.url:
            return None
        return {"label": found.title, "url": found.url}

    def _name(self, actor_id: uuid.UUID | None) -> str:
        person = self.named.get(actor_id) if actor_id else None
        return "" if person is None else person.name

    def attempts(self, each: ShownStep) -> list[dict[str, Any]]:
        """Return `step.attempts` of `cases/run_step.html`, newest first."""
        return [
            {
                "number": attempt.number,
                "started_at": attempt.started_at,
                "ended_at": attempt.ended_at,
                "outcome_label": str(attempt.get_outcome_display()),
                "tone": _TONES.get(attempt.outcome, "bad"),
                "error": humane(attempt.error),
                "performer": self._performer(attempt),
            }
            for attempt in reversed(each.attempts)
        ]

    def _performer(self, attempt: Any) -> str:
        undo = self.undos.get(attempt.compensation_id)
        if attempt.compensation_type == "execution":
            return str(attempt.capability or _("Automatic"))
        actor = getattr(undo, "completed_by_id", None) or getattr(undo, "assignee_id", None)
        return self._name(actor) or attempt.performer


def about_of(run: CompensationRun) -> Subject:
    """Return type and id of what a run is about."""
    return (run.about_type, run.about_id)


def subjects_of(shown: ShownRun) -> set[Subject]:
    """Return everything a run's panel links to."""
    found: set[Subject] = set()
    for each in shown.steps:
        found.add((each.step.original_type, each.step.original_id))
        found |= _undos_of(each)
    return found


def _undos_of(each: ShownStep) -> set[Subject]:
    return {(try_.compensation_type, try_.compensation_id) for try_ in each.attempts}


def read_undos(shown: ShownRun) -> dict[uuid.UUID, Any]:
    """Return what does or did the undoing of each step, all attempts, by id."""
    return read_many({undo for each in shown.steps for undo in _undos_of(each)})


def actors_of(shown: ShownRun, undos: Iterable[Any]) -> set[uuid.UUID]:
    """Return everybody a run's panel names."""
    found = {shown.run.requested_by_id}
    for undo in undos:
        for actor in (getattr(undo, "completed_by_id", None), getattr(undo, "assignee_id", None)):
            if actor is not None:
                found.add(actor)
    return found


def read(shown: ShownRun, *, operates: bool) -> RunShown:
    """Read all that the page of one run says."""
    undos = read_undos(shown)
    described = describe({*subjects_of(shown), about_of(shown.run)})
    return RunShown(shown, described, people(actors_of(shown, undos.values())), undos, operates)


def actions_of(shown: ShownRun, authority: Authority) -> Sequence[Any]:
    """Return the verbs of a run as they stand for this person."""
    return run_actions(shown.run, authority)
