"""Approvals, their steps, and when they expire; and the policies that ask for them.

An approval is guarded: every update raises its version and has its ledger entry. A step changes
only together with its approval. What is done to a policy is an entry of the tenant.
"""

from __future__ import annotations

import functools
import uuid
from typing import ClassVar

from django.db import models
from django.db.models import PROTECT
from django.utils.translation import gettext_lazy
from django_fsm import RETURN_VALUE, FSMField, transition
from typing_extensions import override

from governance.lifecycle import ApprovalStatus, Effect, Severity, StepDecision
from ledger.dispatch.lease_columns import Leased, trouble_index
from ledger.ids import new_id
from ledger.links import LINK

S = ApprovalStatus
_ACTOR = "accounts.Actor"
_WAITS = models.Q(status=S.PENDING)
_NEWEST = ("tenant", "-created_at", "-id")
_IN_FORCE = models.Q(ended_at__isnull=True)


class Approval(models.Model):
    """What somebody wants done, and who agrees to it.

    `about_*` is what it is about, `action` the verb, `given` that verb's input, and `digest` is
    over everything that matters of the three: when another one comes of them, something has changed
    since. `asked_by`: who asked for it beside `requested_by`, as whoever opened the case whose step
    it is; they decide it as little. `decisions` says which rules asked for it. `step` is the number
    of the one that waits.
    """

    subject_type: ClassVar[str] = "approval"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, related_name="+", **LINK)
    version = models.IntegerField(default=1)
    about_type = models.TextField()
    about_id = models.UUIDField()
    case_id = models.UUIDField(null=True)
    action = models.TextField()
    digest = models.TextField()
    given = models.JSONField(default=dict)
    status = FSMField(choices=S.choices, default=S.PENDING, protected=True)
    requested_by = models.ForeignKey(_ACTOR, PROTECT, related_name="+", **LINK)
    reason = models.TextField()
    asked_by = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))
    decisions = models.JSONField(default=list)
    step = models.IntegerField(default=1)
    ended_because = models.TextField(default="", blank=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            # Of two who ask at once one finds what the other asked.
            models.UniqueConstraint(
                fields=["tenant", "about_type", "about_id"],
                condition=_WAITS,
                name="governance_approval_one_pending",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=_NEWEST, name="governance_approval_list"),
            models.Index(fields=_NEWEST, name="governance_approval_waiting", condition=_WAITS),
            models.Index(fields=["tenant", "about_id"], name="governance_approval_about"),
            models.Index(
                fields=["tenant", "requested_by", "-created_at", "-id"],
                name="governance_approval_asked",
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.reason[:80]

    @property
    def about(self) -> tuple[str, uuid.UUID]:
        """Type and id of what it is about."""
        return (self.about_type, self.about_id)

    def is_asked_by(self, actor_id: uuid.UUID) -> bool:
        """Whether somebody has asked for it, in their own name or behind the system."""
        return self.requested_by_id == actor_id or str(actor_id) in self.asked_by

    @functools.cached_property
    def ordered(self) -> list[ApprovalStep]:
        """Its steps in their order. Lists put them here, read for all of them at once."""
        rows = ApprovalStep.objects.filter(tenant_id=self.tenant_id, approval_id=self.pk)
        return list(rows.order_by("n"))

    @property
    def waiting_step(self) -> ApprovalStep:
        """The step that waits, or was decided last."""
        return self.ordered[self.step - 1]

    @transition(field=status, source=S.PENDING, target=RETURN_VALUE(S.PENDING, S.GRANTED))
    def approve(self) -> str:
        """The step that waits is granted; after the last one all of it is."""
        if self.step == len(self.ordered):
            return str(S.GRANTED)
        self.step += 1
        return str(S.PENDING)

    @transition(field=status, source=S.PENDING, target=S.REFUSED)
    def reject(self) -> None:
        """Somebody who decides a step said no."""

    @transition(field=status, source=S.PENDING, target=S.WITHDRAWN)
    def withdraw(self) -> None:
        """Whoever asked for it does not want it any more."""

    @transition(field=status, source=S.PENDING, target=S.EXPIRED)
    def expire(self) -> None:
        """Nobody decided in time."""

    @transition(field=status, source=S.PENDING, target=S.SUPERSEDED)
    def supersede(self) -> None:
        """What it is about is not as it was when it was asked for."""


class ApprovalStep(models.Model):
    """One step: the people, groups and roles any one of whom decides it, and what one said."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, related_name="+", **LINK)
    approval = models.ForeignKey(Approval, PROTECT, related_name="steps", **LINK)
    n = models.IntegerField()
    users = models.JSONField(default=list)
    groups = models.JSONField(default=list)
    roles = models.JSONField(default=list)
    decided_by = models.ForeignKey(_ACTOR, PROTECT, null=True, related_name="+", **LINK)
    decision = models.TextField(choices=StepDecision.choices, default=StepDecision.NONE, blank=True)
    reason = models.TextField(default="", blank=True)
    at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "approval", "n"], name="governance_step_number"
            ),
        ]
        indexes: ClassVar = [
            # Who decided one step of an approval decides no other.
            models.Index(
                fields=["tenant", "decided_by", "approval"],
                name="governance_step_decided",
                condition=models.Q(decided_by__isnull=False),
            ),
        ]


class ApprovalExpiry(Leased):
    """When an approval that waits expires, and who sees to that now. Not news, so not guarded.

    Its columns are those of every row that falls due; times are the database's clock.
    """

    approval = models.OneToOneField(
        Approval, models.CASCADE, primary_key=True, db_constraint=False, related_name="+"
    )
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, related_name="+", **LINK)
    queue = models.TextField(default="upkeep", db_default="upkeep")
    due_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [
            trouble_index("governance_expiry_troubled"),
            models.Index(
                fields=["queue", "tenant", "due_at", "approval"], name="governance_expiry_due"
            ),
        ]


class Policy(models.Model):
    """What the tenant says of executions that are asked for: allowed, refused, changed, or only
    with approval.

    `when` is an expression in jq over the intent; `change`, of a policy that modifies, gives what
    is run instead. `approvers` are steps `{users, groups, roles}` (actors by id); none mean any
    approver. `on_stale`: what happens when the state is not the expected one any more, "" where it
    leaves that to the capability. The lowest `priority` is asked first.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, related_name="+", **LINK)
    version = models.IntegerField(default=1)
    name = models.TextField()
    priority = models.IntegerField()
    when = models.TextField()
    effect = models.TextField(choices=Effect.choices)
    change = models.TextField(default="")
    approvers = models.JSONField(default=list)
    second_factor = models.BooleanField(default=False)
    on_stale = models.TextField(default="")
    reason = models.TextField()
    severity = models.TextField(choices=Severity.choices, default=Severity.MEDIUM)
    created_by = models.ForeignKey(_ACTOR, PROTECT, related_name="+", **LINK)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = gettext_lazy("policy")
        verbose_name_plural = gettext_lazy("policies")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "name"], name="governance_policy_once", condition=_IN_FORCE
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["tenant", "priority", "id"],
                name="governance_policy_in_force",
                condition=_IN_FORCE,
            ),
            models.Index(fields=_NEWEST, name="governance_policy_list", condition=_IN_FORCE),
        ]

    @override
    def __str__(self) -> str:
        return self.name
