"""What the admin calls columns of undoing; nothing of the database changes."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """The words of the pages."""

    dependencies = [
        ("workitems", "0013_templates"),
    ]

    operations = [
        migrations.AlterField(
            model_name="workitem",
            name="binding",
            field=models.TextField(default="", verbose_name="step"),
        ),
        migrations.AlterField(
            model_name="workitem",
            name="compensation_state",
            field=models.TextField(
                choices=[
                    ("NONE", "Not undone"),
                    ("COMPENSATING", "Being undone"),
                    ("COMPENSATED", "Undone"),
                    ("COMPENSATION_FAULTED", "Needs a decision"),
                ],
                default="NONE",
                verbose_name="undo",
            ),
        ),
        migrations.AlterField(
            model_name="workitem",
            name="completion_seq",
            field=models.BigIntegerField(null=True, verbose_name="finished as number"),
        ),
        migrations.AlterField(
            model_name="workitem",
            name="run_id",
            field=models.UUIDField(null=True, verbose_name="rollback"),
        ),
        migrations.AlterField(
            model_name="workitem",
            name="undoes_id",
            field=models.UUIDField(null=True, verbose_name="undoes"),
        ),
    ]
