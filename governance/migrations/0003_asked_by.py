"""Who stands behind what the system asks for."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """On the approval: whoever asked decides no step of it."""

    dependencies = [("governance", "0002_policies")]

    operations = [
        migrations.AddField(
            "approval",
            "asked_by",
            models.JSONField(default=list, db_default=models.Value([], models.JSONField())),
        ),
    ]
