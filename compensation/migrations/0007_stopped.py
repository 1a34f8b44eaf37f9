"""A run of loose work says that it has stopped, since when and why."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """Empty for every run so far."""

    dependencies = [("compensation", "0006_lists")]

    operations = [
        migrations.AddField(
            "compensationrun", "stopped_since", models.DateTimeField(null=True)
        ),
        migrations.AddField(
            "compensationrun",
            "stopped_error",
            models.TextField(default="", blank=True, db_default=""),
        ),
    ]
