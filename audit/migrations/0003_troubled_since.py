"""Since when a look met trouble, and of which sources of due work people were told."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """Two columns."""

    dependencies = [("audit", "0002_told_gaps")]

    operations = [
        migrations.AddField("ledgerwatch", "troubled_since", models.DateTimeField(null=True)),
        migrations.AddField(
            "ledgerwatch", "stopped", models.JSONField(default=dict, db_default={})
        ),
    ]
