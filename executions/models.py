"""Executions, batches of them, and their jobs.

Every update of an execution's row raises its version and has its ledger entry (the guard sees to
it). What changes without being news, the lease of a running job, lives in `ExecutionJob`.
"""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import PROTECT
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy, ngettext
from django_fsm import RETURN_VALUE, FSMField, transition
from typing_extensions import override

from compensation.undoable_rows import UndoableRow, UndoingRow, undo_methods
from executions.lifecycle import BATCH_ROLLBACK_FROM, BatchStatus, ExecutionStatus, OnFailure
from ledger.dispatch.lease_columns import Leased, trouble_index
from ledger.ids import new_id
from ledger.links import LINK
from web.labels import label_of, program_title

S, B = ExecutionStatus, BatchStatus
OPEN_ENDED = (S.PENDING, S.RUNNING, S.WAITING)


class Batch(models.Model):
    """An ordered list of executions run under one id, one after the other.

    `failed_at`: when the first call that was not done had ended, and `failed_call` its place, from
    0. `prior_status`: where a rollback found it. `stopped_since`: it cannot go on by itself,
    because of `stopped_error`.
    """

    subject_type: ClassVar[str] = "batch"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, related_name="+", **LINK)
    version = models.IntegerField(default=1)
    status = FSMField(choices=B.choices, default=B.RUNNING, protected=True)
    prior_status = models.TextField(default="", blank=True)
    on_failure = models.TextField(choices=OnFailure.choices, default=OnFailure.STOP)
    reason = models.TextField(default="", blank=True)
    size = models.IntegerField(gettext_lazy("calls"))
    failed_at = models.DateTimeField(null=True)
    failed_call = models.IntegerField(null=True)
    stopped_since = models.DateTimeField(null=True)
    stopped_error = models.TextField(default="", blank=True)
    requested_by = models.ForeignKey("accounts.Actor", PROTECT, related_name="+", **LINK)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = gettext_lazy("batches")
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="executions_batch_list"),
            models.Index(
                fields=["tenant", "status", "-created_at", "-id"], name="executions_batch_status"
            ),
            models.Index(
                fields=["tenant", "id"],
                name="executions_batch_stopped",
                condition=models.Q(stopped_since__isnull=False),
            ),
        ]

    @override
    def __str__(self) -> str:
        return batch_title(self.id, self.size)

    @transition(field=status, source=B.RUNNING, target=B.COMPLETED)
    def complete(self) -> None:
        """Every call was done."""

    @transition(field=status, source=B.RUNNING, target=B.FAILED)
    def fail(self) -> None:
        """A call was not done, and no other is open."""

    @transition(field=status, source=sorted(BATCH_ROLLBACK_FROM), target=B.COMPENSATING)
    def start_rollback(self) -> None:
        """A run begins."""

    @transition(field=status, source=B.COMPENSATING, target=B.COMPENSATION_FAULTED)
    def stop_rollback(self) -> None:
        """A step failed; somebody has to decide."""

    @transition(field=status, source=B.COMPENSATION_FAULTED, target=B.COMPENSATING)
    def continue_rollback(self) -> None:
        """Somebody decided."""

    @transition(field=status, source=B.COMPENSATING, target=B.COMPENSATED)
    def settle_compensated(self) -> None:
        """All of it is undone."""

    @transition(field=status, source=B.COMPENSATING, target=B.PARTIALLY_COMPENSATED)
    def settle_partially(self) -> None:
        """Something stays."""

    @transition(
        field=status, source=B.COMPENSATING, target=RETURN_VALUE(*sorted(BATCH_ROLLBACK_FROM))
    )
    def settle_back(self) -> str:
        """A part was undone: back to where it was."""
        return self.prior_status


def batch_title(id_: uuid.UUID, size: int) -> str:
    """Return what people call a batch: how many calls it has, and the end of its id."""
    text = ngettext("Batch of %(n)d call", "Batch of %(n)d calls", size)
    return f"{text % {'n': size}} {str(id_)[-6:]}"


