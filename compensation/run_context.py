"""A rollback as people read it: how far it is, what waits for whom, what needs a decision.

Runs in the tenant's scope; the number of queries does not depend on the number of steps.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.selectors import Person, people_called
from compensation import selectors
from compensation.attempt_reasons import Begun, begun_in, why_again
from compensation.lifecycle import LIVE_RUNS, AttemptOutcome, StepStatus
from compensation.models import CompensationRun
from compensation.remote import waits_for
from compensation.selectors import RunWithSteps, StepWithAttempts
from compensation.sentences import (
    asked_of,
    ended_words,
    exceptions_shown,
    humane,
    joined,
    name_in,
    quoted,
    shown_in,
    step_title,
    title_of,
)
from compensation.subject import is_by_program, read_rows, whole_subject
from compensation.usual_times import Usual, usual_times, usual_words
from compensation.words import basis_words, outcome_label
from governance.selectors import about_many
from ledger.selectors import Entry
from verbs.subject import Description, NamedAfter, Ref, describe
from web.labels import program_title
from web.templatetags.amends import state_label

#: Steps of a run beside what else a page shows; the run's own page has all of them, in pages.
FIRST_STEPS = 50
_TONES = {
    AttemptOutcome.OPEN: "undo",
    AttemptOutcome.DONE: "done",
    AttemptOutcome.ATTESTED: "done",
}


@dataclasses.dataclass(frozen=True, slots=True)
class RunContext:
    """A run with all its page says. `undos`: what does or did the undoing, by id; `given_up`: the
    entries that say why an original stays, by its id; `begun`: those of the attempts at one;
    `called`: whom its steps ask, by username; `usual`: how long its steps usually take;
    `approvals`: those about it, with their steps."""

    found: RunWithSteps
    described: Mapping[Ref, Description]
    named: Mapping[uuid.UUID, Person]
    undos: Mapping[uuid.UUID, Any]
    operates: bool
    given_up: Mapping[uuid.UUID, Entry] = dataclasses.field(default_factory=dict)
    begun: Begun = dataclasses.field(default_factory=dict)
    called: Mapping[str, Person] = dataclasses.field(default_factory=dict)
    usual: Usual = dataclasses.field(default_factory=dict)
    approvals: Sequence[Any] = ()

    @property
    def subject(self) -> Description:
        """What the run is about."""
        return self.described[self.found.run.about]

    @property
    def headline(self) -> str:
        """How far it is, or how it ended, as a sentence."""
        return ended_words(str(self.found.run.status), self.found.progress)

    @property
    def places(self) -> list[int]:
        """Where the steps are among those of the run, as they are shown: failed ones first."""
        steps = [each.step for each in self.found.steps]
        return sorted(range(len(steps)), key=lambda at: steps[at].status != StepStatus.FAILED)

    def panel(
        self, buttons: list[dict[str, Any]], places: Sequence[int] | None = None
    ) -> dict[str, Any]:
        """Return `run` of `compensation/run_panel.html`, with its first steps, or some."""
        run = self.found.run
        shown = self.places[:FIRST_STEPS] if places is None else places
        return {
            "id": run.id,
            "url": reverse("compensation:run", args=[run.id]),
            "status": run.status,
            "version": run.version,
            "headline": self.headline,
            "requested_by": shown_in(self.named, run.requested_by_id),
            "requested_at": run.started_at,
            "reason": run.reason,
            "basis": basis_words(run.regulatory_basis),
            "approvals": self._agreed(),
            "exceptions": exceptions_shown(run),
            "progress": self.found.progress,
            "stopped_since": run.stopped_since,
            "stopped_error": humane(run.stopped_error),
            "waits_for": [self._awaited(each) for each in self._waits_for()],
            "steps": [self.step(at) for at in shown],
            "more": places is None and len(shown) < len(self.found.steps),
            "actions": buttons,
        }

    def _agreed(self) -> list[dict[str, Any]]:
        """Return `approvals` of the panel: who has agreed, or has not."""
        return [
            {
                "label": _("Approved by") if step.decision == "GRANTED" else _("Refused by"),
                "by": self._name(step.decided_by_id),
                "at": step.at,
            }
            for approval in self.approvals
            for step in approval.ordered
            if step.decided_by_id is not None
        ]

    def _waits_for(self) -> list[dict[str, str]]:
        run = self.found.run
        return list(run.waits_for) if run.status in LIVE_RUNS else []

    def _awaited(self, each: Mapping[str, str]) -> dict[str, Any]:
        """Return one of `waits_for` of the panel: what it waits for, since when, and where."""
        found = self.described.get((each["type"], uuid.UUID(each["id"])))
        return {
            "title": title_of(each["name"]),
            "url": found.url if found else "",
            "type": each["type"],
            "status": found.status if found and found.status else each["status"],
            "since": dt.datetime.fromisoformat(each["since"]),
        }

    def step(self, at: int) -> dict[str, Any]:
        """Return one of `steps` of the panel, by its place in the run."""
        each = self.found.steps[at]
        step = each.step
        original = self.described.get((step.original_type, step.original_id))
        failed = step.status == StepStatus.FAILED
        return {
            "n": step.n,
            "title": step_title(step),
            "url": original.url if original else "",
            "status": self._status(step),
            "detail": self._detail(at),
            "outcome": self._unusual(step),
            "who": self._who(each),
            "usual": self._usual(step),
            "at": step.ended_at,
            "attempts": len(each.attempts),
            "compensation": self._link(step),
            "decide_url": self._decide_url(step) if failed and self.operates else "",
        }

    def _decide_url(self, step: Any) -> str:
        """Return where a failed step is decided about: one below, at its own rollback."""
        if whole_subject(step.original_type) is not None and step.compensation_id is not None:
            return reverse("compensation:run", args=[step.compensation_id])
        return reverse("compensation:run-step", args=[step.run_id, step.n])

    def _usual(self, step: Any) -> str:
        """Return how long it usually takes, as long as that is worth knowing."""
        open_ = step.status in {StepStatus.PLANNED, StepStatus.WAITING, StepStatus.RUNNING}
        return usual_words(self.usual, step.original_name, step.mode) if open_ else ""

    def _status(self, step: Any) -> str:
        """Return the step's status; one that a person has yet to do waits for that person."""
        human = bool(step.compensation_type) and not is_by_program(step.compensation_type)
        if whole_subject(step.original_type) is not None:
            return str(step.status)
        if step.status == StepStatus.RUNNING and human:
            return str(StepStatus.WAITING)
        return str(step.status)

    def _detail(self, at: int) -> str:
        each = self.found.steps[at]
        step, undo = each.step, self.undos.get(each.step.compensation_id or uuid.UUID(int=0))
        if step.status in {StepStatus.FAILED, StepStatus.BLOCKED}:
            return self._answered(step) or humane(each.error)
        tells: dict[str, Callable[[], str]] = {
            StepStatus.ABANDONED: lambda: self._stays(step),
            StepStatus.DONE: lambda: self._done(step, undo),
            StepStatus.RESOLVED: lambda: _("Somebody attested that it is undone."),
            StepStatus.SKIPPED: lambda: _("It was undone already."),
            StepStatus.PLANNED: lambda: self._planned(at),
        }
        if step.status in tells:
            return tells[step.status]()
        return _("Attempt %(n)d") % {"n": len(each.attempts)} if len(each.attempts) > 1 else ""

    def _done(self, step: Any, undo: Any) -> str:
        moment = date_format(timezone.localtime(step.ended_at), "j F H:i") if step.ended_at else ""
        if is_by_program(step.compensation_type):
            return _("Reversed automatically, %(moment)s") % {"moment": moment}
        if undo is None:
            # Whether it was reversed or corrected is not known here.
            return _("Undone, %(moment)s") % {"moment": moment}
        outcome = outcome_label(getattr(undo, "outcome", "") or "REVERSED")
        who = self._name(getattr(undo, "completed_by_id", None))
        if not who:
            return f"{outcome}, {moment}"
        said = _("%(outcome)s by %(who)s, %(moment)s") % {
            "outcome": outcome, "who": who, "moment": moment,
        }  # fmt: skip
        why = getattr(undo, "ended_reason", "")
        return f"{said}: {quoted(why)}" if why else said

    def _stays(self, step: Any) -> str:
        """Return why what was done stays, and on whose word; never what went wrong before that."""
        entry = self.given_up.get(step.original_id)
        why = entry.payloads.get("reason") if entry else None
        if entry is None or not why:
            return _("Its effect stays.")
        return f"{quoted(why)} {self._name(entry.actor_id)}"

    def _answered(self, step: Any) -> str:
        """Return what the person said who could not undo it, in one line; "" for a program."""
        answer = self.answer_to(step)
        if answer is None or not answer["reason"]:
            return ""
        return f"{answer['outcome']}: {quoted(answer['reason'])} {answer['who']}".strip()

    def answer_to(self, step: Any) -> dict[str, Any] | None:
        """Return how the person who was asked to undo a step answered: who, with which outcome,
        why, and when. None where none was asked, or none has answered yet."""
        undo = self.undos.get(step.compensation_id or uuid.UUID(int=0))
        if undo is None or is_by_program(step.compensation_type) or undo.ended_at is None:
            return None
        label = outcome_label(undo.outcome) or state_label(undo.status, step.compensation_type)
        return {
            "who": self._name(undo.completed_by_id or undo.assignee_id),
            "outcome": label,
            "reason": undo.ended_reason,
            "at": undo.ended_at,
            "task": self._link(step),
        }

    def _unusual(self, step: Any) -> str:
        """Return how it was undone, where that was not simply by reversing it."""
        undo = self.undos.get(step.compensation_id or uuid.UUID(int=0))
        outcome = getattr(undo, "outcome", "") or ""
        return "" if outcome in {"", "REVERSED"} else outcome_label(outcome)

    def _planned(self, at: int) -> str:
        before = [each.step for each in self.found.steps[:at]]
        failed = [step for step in before if step.status == StepStatus.FAILED]
        if failed:
            title = step_title(failed[0])
            return _("Starts when %(what)s is decided") % {"what": title}
        if before and before[-1].status in {StepStatus.RUNNING, StepStatus.PLANNED}:
            title = step_title(before[-1])
            return _("Starts when %(what)s is undone") % {"what": title}
        return ""

    def _who(self, each: StepWithAttempts) -> str:
        step = each.step
        undo = self.undos.get(step.compensation_id or uuid.UUID(int=0))
        by_program = is_by_program(step.compensation_type)
        elsewhere = waits_for(undo) if by_program else ""
        if elsewhere:
            return _("The organisation %(name)s") % {"name": elsewhere}
        if whole_subject(step.original_type) is not None:
            return _("Its own rollback")
        if by_program or (undo is None and step.mode == "automated"):
            return _("Automatic")
        if undo is None:
            groups, users = (step.spec.get(f"candidate_{each}", ()) for each in ("groups", "users"))
            return asked_of(self.called, groups, users) or _("By a person")
        actor = undo.completed_by_id or undo.assignee_id
        if actor is not None:
            return shown_in(self.named, actor)
        return joined(sorted(undo.groups_asked))

    def _link(self, step: Any) -> dict[str, str] | None:
        found = self.described.get((step.compensation_type, step.compensation_id))
        if found is None or not found.url:
            return None
        return {"label": found.title, "url": found.url}

    def _name(self, actor_id: uuid.UUID | None) -> str:
        return name_in(self.named, actor_id)

    def attempts(self, each: StepWithAttempts) -> list[dict[str, Any]]:
        """Return `step.attempts` of `compensation/run_step.html`, newest first."""
        return [
            {
                "number": attempt.number,
                "started_at": attempt.started_at,
                "ended_at": attempt.ended_at,
                "outcome_label": str(attempt.get_outcome_display()),
                "tone": _TONES.get(attempt.outcome, "bad"),
                # Of what was given up: on whose word, and why.
                "error": self._stays(each.step)
                if attempt.outcome == AttemptOutcome.ABANDONED
                else humane(attempt.error),
                "performer": ""
                if attempt.outcome == AttemptOutcome.ABANDONED
                else self._performer(attempt),
                "why": self._why(attempt),
            }
            for attempt in reversed(each.attempts)
        ]

    def _why(self, attempt: Any) -> str:
        why, who = why_again(attempt, self.begun)
        return f"{why} {self._name(who)}".strip()

    def _performer(self, attempt: Any) -> str:
        undo = self.undos.get(attempt.compensation_id)
        if is_by_program(attempt.compensation_type):
            return program_title(attempt.capability) or _("Automatic")
        actor = getattr(undo, "completed_by_id", None) or getattr(undo, "assignee_id", None)
        groups = joined(sorted(getattr(undo, "groups_asked", ())))
        return self._name(actor) or groups or _("nobody yet")


