"""The columns by which the lease code knows a row: a task, or one that falls due."""

from __future__ import annotations

from django.db import models


class Leased(models.Model):
    """What is leased by one worker at a time. `troubled_since`: its work was met by trouble then,
    and has not ended well since. Times are the database's clock."""

    leased_until = models.DateTimeField(null=True)
    lease_token = models.UUIDField(null=True)
    troubled_since = models.DateTimeField(null=True)

    class Meta:
        abstract = True


def trouble_index(name: str, tenant: str = "tenant") -> models.Index:
    """Return the index by which rows in trouble are found. No other row has an entry in it."""
    only = models.Q(troubled_since__isnull=False)
    return models.Index(fields=[tenant, "troubled_since"], name=name, condition=only)
