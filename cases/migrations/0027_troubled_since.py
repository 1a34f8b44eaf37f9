"""Since when the work of rows that fall due has been met by trouble."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """Four columns."""

    dependencies = [("cases", "0026_case_moved")]

    operations = [
        migrations.AddField("eventround", "troubled_since", models.DateTimeField(null=True)),
        migrations.AddField("milestonedue", "troubled_since", models.DateTimeField(null=True)),
        migrations.AddField("missednewscheck", "troubled_since", models.DateTimeField(null=True)),
        migrations.AddField("stepdue", "troubled_since", models.DateTimeField(null=True)),
    ]
