"""More reasons to tell somebody, one of which is asked for: it is said once a rollback."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """The closed list of topics, and an index of that one."""

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
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("topic", "needs_somebody")),
                fields=["tenant", "subject_id"],
                name="notifications_needs",
            ),
        ),
    ]
