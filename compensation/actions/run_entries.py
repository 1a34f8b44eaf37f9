"""The entries of runs and of their steps, saved together with the rows they are about."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from compensation.events import NESTED_RUNS, REQUESTS
from compensation.lifecycle import ENDED_RUNS, RunStatus, StepStatus, Trigger
from compensation.models import CompensationAttempt, CompensationRun, CompensationStep
from compensation.subject import Cause, finished_entry, finished_entry_of, whole_subject
from ledger.clock import now
from ledger.record import Change, EntryRef, Recorded
from verbs.move import change_of, sharing

#: The entry that puts a step in line, or back in line: the order of undoing follows from these.
PLANNED = "compensation_step_planned"


def run_envelope(run: CompensationRun, _action: str) -> dict[str, Any]:
    """Return what every entry of a run says."""
    block = {
        "run": str(run.id),
        "regulatory_basis": [item["code"] for item in run.regulatory_basis],
    }
    said = {"kind": "COMPENSATION", "case_id": run.whole_id, "compensation": block}
    if run.status not in ENDED_RUNS:
        return said
    heard_by = [REQUESTS] if run.trigger == Trigger.OTHER_TENANT else []
    kind = None if run.about_whole else whole_subject(run.whole_type)
    if kind is not None:
        heard_by += kind.piece_undone
    return {**said, "heard_by": tuple(heard_by)} if heard_by else said


def step_change(run: CompensationRun, step: CompensationStep, action: str, **said: Any) -> Change:
    """Return the entry of one step as the rows stand now."""
    block = {
        **run_envelope(run, action)["compensation"],
        "step": step.n,
        "step_status": str(step.status),
        "step_version": step.version,
        "mode": step.mode,
        "strategy": step.strategy,
        "undoing": {"type": step.original_type, "id": str(step.original_id)},
    }
    if action == PLANNED and step.undo_order is not None:
        # As text: an envelope holds whole numbers only, and an order may be between two of them.
        block["undo_order"] = repr(float(step.undo_order))
    return change_of(run, action, compensation=block, **said)


def heard_above(run: CompensationRun) -> dict[str, Any]:
    """Return who hears, in the lane of the whole above, of an entry that may move the step of which
    a run is the undo."""
    if run.above_id is None:
        return {}
    return {"heard_by": (NESTED_RUNS,), "heard_in": run.above_id}


def tell_whole(run: CompensationRun, whole: Any | None, hook: str, *said: Any, **how: Any) -> None:
    """Let the whole whose status a run moves draw its consequence, by a hook of its subject."""
    subject = whole_subject(run.whole_type)
    if whole is not None and subject is not None and run.about_whole:
        getattr(subject, hook)(whole, run, *said, **how)


def tell_piece(
    run: CompensationRun,
    whole: Any | None,
    row: Any,
    attempt: CompensationAttempt,
    *,
    cause: Cause,
) -> None:
    """Let the whole show how far the undo of one of its pieces is."""
    subject = whole_subject(run.whole_type)
    if whole is not None and subject is not None:
        piece = subject.pieces(whole, [row.id])().get(row.id)
        subject.heard(whole, piece, row, attempt, cause=cause)


def link_to(attempt: CompensationAttempt) -> dict[str, Any]:
    """Return the columns by which a step says what undoes its original."""
    return {
        "compensation_type": attempt.compensation_type,
        "compensation_id": attempt.compensation_id,
    }


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LockedStep:
    """A step with all that moves with it, locked in this order: whole, original, run, step.

    `before` is the run's status as it was locked: a step may stop its run, or let it go on.
    """

    whole: Any | None
    row: Any
    run: CompensationRun
    step: CompensationStep
    cause: Cause
    before: str

    def save(
        self, action: str, *, payloads: Mapping[str, Any] | None = None, **changed: Any
    ) -> Recorded:
        """Save step (its status, and what is `changed`) and run, each one version on, with the one
        entry that covers both."""
        run, step = self.run, self.step
        for name, value in changed.items():
            setattr(step, name, value)
        step.version += 1
        run.version += 1
        with sharing(self.cause.moves) as own:
            own.save(step, ["status", "version", *changed])
            own.save(run, ["status", "version", "waits_for"])
            change = step_change(
                run, step, action, before=self.before, by=self.cause.by, payloads=payloads,
                caused_by=self.cause.entry, original=self._finished(),
                **(heard_above(run) if run.status != self.before else {}),
            )  # fmt: skip
            return own.enter(change)

    def _holds_beside(self) -> bool:
        """Whether the run is held by another failed step: by one undone side by side, or one that
        failed while the run went on past this."""
        run, step = self.run, self.step
        if step.undo_order is None and not step.lets_go_on:
            return False
        rows = CompensationStep.objects.filter(
            tenant_id=run.tenant_id, run_id=run.id, status=StepStatus.FAILED
        )
        return any(not each.lets_go_on for each in rows.exclude(id=step.id))

    def _finished(self) -> EntryRef | None:
        """The entry that finished the original: of a row that is not there any more, too."""
        if self.row is None:
            step = self.step
            return finished_entry(step.tenant_id, step.original_type, step.original_id)
        return finished_entry_of(self.row)

    def fail(self, error: str, decisions: Sequence[Mapping[str, Any]] = ()) -> None:
        """It did not undo: it FAILED, its run is FAULTED, and the whole is told; where it was said
        that the rest goes on (`on_failure`), that does, and the run is held at its end.
        `decisions`: the policies that applied, where these were against it."""
        run, said = self.run, error[:4000]
        decided = [dict(each) for each in decisions]
        kept = {"decisions": decided} if decided else {}
        self.step.fail()
        if self.step.lets_go_on:
            self.save(
                "compensation_step_failed", error=said, ended_at=now(), **kept,
                payloads={"error": said, **kept},
            )  # fmt: skip
            return
        if run.status in {RunStatus.RUNNING, RunStatus.PAUSED}:
            run.fail()
        entry = self.save(
            "compensation_step_failed", error=said, ended_at=now(), **kept,
            payloads={"error": said, **kept},
        )  # fmt: skip
        tell_whole(run, self.whole, "faulted", self.step, cause=self.cause.after(entry.ref))

    def unblock(self) -> None:
        """Somebody decided about it: its run goes on, and the whole is told; unless a step beside
        it has failed too.

        A run that was PAUSED when the step failed is PAUSED again. The caller saves.
        """
        if self._holds_beside():
            return
        if self.run.status == RunStatus.FAULTED:
            self.run.go_on()
        tell_whole(self.run, self.whole, "goes_on", cause=self.cause)
