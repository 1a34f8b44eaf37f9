"""Case definitions, cases, their plan items, and what undoes them: plans, runs, steps.

Cases, runs and steps are guarded: every update of a row raises its version and has its ledger
entry. A step's entry has its run as subject and carries the step, its status and its version.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import PROTECT
from django_fsm import RETURN_VALUE, FSMField, transition
from typing_extensions import override

from cases.lifecycle import (
    CANCELLABLE,
    CLOSABLE,
    LIVE_RUNS,
    OPEN_ITEMS,
    ROLLBACK_FROM,
    SUSPENDABLE,
    CaseStatus,
    PlanItemStatus,
    PlanItemType,
    RunStatus,
    StepStatus,
    Trigger,
)
from compensation.lifecycle import CompensationState
from ledger.ids import new_id

C, R, T = CaseStatus, RunStatus, StepStatus
_LIVE = models.Q(status__in=sorted(LIVE_RUNS))


class CaseDefinition(models.Model):
    """One version of a definition: source as deployed, compiled form, digest of the latter.

    Insert-only: a deployed version never changes.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, db_constraint=False, related_name="+")
    namespace = models.TextField()
    name = models.TextField()
    version = models.TextField()
    title = models.TextField()
    source = models.TextField()
    compiled = models.JSONField()
    digest = models.TextField()
    deployed_by = models.ForeignKey(
        "accounts.Actor", PROTECT, db_constraint=False, related_name="+"
    )
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "namespace", "name", "version"], name="cases_definition_once"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="cases_definition_list"),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.namespace}/{self.name} {self.version}"

    @property
    def key(self) -> str:
        """`namespace/name`."""
        return f"{self.namespace}/{self.name}"


class Case(models.Model):
    """An instance of a definition; `context` is what its steps read and write.

    `invalidated`: keys written by work undone since; undo never removes one. `fault`: why FAULTED.
    `prior_status`: where a rollback found it. `root_id`: top of its tree. `triggered`: the version
    at which the context last changed, or the case began or went on.
    """

    subject_type: ClassVar[str] = "case"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, db_constraint=False, related_name="+")
    version = models.IntegerField(default=1)
    definition = models.ForeignKey(
        CaseDefinition, PROTECT, db_constraint=False, related_name="cases"
    )
    title = models.TextField()
    status = FSMField(choices=C.choices, default=C.RUNNING, protected=True)
    prior_status = models.TextField(default="", blank=True)
    context = models.JSONField(default=dict)
    invalidated = models.JSONField(default=list)
    fault = models.TextField(default="", blank=True)
    triggered = models.IntegerField(default=1)
    parent = models.ForeignKey(
        "self", PROTECT, null=True, db_constraint=False, related_name="children"
    )
    root_id = models.UUIDField()
    opened_by = models.ForeignKey("accounts.Actor", PROTECT, db_constraint=False, related_name="+")
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="cases_list"),
            models.Index(fields=["tenant", "status", "-created_at"], name="cases_by_status"),
        ]

    @override
    def __str__(self) -> str:
        return self.title

    @transition(field=status, source=sorted(SUSPENDABLE), target=C.SUSPENDED)
    def suspend(self) -> None:
        """Forward work stops; results are still recorded."""

    @transition(field=status, source=C.SUSPENDED, target=C.RUNNING)
    def resume(self) -> None:
        """Forward work goes on."""

    @transition(field=status, source=C.RUNNING, target=C.COMPLETED)
    def complete(self) -> None:
        """A success rule holds."""

    @transition(field=status, source=[C.RUNNING, C.SUSPENDED], target=C.FAULTED)
    def fail(self) -> None:
        """A failure rule holds, a step failed, or the definition cannot go on."""

    @transition(field=status, source=sorted(CANCELLABLE), target=C.CANCELLED)
    def cancel(self) -> None:
        """An operator calls it off."""

    @transition(field=status, source=sorted(CLOSABLE), target=C.CLOSED)
    def close(self) -> None:
        """Nothing of it will ever be undone."""

    @transition(field=status, source=sorted(ROLLBACK_FROM), target=C.COMPENSATING)
    def start_rollback(self) -> None:
        """A run begins."""

    @transition(field=status, source=C.COMPENSATING, target=C.COMPENSATION_FAULTED)
    def stop_rollback(self) -> None:
        """A step failed; somebody has to decide."""

    @transition(field=status, source=C.COMPENSATION_FAULTED, target=C.COMPENSATING)
    def continue_rollback(self) -> None:
        """Somebody decided."""

    @transition(field=status, source=C.COMPENSATING, target=C.COMPENSATED)
    def settle_compensated(self) -> None:
        """All of it is undone."""

    @transition(field=status, source=C.COMPENSATING, target=C.PARTIALLY_COMPENSATED)
    def settle_partially(self) -> None:
        """Something stays."""

    @transition(
        field=status,
        source=C.COMPENSATING,
        target=RETURN_VALUE(*sorted(ROLLBACK_FROM)),
    )
    def settle_back(self, *, resume: bool) -> str:
        """A part was undone: back to where it was. What was running waits unless told to go on."""
        if self.prior_status == C.RUNNING and not resume:
            return str(C.SUSPENDED)
        return self.prior_status


