"""What can be undone and what undoes, attempts, plans, runs, steps, and the order of completion.

Runs and steps are guarded: every update of a row raises its version and has its ledger entry. A
step's entry has its run as subject and carries the step, its status and its version.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from django.db import models
from django.db.models import PROTECT
from django.utils.translation import gettext_lazy
from django_fsm import RETURN_VALUE, FSMField, transition
from typing_extensions import override

from compensation import check_tables  # noqa: F401  -- Django looks for tables here
from compensation.lifecycle import (
    LIVE_RUNS,
    AttemptOutcome,
    CompensationState,
    Reversibility,
    RunStatus,
    StepStatus,
    Trigger,
    undo_operations,
)
from ledger.ids import new_id
from ledger.links import LINK
from ledger.ordered_json import OrderedJSONField
from verbs.subject import Ref

R, T, C = RunStatus, StepStatus, CompensationState
_ACTOR, _NEWEST = "accounts.Actor", ("tenant", "-started_at", "-id")
_LIVE = models.Q(status__in=sorted(LIVE_RUNS))
_BUSY, _FAILED = models.Q(status__in=["RUNNING", "WAITING", "FAILED"]), models.Q(status="FAILED")


class UndoableRow(models.Model):
    """The columns of everything that can be undone.

    `policy` says how (stored form of a `CompensationPolicy`), `case_id` and `binding` where it
    belongs, `completion_seq` its place in the order of completion.
    """

    compensation_state = models.TextField(gettext_lazy("undo"), choices=C.choices, default=C.NONE)
    compensation_round = models.IntegerField(default=0)
    policy = models.JSONField(default=dict)
    reversibility = models.TextField(
        choices=Reversibility.choices, default=Reversibility.UNSPECIFIED
    )
    case_id = models.UUIDField(null=True)
    binding = models.TextField(gettext_lazy("step"), default="")
    completion_seq = models.BigIntegerField(gettext_lazy("finished as number"), null=True)

    class Meta:
        abstract = True


class UndoingRow(models.Model):
    """The columns of what may itself undo something, all set at insert.

    `undoes_*` names the original; `compensation` holds requested_by, reason, regulatory_basis,
    strategy, mode, run, attempt and the frozen `original_snapshot`.
    """

    undoes_type = models.TextField(default="")
    undoes_id = models.UUIDField(gettext_lazy("undoes"), null=True)
    compensation = models.JSONField(null=True)
    run_id = models.UUIDField(gettext_lazy("rollback"), null=True)

    class Meta:
        abstract = True


def _moves(name: str, sources: Iterable[str], target: str) -> Callable[[Any], None]:
    """Return the FSM method of this name, which changes nothing but the status."""

    def move(_self: Any) -> None:
        return None

    move.__name__, move.__doc__ = name, f"{', '.join(sorted(sources))} → {target}."
    marked: Callable[[Any], None] = transition(
        field="status", source=sorted(sources), target=target
    )(move)
    return marked


#: The FSM methods of everything that can be undone, by the operation they go with.
_UNDO_METHODS = {
    "compensate": "compensate",
    "settle_compensated": "settle_compensated",
    "settle_faulted": "settle_faulted",
    "retry_compensation": "retry",
    "attest": "attest",
    "abandon": "abandon",
    "withdraw": "withdraw",
}


def undo_methods(settled: str, unsure: str | None = None) -> tuple[Any, ...]:
    """Return the FSM methods of the rows of `undo_operations`, in the order of `_UNDO_METHODS`.

    Retry, reassign and hand-to-human are one transition: a new attempt. With `unsure`, a row has
    the column `outcome_unknown`, which says to which of both statuses it goes back.
    """
    rows = undo_operations(settled, unsure)
    return tuple(
        _moves(name, rows[operation].sources or (), str(rows[operation].target))
        if rows[operation].target is not None
        else _moves_back(name, rows[operation].sources or (), settled, str(unsure))
        for name, operation in _UNDO_METHODS.items()
    )


def _moves_back(
    name: str, sources: Iterable[str], settled: str, unsure: str
) -> Callable[[Any], str]:
    """Return the FSM method of this name, which goes back to where the undo began."""

    def move(self: Any) -> str:
        return unsure if self.outcome_unknown else settled

    move.__name__, move.__doc__ = name, f"{', '.join(sorted(sources))} → {settled} or {unsure}."
    marked: Callable[[Any], str] = transition(
        field="status", source=sorted(sources), target=RETURN_VALUE(settled, unsure)
    )(move)
    return marked


class CompensationAttempt(models.Model):
    """One try at undoing one finished work item or execution. Every try is a row.

    `round` counts COMPLETED→COMPENSATING, `number` the tries within it. `compensation_*` names what
    does the undoing: a work item or an execution.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, related_name="+", **LINK)
    original_type = models.TextField()
    original_id = models.UUIDField()
    round = models.IntegerField()
    number = models.IntegerField()
    mode = models.TextField()
    strategy = models.TextField()
    capability = models.TextField(default="")
    performer = models.TextField(default="")
    replaced_performer = models.TextField(default="")
    compensation_type = models.TextField()
    compensation_id = models.UUIDField()
    request = OrderedJSONField()
    requested_by = models.ForeignKey(_ACTOR, PROTECT, related_name="+", **LINK)
    run_id = models.UUIDField(null=True)
    outcome = models.TextField(
        choices=AttemptOutcome.choices, default=AttemptOutcome.OPEN, blank=True
    )
    error = models.TextField(default="")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "original_type", "original_id", "round", "number"],
                name="compensation_attempt_number",
            ),
            # Two compensations at once cannot both open an attempt, whatever else fails.
            models.UniqueConstraint(
                fields=["tenant", "original_type", "original_id"],
                condition=models.Q(outcome=""),
                name="compensation_attempt_one_open",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "compensation_id"], name="compensation_attempt_by_undo"),
        ]


