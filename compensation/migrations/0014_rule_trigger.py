"""Runs that a rule of the definition begins."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """Words alone: the column stays as it is."""

    dependencies = [("compensation", "0013_undo_order")]

    operations = [
        migrations.AlterField(
            "compensationrun",
            "trigger",
            models.TextField(
                choices=[("operator", "An operator"), ("rule", "A rule of the definition")],
                default="operator",
            ),
        ),
    ]
