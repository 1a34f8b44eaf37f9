"""The rows in trouble of a tenant are found without the others being read. While all is well the
index is empty, and nothing that is written costs more."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """Three indexes."""

    dependencies = [("workitems", "0038_troubled_since")]

    operations = [
        migrations.AddIndex(
            "deadline",
            models.Index(
                fields=["tenant", "troubled_since"],
                name="workitems_deadline_troubled",
                condition=models.Q(troubled_since__isnull=False),
            ),
        ),
        migrations.AddIndex(
            "holdend",
            models.Index(
                fields=["tenant", "troubled_since"],
                name="workitems_hold_troubled",
                condition=models.Q(troubled_since__isnull=False),
            ),
        ),
        migrations.AddIndex(
            "schedule",
            models.Index(
                fields=["tenant", "troubled_since"],
                name="workitems_schedule_troubled",
                condition=models.Q(troubled_since__isnull=False),
            ),
        ),
    ]