class Execution(UndoableRow, UndoingRow, models.Model):
    """One governed run of a capability.

    `idempotency_key` is what the handler hands to the outside world: the same for every attempt.
    `before`/`after` are the images the handler reported, for a restoring undo. `outcome_unknown`: a
    call was dispatched, and nobody has said yet whether it had its effect. `performer`: the agent
    that may report its result. `state_version`: that of what it changed, after it; `on_stale`: what
    happens where it is not the expected one before. `decisions`: the policies that applied.
    `batch_position`: which call of its batch it is, from 0; what undoes one is of the batch too,
    and none of its calls.
    """

    subject_type: ClassVar[str] = "execution"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, related_name="+", **LINK)
    version = models.IntegerField(default=1)
    capability = models.TextField()
    status = FSMField(choices=S.choices, default=S.PENDING, protected=True)
    mode = models.TextField(default="commit")
    input = models.JSONField()
    output = models.JSONField(null=True)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    error = models.TextField(default="")
    state_version = models.TextField(default="")
    expected_state_version = models.TextField(default="", db_default="")
    on_stale = models.TextField(default="", db_default="")
    decisions = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))
    reason = models.TextField(default="")
    idempotency_key = models.TextField()
    attempts = models.IntegerField(default=0)
    outcome_unknown = models.BooleanField(default=False)
    # It used a result that has since been undone.
    tainted = models.BooleanField(default=False, db_default=False)
    requested_by = models.ForeignKey("accounts.Actor", PROTECT, related_name="+", **LINK)
    performer = models.ForeignKey("accounts.Actor", PROTECT, null=True, related_name="+", **LINK)
    batch = models.ForeignKey(Batch, PROTECT, null=True, related_name="executions", **LINK)
    batch_position = models.IntegerField(gettext_lazy("call"), null=True)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = gettext_lazy("automatic step")
        constraints: ClassVar = [
            # All attempts of one round of undoing share a key on purpose, so only forward runs are
            # unique by it.
            models.UniqueConstraint(
                fields=["tenant", "idempotency_key"],
                condition=models.Q(undoes_id__isnull=True),
                name="executions_execution_key",
            ),
            models.UniqueConstraint(
                fields=["tenant", "batch", "batch_position"],
                condition=models.Q(batch__isnull=False),
                name="executions_execution_call",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="executions_list"),
            models.Index(
                fields=["tenant", "case_id"],
                name="executions_case",
                condition=models.Q(case_id__isnull=False),
            ),
            # Of which somebody has to decide what becomes of it.
            models.Index(
                fields=["tenant", "id"],
                name="executions_undecided",
                condition=models.Q(status="COMPENSATION_FAULTED"),
            ),
            models.Index(
                fields=["tenant", "id"],
                name="executions_unclear",
                condition=models.Q(status="UNCERTAIN", undoes_id__isnull=True),
            ),
            models.Index(
                fields=["tenant", "undoes_id"],
                name="executions_undoes",
                condition=models.Q(undoes_id__isnull=False),
            ),
        ]

    @override
    def __str__(self) -> str:
        return label_of(self.binding) if self.binding else program_title(self.capability)

    @transition(field=status, source=S.PENDING_APPROVAL, target=RETURN_VALUE(S.PENDING, S.WAITING))
    def approve(self, *, owed: bool) -> str:
        """Everybody who had to agree has agreed; `owed`: an outside party does it."""
        return str(S.WAITING if owed else S.PENDING)

    @transition(field=status, source=[S.PENDING_APPROVAL, S.PENDING, S.RUNNING], target=S.REJECTED)
    def reject(self) -> None:
        """It must not be run: a policy, somebody who had to agree, or the state is against it."""

    @transition(field=status, source=S.PENDING_APPROVAL, target=S.EXPIRED)
    def expire(self) -> None:
        """Nobody agreed in time."""

    @transition(field=status, source=S.PENDING_APPROVAL, target=S.SUPERSEDED)
    def supersede(self) -> None:
        """What would be decided about it now is not what it was when it was asked for."""

    @transition(field=status, source=S.RUNNING, target=S.PENDING_APPROVAL)
    def ask_again(self) -> None:
        """The state is another one than the one for which it was asked; nothing was called."""

    @transition(field=status, source=S.RUNNING, target=S.PENDING)
    def revalidate(self) -> None:
        """The state is another one, and it may still be run; nothing was called."""

    @transition(field=status, source=S.PENDING, target=S.RUNNING)
    def dispatch(self) -> None:
        """A worker starts an attempt."""

    @transition(field=status, source=[*OPEN_ENDED, S.UNCERTAIN], target=S.SUCCEEDED)
    def succeed(self) -> None:
        """The capability did its work."""

    @transition(field=status, source=S.RUNNING, target=S.PENDING)
    def retry(self) -> None:
        """The attempt failed for now; another comes after the back-off."""

    @transition(field=status, source=[S.PENDING, S.RUNNING], target=S.WAITING)
    def wait(self) -> None:
        """An outside party owes the result."""

    @transition(field=status, source=[*OPEN_ENDED, S.UNCERTAIN], target=S.FAILED)
    def fail(self) -> None:
        """There is no effect, and no further attempt."""

    @transition(field=status, source=OPEN_ENDED, target=S.UNCERTAIN)
    def give_up(self) -> None:
        """There is no further attempt, and nobody knows whether there is an effect."""

    @transition(field=status, source=[S.PENDING_APPROVAL, S.PENDING], target=S.CANCELLED)
    def cancel(self) -> None:
        """Called back before it was dispatched."""

    (
        compensate,
        settle_compensated,
        settle_faulted,
        retry_compensation,
        attest,
        abandon,
        withdraw,
    ) = undo_methods(S.SUCCEEDED, unsure=S.UNCERTAIN)


class ExecutionJob(Leased):
    """When an execution's next attempt is due, and who holds it. Not news, so not guarded.

    `queue` is where it is announced, `seconds` how long one attempt may take; `ask` is what to ask
    about work that was accepted at `accepted_at`. `checks_state`: the attempt under way is still
    comparing the state, and has called nothing. Times are the database's clock.
    """

    execution = models.OneToOneField(
        Execution, models.CASCADE, primary_key=True, db_constraint=False, related_name="job"
    )
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, related_name="+", **LINK)
    queue = models.TextField(default="work", db_default="work")
    seconds = models.IntegerField(default=300, db_default=300)
    ask = models.TextField(default="", db_default="")
    accepted_at = models.DateTimeField(null=True)
    checks_state = models.BooleanField(default=False, db_default=False)
    due_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes: ClassVar = [
            trouble_index("executions_job_troubled"),
            models.Index(
                fields=["queue", "tenant", "due_at", "execution"], name="executions_job_due"
            ),
        ]
