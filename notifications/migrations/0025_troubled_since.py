"""Since when a delivery has been met by trouble; a topic for what falls due and is not done."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """One column, one more choice."""

    dependencies = [
        ("notifications", "0024_rollbacks_held"),
    ]

    operations = [
        migrations.AddField(
            model_name="delivery",
            name="troubled_since",
            field=models.DateTimeField(null=True),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="topic",
            field=models.TextField(
                choices=[
                    ("task_waiting", "Task waiting"),
                    ("undo_waiting", "Undo task waiting"),
                    ("taken_away", "No longer yours"),
                    ("needs_somebody", "Nobody is left for it"),
                    ("event_ignored", "Not undone because of an event"),
                    ("undo_on_hold", "Undo task on hold"),
                    ("deadline_missed", "Deadline missed"),
                    ("milestone_overdue", "Milestone not reached in time"),
                    ("group_met", "Enough of several done"),
                    ("group_missed", "Too few of several left"),
                    ("schedule_failed", "Schedule made no task"),
                    ("ledger_trouble", "Ledger in trouble"),
                    ("due_work_stopped", "What falls due is not done"),
                    ("undone", "Undone"),
                    ("undo_failed", "Undo failed"),
                    ("outcome_unknown", "Nobody knows whether it happened"),
                    ("case_failed", "Case failed"),
                    ("batch_failed", "Batch failed"),
                    ("engine_stopped", "Case or rollback has stopped"),
                    ("rollback_stopped", "Rollback needs a decision"),
                    ("rollback_waits", "Rollback waits for a result"),
                    ("rollback_held", "Rollback held at its end"),
                    ("rollback_paused", "Rollback paused"),
                    ("rollback_resumed", "Rollback goes on"),
                    ("rollback_refused", "Not rolled back by itself"),
                    ("rollback_ended", "Rollback ended"),
                    ("being_undone", "Being undone"),
                    ("stays_done", "Not undone after all"),
                    ("not_done", "Ended without being done"),
                    ("work_undone", "Work of yours undone"),
                    ("approval_waiting", "Waiting for your approval"),
                    ("asked_from_outside", "Another organisation asks for an undo"),
                    ("answered_late", "Another organisation has answered too late"),
                    ("approved", "Approved"),
                    ("not_approved", "Not approved"),
                ]
            ),
        ),
    ]
