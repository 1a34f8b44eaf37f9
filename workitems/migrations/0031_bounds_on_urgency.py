"""Bounds on what is most urgent are asked of its indexes.

The indexes had `COALESCE(due_at, …)`, which the server does not trust to keep a row secret: under
row-level security a bound on it was no condition of the index but a filter of all its rows. With a
CASE in its place it is a condition.
"""

from __future__ import annotations

import datetime as dt

from django.db import migrations, models

_DUE = models.Case(
    models.When(
        due_at__isnull=True,
        then=models.Value(dt.datetime(9000, 12, 31, 23, 59, 59, 999_999, tzinfo=dt.timezone.utc)),
    ),
    default=models.F("due_at"),
    output_field=models.DateTimeField(),
)
_RANK = models.Case(
    models.When(priority=4, then=models.Value(0)),
    models.When(priority=3, then=models.Value(1)),
    models.When(priority=2, then=models.Value(2)),
    default=models.Value(3),
    output_field=models.SmallIntegerField(),
)
_URGENCY = (_DUE, _RANK, models.F("created_at"), models.F("id"))
_INDEXES = (
    models.Index(
        models.F("tenant"),
        models.F("assignee"),
        *_URGENCY,
        name="workitems_mine_new",
        condition=models.Q(status__in=["ASSIGNED", "DELEGATED", "IN_PROGRESS"]),
    ),
    models.Index(
        models.F("tenant"),
        *_URGENCY,
        name="workitems_pool_new",
        condition=models.Q(status="PENDING"),
    ),
    models.Index(
        models.F("tenant"),
        *_URGENCY,
        name="workitems_reversals_new",
        condition=models.Q(kind="COMPENSATION", status="PENDING"),
    ),
)
_NAMES = {each.name: each.name.replace("_new", "_urgent") for each in _INDEXES}


class Migration(migrations.Migration):
    """Three indexes, made beside those whose names they get: what is read meanwhile does not wait
    for them, and the table is nobody else's only when they are there."""

    dependencies = [("workitems", "0030_fewer_indexes")]

    operations = [
        *(migrations.AddIndex("workitem", each) for each in _INDEXES),
        *(migrations.RemoveIndex("workitem", name) for name in _NAMES.values()),
        *(
            migrations.RenameIndex("workitem", new_name=name, old_name=made)
            for made, name in _NAMES.items()
        ),
    ]
