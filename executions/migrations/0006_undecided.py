"""Indexes of the executions that somebody has to decide about."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """Adds the indexes."""

    dependencies = [("executions", "0005_roles")]

    operations = [
        migrations.AddIndex(
            "execution",
            models.Index(
                fields=["tenant", "id"],
                name="executions_undecided",
                condition=models.Q(status="COMPENSATION_FAULTED"),
            ),
        ),
        migrations.AddIndex(
            "execution",
            models.Index(
                fields=["tenant", "id"],
                name="executions_unclear",
                condition=models.Q(status="UNCERTAIN", undoes_id__isnull=True),
            ),
        ),
    ]
