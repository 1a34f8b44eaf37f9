"""Attempts, plans, runs, steps, and the order of completion.

Runs and steps are guarded: every update of a row raises its version and has its ledger entry. A
step's entry has its run as subject and carries the step, its status and its version.
"""

from __future__ import annotations

import functools
import uuid
from typing import Any, ClassVar

from django.db import models
from django.db.models import PROTECT
from django.utils.translation import gettext_lazy
from django_fsm import RETURN_VALUE, FSMField, transition
from typing_extensions import override

from compensation import check_tables, foreign_request_tables  # noqa: F401  -- Django looks here
from compensation.lifecycle import (
    LIVE_RUNS,
    AttemptOutcome,
    RunStatus,
    StepStatus,
    Trigger,
)
from compensation.undoable_rows import moving
from ledger.ids import new_id
from ledger.links import LINK
from ledger.ordered_json import OrderedJSONField
from verbs.subject import Ref

R, T = RunStatus, StepStatus
_ACTOR, _NEWEST = "accounts.Actor", ("tenant", "-started_at", "-id")
_LIVE = models.Q(status__in=sorted(LIVE_RUNS))
_NONE = models.Value([], output_field=models.JSONField())
_BUSY, _FAILED = models.Q(status__in=["RUNNING", "WAITING", "FAILED"]), models.Q(status="FAILED")


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
            models.Index(fields=["tenant", "-started_at"], name="compensation_attempt_lately"),
        ]


class CompletionCounter(models.Model):
    """The last completion number of a case: the order of completion, drawn under its row lock."""

    case_id = models.UUIDField(primary_key=True)
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, related_name="+", **LINK)
    last = models.BigIntegerField(default=0)


