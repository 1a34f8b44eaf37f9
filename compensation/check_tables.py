"""When a tenant is looked through for undos that hang, as a row that falls due."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import PROTECT
from django.db.models.functions import Now

from ledger.dispatch.lease_columns import Leased, trouble_index
from ledger.ids import new_id


class UndoCheck(Leased):
    """The next look, and what the last one found. The database makes it with the tenant.

    Its columns are those of every row that falls due; times are the database's clock.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.OneToOneField("accounts.Tenant", PROTECT, db_constraint=False, related_name="+")
    queue = models.TextField(default="upkeep", db_default="upkeep")
    due_at = models.DateTimeField(db_default=Now())
    checked_at = models.DateTimeField(null=True)
    found = models.IntegerField(default=0, db_default=0)

    class Meta:
        indexes: ClassVar = [
            trouble_index("comp_check_troubled"),
            models.Index(fields=["queue", "tenant", "due_at", "id"], name="compensation_check_due"),
        ]
