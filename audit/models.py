"""When the ledger of a tenant is looked at, as a row that falls due, and what was found last."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import PROTECT
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from typing_extensions import override

from ledger.dispatch.lease_columns import Leased, trouble_index
from ledger.ids import new_id


class LedgerWatch(Leased):
    """The next look, and what the last one found. The database makes it with the tenant.

    `noted` is the trouble that people were told of and that is not over, `told` the digest of what
    is missing, `found` what was counted when all of it was (`counted_at`). `stopped` are the
    sources of due work that people were told of, by name, with the moment since which their work is
    in trouble. The other columns are those of every row that falls due.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.OneToOneField("accounts.Tenant", PROTECT, db_constraint=False, related_name="+")
    queue = models.TextField(default="upkeep", db_default="upkeep")
    due_at = models.DateTimeField(db_default=Now())
    checked_at = models.DateTimeField(null=True)
    counted_at = models.DateTimeField(null=True)
    found = models.JSONField(null=True)
    noted = models.TextField(default="", db_default="")
    stopped = models.JSONField(default=dict, db_default={})
    told = models.TextField(default="", db_default="")

    class Meta:
        verbose_name = gettext_lazy("look after the ledger")
        verbose_name_plural = gettext_lazy("looks after the ledger")
        indexes: ClassVar = [
            trouble_index("audit_watch_troubled"),
            models.Index(fields=["queue", "tenant", "due_at", "id"], name="audit_watch_due"),
        ]

    @override
    def __str__(self) -> str:
        return _("Looked at every hour")
