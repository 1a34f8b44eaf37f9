"""The rows in trouble of a tenant are found without the others being read. While all is well the
index is empty, and nothing that is written costs more."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """An index."""

    dependencies = [("executions", "0017_troubled_since")]

    operations = [
        migrations.AddIndex(
            "executionjob",
            models.Index(
                fields=["tenant", "troubled_since"],
                name="executions_job_troubled",
                condition=models.Q(troubled_since__isnull=False),
            ),
        ),
    ]
