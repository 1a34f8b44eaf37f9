"""What other tenants ask to have undone here, one row for each time that one asks."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import PROTECT
from django.utils.translation import gettext_lazy
from django_fsm import FSMField, transition
from typing_extensions import override

from compensation.lifecycle import RequestStatus
from ledger.ids import new_id
from ledger.links import LINK

Q = RequestStatus
_NEWEST = ("tenant", "-created_at", "-id")
_WAITS = models.Q(status=Q.PENDING)


class CompensationRequest(models.Model):
    """A request of another tenant, written here by whoever carries its news. It is this tenant's.

    `asking_*` says who asks: the tenant and its execution, by ids that nobody here can read, its
    name as it gives it, and the hash of its entry (hex). `reason` and `regulatory_basis` are what
    it says; `run_id` is the rollback that an approval has started, `answer` a code of why it
    failed, `answer_reason` the words of whoever decided, which stay here.
    """

    subject_type: ClassVar[str] = "compensation_request"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, related_name="+", **LINK)
    version = models.IntegerField(default=1)
    about_type = models.TextField()
    about_id = models.UUIDField()
    status = FSMField(choices=Q.choices, default=Q.PENDING, protected=True)
    asking_tenant_id = models.UUIDField(editable=False)
    asking_id = models.UUIDField(editable=False)
    asking_name = models.TextField(gettext_lazy("asked for by"))
    asking_hash = models.TextField()
    strategy = models.TextField(default="restore")
    reason = models.TextField(default="", blank=True)
    regulatory_basis = models.JSONField(default=list)
    run_id = models.UUIDField(gettext_lazy("rollback"), null=True)
    decided_by = models.ForeignKey("accounts.Actor", PROTECT, null=True, related_name="+", **LINK)
    answer = models.TextField(default="", blank=True)
    answer_reason = models.TextField(default="", blank=True)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = gettext_lazy("request of another organisation")
        verbose_name_plural = gettext_lazy("requests of other organisations")
        constraints: ClassVar = [
            # Whoever carries the news twice, or is killed and carries it again, asks once.
            models.UniqueConstraint(
                fields=["tenant", "asking_tenant_id", "asking_id"],
                name="compensation_request_once",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=_NEWEST, name="compensation_request_list"),
            models.Index(fields=_NEWEST, name="compensation_request_waiting", condition=_WAITS),
            models.Index(
                fields=["tenant", "status", "-created_at", "-id"],
                name="compensation_request_status",
            ),
            models.Index(fields=["tenant", "about_id"], name="compensation_request_about"),
            models.Index(
                fields=["tenant", "run_id"],
                name="compensation_request_run",
                condition=models.Q(run_id__isnull=False),
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.asking_name[:80]

    @property
    def about(self) -> tuple[str, uuid.UUID]:
        """Type and id of what it asks to have undone."""
        return (self.about_type, self.about_id)

    @transition(field=status, source=Q.PENDING, target=Q.APPROVED)
    def approve(self) -> None:
        """An operator agrees: the undo begins."""

    @transition(field=status, source=Q.PENDING, target=Q.REFUSED)
    def reject(self) -> None:
        """An operator does not."""

    @transition(field=status, source=Q.APPROVED, target=Q.DONE)
    def settle_done(self) -> None:
        """It is undone."""

    @transition(field=status, source=[Q.PENDING, Q.APPROVED], target=Q.FAILED)
    def settle_failed(self) -> None:
        """The undo has ended without that, or nobody asks for it any more."""
