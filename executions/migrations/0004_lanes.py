"""Jobs have a queue and a time limit, and fall due by the database's clock."""

from __future__ import annotations

from django.db import migrations, models
from django.db.models.functions import Now


class Migration(migrations.Migration):
    """One shape for whatever is leased."""

    dependencies = [("executions", "0003_unknown_effects"), ("ledger", "0005_lanes")]

    operations = [
        migrations.RemoveIndex("executionjob", "executions_job_due"),
        migrations.AddField(
            "executionjob", "queue", models.TextField(default="work", db_default="work")
        ),
        migrations.AddField(
            "executionjob", "seconds", models.IntegerField(default=300, db_default=300)
        ),
        migrations.AlterField("executionjob", "due_at", models.DateTimeField(db_default=Now())),
        migrations.RunSQL(
            """
            UPDATE public.executions_executionjob j SET queue = 'undo'
            FROM public.executions_execution e
            WHERE e.id = j.execution_id AND e.undoes_id IS NOT NULL;
            ALTER TABLE public.executions_executionjob
                ALTER COLUMN due_at SET DEFAULT public.ledger_now();
            """,
            migrations.RunSQL.noop,
        ),
        migrations.AddIndex(
            "executionjob",
            models.Index(
                fields=["queue", "tenant", "due_at", "execution"], name="executions_job_due"
            ),
        ),
    ]
