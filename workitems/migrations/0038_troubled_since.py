"""Since when the work of rows that fall due has been met by trouble."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """Three columns."""

    dependencies = [("workitems", "0037_through_to_tenant")]

    operations = [
        migrations.AddField("deadline", "troubled_since", models.DateTimeField(null=True)),
        migrations.AddField("holdend", "troubled_since", models.DateTimeField(null=True)),
        migrations.AddField("schedule", "troubled_since", models.DateTimeField(null=True)),
    ]