def run_description(id_: uuid.UUID, status: str, about: str) -> Description:
    """Return how the rollback of something called `about` is called."""
    title = _("Rollback of %(what)s") % {"what": about}
    return Description(title, reverse("compensation:run", args=[id_]), status, "undo-2")


def runs_named_after(
    tenant_id: uuid.UUID, ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, NamedAfter]:
    """Return what rollbacks are called after, by id: what they are about. One query."""
    rows = CompensationRun.objects.filter(tenant_id=tenant_id, id__in=list(ids)).values_list(
        "id", "status", "about_type", "about_id"
    )
    return {
        id_: NamedAfter((type_, about_id), functools.partial(run_description, id_, str(status)))
        for id_, status, type_, about_id in rows
    }


def actors_of(rows: Iterable[Any]) -> set[uuid.UUID]:
    """Return everybody who did these pieces of work or shall do them."""
    return {
        actor
        for row in rows
        for actor in (getattr(row, "completed_by_id", None), getattr(row, "assignee_id", None))
        if actor is not None
    }


def asked_by_name(found: RunWithSteps) -> list[str]:
    """Return the usernames of those whom steps ask that have not begun."""
    return [name for each in found.steps for name in each.step.spec.get("candidate_users", ())]


def run_context(
    found: RunWithSteps,
    *,
    operates: bool,
    entries: Iterable[Entry] = (),
    begun_of: Ref | None = None,
) -> RunContext:
    """Read all that the page of one run says, with who made the `entries` that it shows, and why
    attempts at undoing `begun_of` were made."""
    undo_refs = {
        (attempt.compensation_type, attempt.compensation_id)
        for each in found.steps
        for attempt in each.attempts
    }
    originals = {(each.step.original_type, each.step.original_id) for each in found.steps}
    tenant_id = found.run.tenant_id
    undos = read_rows(tenant_id, undo_refs)
    awaited = {(each["type"], uuid.UUID(each["id"])) for each in found.run.waits_for}
    described = describe(tenant_id, {*undo_refs, *originals, *awaited, found.run.about})
    run, about = found.run, described[found.run.about].title
    described[run.subject_type, run.id] = run_description(run.id, str(run.status), about)
    decided = selectors.decided(found, begun_of)
    deciders = {actor for entry in (*entries, *decided) for actor in entry.people}
    agreed = about_many(tenant_id, run.subject_type, [run.id]) if run.asked_others else {}
    approvals = agreed.get(run.id, [])
    signed = (step.decided_by_id for each in approvals for step in each.ordered)
    deciders |= {actor for actor in signed if actor is not None}
    actors = {found.run.requested_by_id, *deciders, *actors_of(undos.values())}
    called = people_called(tenant_id, asked_by_name(found), actors)
    named = {person.actor_id: person for person in called.values()}
    given_up = selectors.given_up_in(found, decided)
    begun = begun_in(decided)
    wanted = begun_of is None and run.status in LIVE_RUNS
    usual = usual_times(tenant_id) if wanted else {}
    return RunContext(
        found, described, named, undos, operates, given_up, begun, called, usual, approvals
    )
