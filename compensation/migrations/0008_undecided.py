"""An index of the steps that wait for a decision."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """Adds the index."""

    dependencies = [("compensation", "0007_stopped")]

    operations = [
        migrations.AddIndex(
            "compensationstep",
            models.Index(
                "tenant",
                "id",
                name="compensation_step_failed",
                condition=models.Q(status="FAILED"),
            ),
        ),
    ]
