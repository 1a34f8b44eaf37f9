"""More reasons to tell somebody. No column changes."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """The closed list of topics."""

    dependencies = [("notifications", "0002_walls")]

    operations = [
        migrations.AlterField(
            model_name="delivery",
            name="topic",
            field=models.TextField(
                choices=[
                    ("task_waiting", "Task waiting"),
                    ("undo_waiting", "Undo task waiting"),
                    ("taken_away", "No longer yours"),
                    ("needs_somebody", "Nobody is left for it"),
                    ("undone", "Undone"),
                    ("undo_failed", "Undo failed"),
                    ("case_failed", "Case failed"),
                    ("rollback_stopped", "Rollback needs a decision"),
                    ("rollback_ended", "Rollback ended"),
                    ("work_undone", "Work of yours undone"),
                ]
            ),
        ),
    ]
