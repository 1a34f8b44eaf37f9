"""The rows in trouble of a tenant are found without the others being read. While all is well the
index is empty, and nothing that is written costs more."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """Four indexes."""

    dependencies = [("cases", "0027_troubled_since")]

    operations = [
        migrations.AddIndex(
            "eventround",
            models.Index(
                fields=["tenant", "troubled_since"],
                name="cases_round_troubled",
                condition=models.Q(troubled_since__isnull=False),
            ),
        ),
        migrations.AddIndex(
            "milestonedue",
            models.Index(
                fields=["tenant", "troubled_since"],
                name="cases_milestone_troubled",
                condition=models.Q(troubled_since__isnull=False),
            ),
        ),
        migrations.AddIndex(
            "missednewscheck",
            models.Index(
                fields=["tenant", "troubled_since"],
                name="cases_missed_troubled",
                condition=models.Q(troubled_since__isnull=False),
            ),
        ),
        migrations.AddIndex(
            "stepdue",
            models.Index(
                fields=["tenant", "troubled_since"],
                name="cases_stepdue_troubled",
                condition=models.Q(troubled_since__isnull=False),
            ),
        ),
    ]