class CompensationPlan(models.Model):
    """A frozen answer to "what would be undone". Written once, good for 15 minutes.

    `content` holds `steps` and `excluded` as people read them; `digest` is over what decides.
    `waive`: what may stay although it cannot be undone, `override_window`: what is undone although
    its time is over, each with the reason.
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
    waive = models.JSONField(default=list, db_default=_NONE)
    override_window = models.JSONField(default=list, db_default=_NONE)
    resume_after = models.BooleanField(default=False, db_default=False)
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
    `parent_run`: it is a step of that one, which is about the whole `above_id`. `decisions`: the
    policies that applied, and what else asked for approval; `exceptions`: what was said of single
    steps of its plan (`plan_exceptions`). `stopped_since`: its news, of loose
    work, could not be handled, because of `stopped_error`.
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
    above_id = models.UUIDField(null=True)
    trigger = models.TextField(choices=Trigger.choices, default=Trigger.OPERATOR)
    status = FSMField(choices=R.choices, default=R.RUNNING, protected=True)
    requested_by = models.ForeignKey(_ACTOR, PROTECT, db_constraint=False, related_name="+")
    reason = models.TextField()
    regulatory_basis = models.JSONField(default=list)
    resume_after = models.BooleanField(default=False)
    decisions = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))
    exceptions = models.JSONField(default=list, db_default=_NONE)
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
                condition=_LIVE,
                name="compensation_run_one_live_about",
            ),
            # Of two who ask at once one finds what the other asked.
            models.UniqueConstraint(
                fields=["tenant", "about_type", "about_id"],
                condition=models.Q(status=R.PENDING_APPROVAL),
                name="compensation_run_one_waiting",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=_NEWEST, name="compensation_run_list"),
            models.Index(fields=_NEWEST, name="compensation_run_live", condition=_LIVE),
            models.Index(fields=["tenant", "about_id"], name="compensation_run_about"),
            models.Index(fields=["tenant", "whole_id"], name="compensation_run_whole"),
            models.Index(
                fields=["tenant", "parent_run"],
                name="compensation_run_below",
                condition=models.Q(parent_run__isnull=False),
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.reason[:80]

    @property
    def about(self) -> Ref:
        """Type and id of what it is about."""
        return (self.about_type, self.about_id)

    @property
    def case_id(self) -> uuid.UUID | None:
        """The whole it is in, as entries and approvals name what they belong to."""
        return self.whole_id

    @property
    def asked_others(self) -> bool:
        """Whether anybody had to agree to it."""
        return any(each["effect"] == "require_approval" for each in self.decisions)

    @functools.cached_property
    def left_out(self) -> list[dict[str, Any]]:
        """What its plan excluded. A locked run has read that without the rest of the plan."""
        excluded: list[dict[str, Any]] = self.plan.content["excluded"]
        return excluded

    @property
    def about_whole(self) -> bool:
        """Whether it moves the status of a whole, not of one piece in it."""
        return self.whole_id is not None and self.about_id == self.whole_id

    #: Everybody who had to agree has agreed.
    begin = moving("begin", {R.PENDING_APPROVAL}, R.RUNNING)
    #: Somebody who had to agree said no.
    reject = moving("reject", {R.PENDING_APPROVAL}, R.REJECTED)
    #: Nobody agreed in time.
    expire = moving("expire", {R.PENDING_APPROVAL}, R.EXPIRED)
    #: What would be undone, or decided about that, is not what it was when it was asked for.
    supersede = moving("supersede", {R.PENDING_APPROVAL}, R.SUPERSEDED)
    #: Whoever asked for it, or an operator, does not want it any more.
    cancel = moving("cancel", {R.PENDING_APPROVAL}, R.CANCELLED)

    @transition(field=status, source=R.RUNNING, target=R.PAUSED)
    def pause(self) -> None:
        """No further step starts."""
        self.held = True

    @transition(field=status, source=R.PAUSED, target=R.RUNNING)
    def resume(self) -> None:
        """Steps start again."""
        self.held = False

    #: A step failed and holds the run.
    fail = moving("fail", {R.RUNNING, R.PAUSED}, R.FAULTED)

    @transition(field=status, source=R.FAULTED, target=RETURN_VALUE(R.RUNNING, R.PAUSED))
    def go_on(self) -> str:
        """The failed step was retried, resolved or abandoned. What was on hold stays so."""
        return str(R.PAUSED if self.held else R.RUNNING)

    #: Everything in its scope is undone.
    complete = moving("complete", {R.RUNNING}, R.COMPLETED)
    #: It is over and something stays.
    complete_partially = moving("complete_partially", {R.RUNNING}, R.PARTIAL)


_IN_LINE = ("tenant", "run", "undo_order", models.F("completion_seq").desc(nulls_last=True), "n")


class CompensationStep(models.Model):
    """The undo of one original in a run, by rising `undo_order`, then falling `completion_seq`.

    `spec` is the step as planned, `binding` the undo binding that says how it is asked for.
    `adopted`: an undo that was under way already is awaited instead of started. `decisions`: the
    policies that were against its undo.
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
    decisions = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))
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
    def lets_go_on(self) -> bool:
        """Whether the rest is undone although this has failed (`on_failure: continue`)."""
        return bool(self.spec.get("on_failure") == "continue")

    @property
    def place(self) -> tuple[bool, float, int, int]:
        """Its place in the order of undoing, the first lowest."""
        declared = (self.undo_order is None, self.undo_order or 0.0)
        return (*declared, -(self.completion_seq or 0), self.n)

    #: Its undo begins, or one under way is adopted.
    start = moving("start", {T.PLANNED}, T.RUNNING)
    #: The original is undone.
    finish = moving("finish", {T.RUNNING, T.FAILED}, T.DONE)
    #: The undo did not undo, or could not begin.
    fail = moving("fail", {T.PLANNED, T.RUNNING}, T.FAILED)
    #: It could not even begin; it is tried from the start.
    replan = moving("replan", {T.FAILED}, T.PLANNED)
    #: A new attempt.
    retry = moving("retry", {T.FAILED}, T.RUNNING)
    #: A person attested that it is undone.
    resolve = moving("resolve", {T.RUNNING, T.FAILED}, T.RESOLVED)
    #: The effect stays.
    abandon = moving("abandon", {T.RUNNING, T.FAILED}, T.ABANDONED)
    #: The undo it had adopted was withdrawn; it starts one of its own.
    put_back = moving("put_back", {T.RUNNING}, T.PLANNED)
    skip = moving("skip", {T.PLANNED}, T.SKIPPED)  #: It was undone meanwhile.
