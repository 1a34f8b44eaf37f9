
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('notifications', '0012_cheaper_facts'),
    ]

    operations = [
        migrations.AlterField(
            model_name='delivery',
            name='topic',
            field=models.TextField(choices=[('task_waiting', 'Task waiting'), ('undo_waiting', 'Undo task waiting'), ('taken_away', 'No longer yours'), ('needs_somebody', 'Nobody is left for it'), ('undo_on_hold', 'Undo task on hold'), ('deadline_missed', 'Deadline missed'), ('group_met', 'Enough of several done'), ('group_missed', 'Too few of several left'), ('schedule_failed', 'Schedule made no task'), ('undone', 'Undone'), ('undo_failed', 'Undo failed'), ('outcome_unknown', 'Nobody knows whether it happened'), ('case_failed', 'Case failed'), ('engine_stopped', 'Case or rollback has stopped'), ('rollback_stopped', 'Rollback needs a decision'), ('rollback_waits', 'Rollback waits for a result'), ('rollback_ended', 'Rollback ended'), ('work_undone', 'Work of yours undone')]),
        ),
    ]
