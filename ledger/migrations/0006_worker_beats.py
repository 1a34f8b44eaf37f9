"""Workers say that they are there."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models

from ledger import sql


class Migration(migrations.Migration):
    """Of no tenant: a worker does the work of all."""

    dependencies = [("ledger", "0005_lanes")]

    operations = [
        migrations.CreateModel(
            "WorkerBeat",
            [
                ("name", models.TextField(primary_key=True, serialize=False)),
                ("queues", ArrayField(models.TextField())),
                ("seen_at", models.DateTimeField()),
            ],
        ),
        sql.shared_table("ledger_workerbeat"),
    ]
