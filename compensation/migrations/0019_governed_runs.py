"""Rollbacks that others have to agree to before they begin."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """What was decided is on the run; of one thing one waits at a time."""

    dependencies = [("compensation", "0018_nested_runs")]

    operations = [
        migrations.AddField(
            "compensationrun",
            "decisions",
            models.JSONField(default=list, db_default=models.Value([], models.JSONField())),
        ),
        migrations.AddField(
            "compensationstep",
            "decisions",
            models.JSONField(default=list, db_default=models.Value([], models.JSONField())),
        ),
        migrations.AddConstraint(
            "compensationrun",
            models.UniqueConstraint(
                fields=["tenant", "about_type", "about_id"],
                condition=models.Q(status="PENDING_APPROVAL"),
                name="compensation_run_one_waiting",
            ),
        ),
    ]