class CompletionCounter(models.Model):
    """The last completion number of a case: the order of completion, drawn under its row lock."""

    case_id = models.UUIDField(primary_key=True)
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, related_name="+", **LINK)
    last = models.BigIntegerField(default=0)


class CompensationPlan(models.Model):
    """A frozen answer to "what would be undone". Written once, good for 15 minutes.

    `content` holds `steps` and `excluded` as people read them; `digest` is over what decides.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, related_name="+", **LINK)
    subject_type = models.TextField()
    subject_id = models.UUIDField()
    whole_type = models.TextField(default="", blank=True)
    whole_id = models.UUIDField(null=True)
    scope = models.JSONField()
    strategy = models.TextField(default="", blank=True)
    include = models.JSONField(default=list)
    reason = models.TextField()
    regulatory_basis = models.JSONField(default=list)
    digest = models.TextField()
    content = models.JSONField()
    requires_approval = models.BooleanField(default=False)
    created_by = models.ForeignKey(_ACTOR, PROTECT, db_constraint=False, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["tenant", "subject_id"], name="compensation_plan_subject"),
        ]

    @property
    def about(self) -> Ref:
        """Type and id of what it is about."""
        return (self.subject_type, self.subject_id)


class CompensationRun(models.Model):
    """The governed request that executes a plan.

    `whole_*` is what its pieces belong to, if anything; `root_id` the tree whose one live slot it
    takes. `held`: somebody paused it and nobody has resumed it, even where a failed step has
    stopped it since. `waits_for`: forward work whose result it waits for (`Awaited`).
    `stopped_since`: its news, of loose work, could not be handled, because of `stopped_error`.
    """

    subject_type: ClassVar[str] = "compensation_run"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, related_name="+", **LINK)
    version = models.IntegerField(default=1)
    plan = models.ForeignKey(CompensationPlan, PROTECT, db_constraint=False, related_name="runs")
    about_type = models.TextField()
    about_id = models.UUIDField()
    whole_type = models.TextField(default="", blank=True)
    whole_id = models.UUIDField(null=True)
    root_id = models.UUIDField(null=True)
    parent_run = models.ForeignKey("self", PROTECT, null=True, related_name="child_runs", **LINK)
    trigger = models.TextField(choices=Trigger.choices, default=Trigger.OPERATOR)
    status = FSMField(choices=R.choices, default=R.RUNNING, protected=True)
    requested_by = models.ForeignKey(_ACTOR, PROTECT, db_constraint=False, related_name="+")
    reason = models.TextField()
    regulatory_basis = models.JSONField(default=list)
    resume_after = models.BooleanField(default=False)
    held = models.BooleanField(default=False)
    waits_for = models.JSONField(default=list)
    stopped_since = models.DateTimeField(null=True)
    stopped_error = models.TextField(default="", blank=True, db_default="")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = gettext_lazy("rollback")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "root_id"],
                condition=_LIVE & models.Q(parent_run__isnull=True, root_id__isnull=False),
                name="compensation_run_one_live",
            ),
            models.UniqueConstraint(
                fields=["tenant", "about_type", "about_id"],
                condition=_LIVE & models.Q(parent_run__isnull=True),
                name="compensation_run_one_live_about",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=_NEWEST, name="compensation_run_list"),
            models.Index(fields=_NEWEST, name="compensation_run_live", condition=_LIVE),
            models.Index(fields=["tenant", "about_id"], name="compensation_run_about"),
            models.Index(fields=["tenant", "whole_id"], name="compensation_run_whole"),
        ]

    @override
    def __str__(self) -> str:
        return self.reason[:80]

    @property
    def about(self) -> Ref:
        """Type and id of what it is about."""
        return (self.about_type, self.about_id)

    @functools.cached_property
    def left_out(self) -> list[dict[str, Any]]:
        """What its plan excluded. A locked run has read that without the rest of the plan."""
        excluded: list[dict[str, Any]] = self.plan.content["excluded"]
        return excluded

    @property
    def about_whole(self) -> bool:
        """Whether it moves the status of a whole, not of one piece in it."""
        return self.whole_id is not None and self.about_id == self.whole_id

    @transition(field=status, source=R.RUNNING, target=R.PAUSED)
    def pause(self) -> None:
        """No further step starts."""
        self.held = True

    @transition(field=status, source=R.PAUSED, target=R.RUNNING)
    def resume(self) -> None:
        """Steps start again."""
        self.held = False

    #: A step failed and holds the run.
    fail = _moves("fail", {R.RUNNING, R.PAUSED}, R.FAULTED)

    @transition(field=status, source=R.FAULTED, target=RETURN_VALUE(R.RUNNING, R.PAUSED))
    def go_on(self) -> str:
        """The failed step was retried, resolved or abandoned. What was on hold stays so."""
        return str(R.PAUSED if self.held else R.RUNNING)

    #: Everything in its scope is undone.
    complete = _moves("complete", {R.RUNNING}, R.COMPLETED)
    #: It is over and something stays.
    complete_partially = _moves("complete_partially", {R.RUNNING}, R.PARTIAL)


_IN_LINE = ("tenant", "run", "undo_order", models.F("completion_seq").desc(nulls_last=True), "n")


class CompensationStep(models.Model):
    """The undo of one original in a run, by rising `undo_order`, then falling `completion_seq`.

    `spec` is the step as planned, `binding` the undo binding that says how it is asked for.
    `adopted`: an undo that was under way already is awaited instead of started.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, related_name="+", **LINK)
    version = models.IntegerField(default=1)
    run = models.ForeignKey(CompensationRun, PROTECT, related_name="steps", **LINK)
    n = models.IntegerField()
    original_type = models.TextField()
    original_id = models.UUIDField()
    original_name = models.TextField()
    completion_seq = models.BigIntegerField(null=True)
    undo_order = models.FloatField(null=True)
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
            models.UniqueConstraint(fields=["tenant", "run", "n"], name="compensation_step_number"),
            models.UniqueConstraint(
                fields=["tenant", "run", "original_id"], name="compensation_step_original"
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["tenant", "original_id"],
                condition=models.Q(status__in=["RUNNING", "FAILED"]),
                name="compensation_step_under_way",
            ),
            # The next step of a run of a thousand, and what is under way in it.
            models.Index(
                *_IN_LINE, condition=models.Q(status="PLANNED"), name="compensation_step_next"
            ),
            models.Index(fields=["tenant", "run"], condition=_BUSY, name="compensation_step_busy"),
            models.Index("tenant", "id", condition=_FAILED, name="compensation_step_failed"),
        ]

    @property
    def place(self) -> tuple[bool, float, int, int]:
        """Its place in the order of undoing, the first lowest."""
        declared = (self.undo_order is None, self.undo_order or 0.0)
        return (*declared, -(self.completion_seq or 0), self.n)

    #: Its undo begins, or one under way is adopted.
    start = _moves("start", {T.PLANNED}, T.RUNNING)
    #: The original is undone.
    finish = _moves("finish", {T.RUNNING, T.FAILED}, T.DONE)
    #: The undo did not undo, or could not begin.
    fail = _moves("fail", {T.PLANNED, T.RUNNING}, T.FAILED)
    #: It could not even begin; it is tried from the start.
    replan = _moves("replan", {T.FAILED}, T.PLANNED)
    #: A new attempt.
    retry = _moves("retry", {T.FAILED}, T.RUNNING)
    #: A person attested that it is undone.
    resolve = _moves("resolve", {T.RUNNING, T.FAILED}, T.RESOLVED)
    #: The effect stays.
    abandon = _moves("abandon", {T.RUNNING, T.FAILED}, T.ABANDONED)
    #: The undo it had adopted was withdrawn; it starts one of its own.
    put_back = _moves("put_back", {T.RUNNING}, T.PLANNED)
    skip = _moves("skip", {T.PLANNED}, T.SKIPPED)  #: It was undone meanwhile.
