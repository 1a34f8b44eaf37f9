"""How often in a row a step was opened again for others."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """The column."""

    dependencies = [("cases", "0015_milestones")]

    operations = [
        migrations.AddField("planitem", "rerouted", models.IntegerField(default=0, db_default=0)),
    ]
