"""The entries of runs and of their steps, saved together with the rows they are about."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from compensation.lifecycle import RunStatus, StepStatus
from compensation.models import CompensationAttempt, CompensationRun, CompensationStep
from compensation.subject import Cause, finished_entry, finished_entry_of, whole_subject
from ledger.clock import now
from ledger.record import Change, EntryRef, Recorded
from verbs.move import change_of, sharing


def run_envelope(run: CompensationRun, _action: str) -> dict[str, Any]:
    """Return what every entry of a run says."""
    block = {
        "run": str(run.id),
        "regulatory_basis": [item["code"] for item in run.regulatory_basis],
    }
    return {"kind": "COMPENSATION", "case_id": run.whole_id, "compensation": block}


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
    return change_of(run, action, compensation=block, **said)


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
        piece = subject.pieces(whole, [row]).get(row.id)
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
            )  # fmt: skip
            return own.enter(change)

    def _holds_beside(self) -> bool:
        """Whether the run is held by another failed step, which only one undone side by side is."""
        run, step = self.run, self.step
        if step.undo_order is None:
            return False
        rows = CompensationStep.objects.filter(
            tenant_id=run.tenant_id, run_id=run.id, status=StepStatus.FAILED
        )
        return rows.exclude(id=step.id).exists()

    def _finished(self) -> EntryRef | None:
        """The entry that finished the original: of a row that is not there any more, too."""
        if self.row is None:
            step = self.step
            return finished_entry(step.tenant_id, step.original_type, step.original_id)
        return finished_entry_of(self.row)

    def fail(self, error: str) -> None:
        """It did not undo: it FAILED, its run is FAULTED, and the whole is told."""
        run, said = self.run, error[:4000]
        self.step.fail()
        if run.status in {RunStatus.RUNNING, RunStatus.PAUSED}:
            run.fail()
        entry = self.save(
            "compensation_step_failed", payloads={"error": said}, error=said, ended_at=now()
        )
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
