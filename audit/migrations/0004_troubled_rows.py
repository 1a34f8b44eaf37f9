"""The rows in trouble of a tenant are found without the others being read. While all is well the
index is empty, and nothing that is written costs more."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """An index."""

    dependencies = [("audit", "0003_troubled_since")]

    operations = [
        migrations.AddIndex(
            "ledgerwatch",
            models.Index(
                fields=["tenant", "troubled_since"],
                name="audit_watch_troubled",
                condition=models.Q(troubled_since__isnull=False),
            ),
        ),
    ]
