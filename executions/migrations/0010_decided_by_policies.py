"""What policies decided about an execution, and for which state of the world it was asked."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """On the row: what was decided belongs to what is run."""

    dependencies = [("executions", "0009_accepted_work")]

    operations = [
        migrations.AddField(
            "execution", "expected_state_version", models.TextField(default="", db_default="")
        ),
        migrations.AddField("execution", "on_stale", models.TextField(default="", db_default="")),
        migrations.AddField(
            "execution",
            "decisions",
            models.JSONField(default=list, db_default=models.Value([], models.JSONField())),
        ),
    ]
