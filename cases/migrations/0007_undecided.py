"""An index of the cases whose engine has stopped."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """Adds the index."""

    dependencies = [("cases", "0006_numbers")]

    operations = [
        migrations.AddIndex(
            "case",
            models.Index(
                fields=["tenant", "id"],
                name="cases_stopped",
                condition=models.Q(stopped_since__isnull=False),
            ),
        ),
    ]
