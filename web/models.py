"""The first answers to requests that carried an Idempotency-Key."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from ledger.ids import new_id


class IdempotencyKey(models.Model):
    """A remembered 2xx answer, inserted in the transaction of the effect it answers for."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(
        "accounts.Tenant", models.PROTECT, db_constraint=False, related_name="+"
    )
    membership = models.ForeignKey(
        "accounts.Membership", models.CASCADE, db_constraint=False, related_name="+"
    )
    key = models.TextField()
    request = models.TextField()
    body_hash = models.TextField()
    status = models.IntegerField()
    headers = models.JSONField(default=dict)
    body = models.JSONField()
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "membership", "key"], name="web_idempotency_once"
            ),
        ]