class PlanItem(models.Model):
    """What a fired binding became, as the engine has seen it; `written`: context keys it set."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, db_constraint=False, related_name="+")
    case = models.ForeignKey(Case, PROTECT, db_constraint=False, related_name="plan_items")
    binding = models.TextField()
    type = models.TextField(choices=PlanItemType.choices)
    target_id = models.UUIDField()
    status = models.TextField(choices=PlanItemStatus.choices, default=PlanItemStatus.ACTIVE)
    case_version = models.IntegerField(default=0)
    completion_seq = models.BigIntegerField(null=True)
    compensation_state = models.TextField(
        choices=CompensationState.choices, default=CompensationState.NONE
    )
    written = models.JSONField(default=list)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "target_id"], name="cases_planitem_target"),
            # A binding with an open plan item does not fire again.
            models.UniqueConstraint(
                fields=["tenant", "case", "binding"],
                condition=models.Q(status__in=sorted(OPEN_ITEMS)),
                name="cases_planitem_one_open",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "case", "completion_seq"], name="cases_planitem_order"),
        ]


class CompensationPlan(models.Model):
    """A frozen answer to "what would be undone". Written once, good for 15 minutes.

    `content` holds `steps` and `excluded` as people read them; `digest` is over what decides.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, db_constraint=False, related_name="+")
    subject_type = models.TextField()
    subject_id = models.UUIDField()
    case_id = models.UUIDField(null=True)
    scope = models.JSONField()
    strategy = models.TextField(default="", blank=True)
    include = models.JSONField(default=list)
    reason = models.TextField()
    regulatory_basis = models.JSONField(default=list)
    digest = models.TextField()
    content = models.JSONField()
    requires_approval = models.BooleanField(default=False)
    created_by = models.ForeignKey("accounts.Actor", PROTECT, db_constraint=False, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["tenant", "subject_id"], name="cases_plan_subject"),
        ]


