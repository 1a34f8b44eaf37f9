"""Runs that a signal, an event or a deadline begins."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """Words alone: the column stays as it is, and so do runs that were begun before."""

    dependencies = [("compensation", "0022_through_to_tenant")]

    operations = [
        migrations.AlterField(
            "compensationrun",
            "trigger",
            models.TextField(
                choices=[
                    ("operator", "An operator"),
                    ("fault", "A step that failed"),
                    ("deadline", "A deadline that was missed"),
                    ("batch", "A batch that failed"),
                    ("rule", "A rule of the definition"),
                    ("signal", "A signal to the case"),
                    ("event", "An event"),
                    ("parent", "The rollback of the case above"),
                    ("other_tenant", "Another organisation"),
                ],
                default="operator",
            ),
        ),
    ]
