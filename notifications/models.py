"""Who was told of which event, over which channel, and every try at it.

Rows hold codes and links, no words and no addresses: words are made when somebody reads them,
addresses are looked up when something is sent. So erasing a person or a text erases it here too.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import PROTECT
from django.utils.translation import gettext_lazy
from typing_extensions import override

from ledger.dispatch.lease_columns import Leased, trouble_index
from ledger.ids import new_id
from ledger.links import LINK
from notifications.lifecycle import DUE, DeliveryStatus, Topic

IN_APP = "in_app"


class Delivery(Leased):
    """One message about one event to one person over one channel.

    `event_id` is the ledger entry that was the news, and holds what people wrote.
    `subject_*` is what the message leads to.
    `in_place_of`: whose new work it is, where the recipient stands in for somebody.
    `read_at` belongs to in-app messages. `attempts` counts tries, those of a worker that died too.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, related_name="+", **LINK)
    event_id = models.UUIDField()
    event_type = models.TextField()
    topic = models.TextField(choices=Topic.choices)
    subject_type = models.TextField()
    subject_id = models.UUIDField()
    case_id = models.UUIDField(null=True)
    recipient = models.ForeignKey("accounts.Actor", PROTECT, related_name="+", **LINK)
    in_place_of = models.ForeignKey("accounts.Actor", PROTECT, null=True, related_name="+", **LINK)
    channel = models.TextField()
    status = models.TextField(choices=DeliveryStatus.choices, default=DeliveryStatus.PENDING)
    read_at = models.DateTimeField(null=True)
    attempts = models.IntegerField(default=0)
    queue = models.TextField(default="notify", db_default="notify")
    next_attempt_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = gettext_lazy("deliveries")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "event_id", "recipient", "channel"],
                name="notifications_delivery_once",
            ),
        ]
        indexes: ClassVar = [
            trouble_index("notif_delivery_troubled"),
            models.Index(fields=["tenant", "-created_at", "-id"], name="notifications_list"),
            models.Index(
                fields=["tenant", "recipient", "-created_at", "-id"],
                name="notifications_mine",
                condition=models.Q(channel=IN_APP),
            ),
            models.Index(
                fields=["tenant", "recipient"],
                name="notifications_unread",
                condition=models.Q(channel=IN_APP, read_at__isnull=True),
            ),
            models.Index(
                fields=["tenant", "subject_id"],
                name="notifications_needs",
                condition=models.Q(topic=Topic.NEEDS_SOMEBODY),
            ),
            models.Index(
                fields=["queue", "tenant", "next_attempt_at", "id"],
                name="notifications_due",
                condition=models.Q(status__in=sorted(DUE)),
            ),
        ]

    @override
    def __str__(self) -> str:
        return str(Topic(self.topic).label)


class DeliveryAttempt(models.Model):
    """One finished try at one delivery. `status_code` is the server's answer where it gave one."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, db_constraint=False, related_name="+")
    delivery = models.ForeignKey(Delivery, PROTECT, db_constraint=False, related_name="tries")
    at = models.DateTimeField()
    status_code = models.IntegerField(null=True)
    latency_ms = models.IntegerField()
    error = models.TextField(default="", blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["tenant", "delivery", "at"], name="notifications_attempts"),
        ]
