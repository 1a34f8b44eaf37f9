"""Events that came from outside. A row never changes; the tenant's ledger has an entry of each."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import PROTECT
from typing_extensions import override

from ledger.ids import new_id
from ledger.links import LINK


class InboundEvent(models.Model):
    """One accepted CloudEvent (1.0). `source` and `event_id` tell it from every other of its
    tenant; `extensions` are its further attributes, `data` what it says. `entry_id` is the ledger
    entry that announces it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, related_name="+", **LINK)
    source = models.TextField()
    event_id = models.TextField()
    type = models.TextField()
    subject = models.TextField(default="")
    time = models.DateTimeField(null=True)
    data_content_type = models.TextField(default="")
    data_schema = models.TextField(default="")
    extensions = models.JSONField(default=dict)
    data = models.JSONField(null=True)
    received_by = models.ForeignKey("accounts.Actor", PROTECT, related_name="+", **LINK)
    created_at = models.DateTimeField()
    entry_id = models.UUIDField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "source", "event_id"], name="events_once"),
            models.UniqueConstraint(fields=["tenant", "entry_id"], name="events_of_entry"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="events_list"),
            models.Index(fields=["tenant", "type", "-created_at", "-id"], name="events_type"),
            models.Index(fields=["tenant", "source", "-created_at", "-id"], name="events_source"),
            models.Index(fields=["tenant", "subject", "-created_at", "-id"], name="events_subject"),
        ]

    @override
    def __str__(self) -> str:
        return self.type
