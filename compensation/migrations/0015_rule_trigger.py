"""Runs that a rule of the definition begins, or a step that failed."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """Words alone: the column stays as it is."""

    dependencies = [("compensation", "0014_run_of_a_batch")]

    operations = [
        migrations.AlterField(
            "compensationrun",
            "trigger",
            models.TextField(
                choices=[
                    ("operator", "An operator"),
                    ("fault", "A step that failed"),
                    ("batch", "A batch that failed"),
                    ("rule", "A rule of the definition"),
                ],
                default="operator",
            ),
        ),
    ]
