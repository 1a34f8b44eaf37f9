"""A case says that its engine has stopped, since when and why."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """Empty for every case so far."""

    dependencies = [("cases", "0004_roles")]

    operations = [
        migrations.AddField("case", "stopped_since", models.DateTimeField(null=True)),
        migrations.AddField(
            "case", "stopped_error", models.TextField(default="", blank=True, db_default="")
        ),
    ]