class CompensationRun(models.Model):
    """The governed request that executes a plan.

    `root_case_id` is the tree whose one live slot it takes. `held`: somebody paused it and nobody
    has resumed it, even where a failed step has stopped it since.
    """

    subject_type: ClassVar[str] = "compensation_run"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, db_constraint=False, related_name="+")
    version = models.IntegerField(default=1)
    plan = models.ForeignKey(CompensationPlan, PROTECT, db_constraint=False, related_name="runs")
    about_type = models.TextField()
    about_id = models.UUIDField()
    case_id = models.UUIDField(null=True)
    root_case_id = models.UUIDField(null=True)
    parent_run = models.ForeignKey(
        "self", PROTECT, null=True, db_constraint=False, related_name="child_runs"
    )
    trigger = models.TextField(choices=Trigger.choices, default=Trigger.OPERATOR)
    status = FSMField(choices=R.choices, default=R.RUNNING, protected=True)
    requested_by = models.ForeignKey(
        "accounts.Actor", PROTECT, db_constraint=False, related_name="+"
    )
    reason = models.TextField()
    regulatory_basis = models.JSONField(default=list)
    resume_after = models.BooleanField(default=False)
    held = models.BooleanField(default=False)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "root_case_id"],
                condition=_LIVE & models.Q(parent_run__isnull=True, root_case_id__isnull=False),
                name="cases_run_one_live",
            ),
            models.UniqueConstraint(
                fields=["tenant", "about_type", "about_id"],
                condition=_LIVE & models.Q(parent_run__isnull=True),
                name="cases_run_one_live_about",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-started_at", "-id"], name="cases_run_list"),
            models.Index(fields=["tenant", "about_id"], name="cases_run_about"),
            models.Index(fields=["tenant", "case_id"], name="cases_run_case"),
        ]

    @property
    def about_case(self) -> bool:
        """Whether it moves a case's status."""
        return self.about_type == "case"

    @transition(field=status, source=R.RUNNING, target=R.PAUSED)
    def pause(self) -> None:
        """No further step starts."""
        self.held = True

    @transition(field=status, source=R.PAUSED, target=R.RUNNING)
    def resume(self) -> None:
        """Steps start again."""
        self.held = False

    @transition(field=status, source=[R.RUNNING, R.PAUSED], target=R.FAULTED)
    def fail(self) -> None:
        """A step failed and holds the run."""

    @transition(field=status, source=R.FAULTED, target=RETURN_VALUE(R.RUNNING, R.PAUSED))
    def continue_(self) -> str:
        """The failed step was retried, resolved or abandoned. What was on hold stays so."""
        return str(R.PAUSED if self.held else R.RUNNING)

    @transition(field=status, source=R.RUNNING, target=R.COMPLETED)
    def complete(self) -> None:
        """Everything in its scope is undone."""

    @transition(field=status, source=R.RUNNING, target=R.PARTIAL)
    def complete_partially(self) -> None:
        """It is over and something stays."""


class CompensationStep(models.Model):
    """The undo of one original within a run; the order is falling `completion_seq`.

    `spec` is the step as planned, `binding` the undo binding that says how it is asked for.
    `adopted`: an undo that was under way already is awaited instead of started.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, db_constraint=False, related_name="+")
    version = models.IntegerField(default=1)
    run = models.ForeignKey(CompensationRun, PROTECT, db_constraint=False, related_name="steps")
    n = models.IntegerField()
    original_type = models.TextField()
    original_id = models.UUIDField()
    original_name = models.TextField()
    completion_seq = models.BigIntegerField(null=True)
    status = FSMField(choices=T.choices, default=T.PLANNED, protected=True)
    mode = models.TextField()
    strategy = models.TextField()
    spec = models.JSONField()
    binding = models.TextField(default="", blank=True)
    compensation_type = models.TextField(default="", blank=True)
    compensation_id = models.UUIDField(null=True)
    adopted = models.BooleanField(default=False)
    amendment = models.BooleanField(default=False)
    error = models.TextField(default="", blank=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "run", "n"], name="cases_step_number"),
            models.UniqueConstraint(
                fields=["tenant", "run", "original_id"], name="cases_step_original"
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["tenant", "original_id"],
                condition=models.Q(status__in=["RUNNING", "FAILED"]),
                name="cases_step_under_way",
            ),
        ]

    @transition(field=status, source=T.PLANNED, target=T.RUNNING)
    def start(self) -> None:
        """Its undo begins, or one under way is adopted."""

    @transition(field=status, source=[T.RUNNING, T.FAILED], target=T.DONE)
    def finish(self) -> None:
        """The original is undone."""

    @transition(field=status, source=[T.PLANNED, T.RUNNING], target=T.FAILED)
    def fail(self) -> None:
        """The undo did not undo, or could not begin."""

    @transition(field=status, source=T.FAILED, target=T.PLANNED)
    def replan(self) -> None:
        """It could not even begin; it is tried from the start."""

    @transition(field=status, source=T.FAILED, target=T.RUNNING)
    def retry(self) -> None:
        """A new attempt."""

    @transition(field=status, source=[T.RUNNING, T.FAILED], target=T.RESOLVED)
    def resolve(self) -> None:
        """A person attested that it is undone."""

    @transition(field=status, source=[T.RUNNING, T.FAILED], target=T.ABANDONED)
    def abandon(self) -> None:
        """The effect stays."""

    @transition(field=status, source=T.RUNNING, target=T.PLANNED)
    def put_back(self) -> None:
        """The undo it had adopted was withdrawn; it starts one of its own."""

    @transition(field=status, source=T.PLANNED, target=T.SKIPPED)
    def skip(self) -> None:
        """It was undone meanwhile."""
