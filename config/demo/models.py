"""Accounts that the demo's capabilities move money between, so that an undo can be counted."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from ledger.ids import new_id


class DemoAccount(models.Model):
    """An account of one tenant. `balance` is in minor units (cents) and never below zero."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(
        "accounts.Tenant", models.PROTECT, db_constraint=False, related_name="+"
    )
    name = models.TextField()
    balance = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "name"], name="demo_account_name"),
            models.CheckConstraint(condition=models.Q(balance__gte=0), name="demo_account_funds"),
        ]


class DemoTransfer(models.Model):
    """One movement of money: the effect itself, at most one for an idempotency key.

    `output`, `before` and `after` are what the capability answered, for a call that comes again.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(
        "accounts.Tenant", models.PROTECT, db_constraint=False, related_name="+"
    )
    idempotency_key = models.TextField()
    source = models.TextField()
    target = models.TextField()
    amount = models.BigIntegerField()
    output = models.JSONField()
    before = models.JSONField()
    after = models.JSONField()
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "idempotency_key"], name="demo_transfer_once"
            ),
        ]
