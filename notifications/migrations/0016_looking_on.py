"""What those are told of who look on."""

from __future__ import annotations

from django.db import migrations, models

_TOPICS = [('task_waiting', 'Task waiting'), ('undo_waiting', 'Undo task waiting'), ('taken_away', 'No longer yours'), ('needs_somebody', 'Nobody is left for it'), ('event_ignored', 'Not undone because of an event'), ('undo_on_hold', 'Undo task on hold'), ('deadline_missed', 'Deadline missed'), ('group_met', 'Enough of several done'), ('group_missed', 'Too few of several left'), ('schedule_failed', 'Schedule made no task'), ('undone', 'Undone'), ('undo_failed', 'Undo failed'), ('outcome_unknown', 'Nobody knows whether it happened'), ('case_failed', 'Case failed'), ('engine_stopped', 'Case or rollback has stopped'), ('rollback_stopped', 'Rollback needs a decision'), ('rollback_waits', 'Rollback waits for a result'), ('rollback_ended', 'Rollback ended'), ('being_undone', 'Being undone'), ('stays_done', 'Not undone after all'), ('not_done', 'Ended without being done'), ('work_undone', 'Work of yours undone'), ('approval_waiting', 'Waiting for your approval'), ('approved', 'Approved'), ('not_approved', 'Not approved')]


class Migration(migrations.Migration):
    """More topics."""

    dependencies = [
        ("notifications", "0015_groups_decided"),
        ("workitems", "0027_owner_and_stakeholders"),
    ]

    operations = [
        migrations.AlterField("delivery", "topic", models.TextField(choices=_TOPICS)),
    ]
