"""Since when the work of rows that fall due has been met by trouble."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """One column."""

    dependencies = [("governance", "0006_step_decided")]

    operations = [
        migrations.AddField("approvalexpiry", "troubled_since", models.DateTimeField(null=True)),
    ]
