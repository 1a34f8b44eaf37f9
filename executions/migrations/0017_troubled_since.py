"""Since when the work of rows that fall due has been met by trouble."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """One column."""

    dependencies = [("executions", "0016_through_to_tenant")]

    operations = [
        migrations.AddField("executionjob", "troubled_since", models.DateTimeField(null=True)),
    ]
