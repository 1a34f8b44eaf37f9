"""Tasks stand in lanes and queues, fall due by the database's clock, and are parked behind a dead
one."""

from __future__ import annotations

from django.db import migrations, models

from ledger.dispatch import lane_sql

WAITING = models.Q(done_at__isnull=True, dead_at__isnull=True, parked_at__isnull=True)


class Migration(migrations.Migration):
    """One shape for whatever is leased."""

    dependencies = [("ledger", "0004_tasks_due_in_order")]

    operations = [
        migrations.RemoveIndex("outboxtask", "ledger_task_lane"),
        migrations.RemoveIndex("outboxtask", "ledger_task_due"),
        migrations.RunSQL(lane_sql.CLOCK, migrations.RunSQL.noop),
        migrations.RenameField("outboxtask", "next_attempt_at", "due_at"),
        migrations.AddField(
            "outboxtask", "lane", models.TextField(default="", db_default=""),
        ),
        migrations.AddField(
            "outboxtask", "queue", models.TextField(default="engine", db_default="engine"),
        ),
        migrations.AlterField(
            "outboxtask", "attempts", models.IntegerField(default=0, db_default=0)
        ),
        migrations.AddField("outboxtask", "parked_at", models.DateTimeField(null=True)),
        migrations.AddField("outboxtask", "troubled_since", models.DateTimeField(null=True)),
        # Who shared a lane before this version; every other consumer has one of its own.
        migrations.RunSQL(
            """
            UPDATE public.ledger_outboxtask SET
                lane = CASE WHEN consumer IN ('cases.engine', 'compensation.runs')
                            THEN 'engine' ELSE consumer END,
                queue = CASE WHEN consumer = 'notifications.deliver' THEN 'notify'
                             ELSE 'engine' END;
            ALTER TABLE public.ledger_outboxtask ALTER COLUMN due_at SET DEFAULT public.ledger_now();
            """,
            migrations.RunSQL.noop,
        ),
        migrations.RunSQL(lane_sql.TAKE_LANE, migrations.RunSQL.noop),
        migrations.AddIndex(
            "outboxtask",
            models.Index(
                fields=["tenant_id", "lane", "shard", "id"],
                name="ledger_task_lane",
                condition=models.Q(done_at__isnull=True),
            ),
        ),
        migrations.AddIndex(
            "outboxtask",
            models.Index(
                fields=["queue", "tenant_id", "due_at", "id"],
                name="ledger_task_due",
                condition=WAITING,
            ),
        ),
    ]
