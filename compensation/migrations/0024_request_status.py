"""The requests of other organisations that stand in one way, newest first, by an index.

EXPLAIN of a page of them: Index Scan using compensation_request_status.
"""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """An index in the order of the list, by status."""

    dependencies = [("compensation", "0023_triggers")]

    operations = [
        migrations.AddIndex(
            model_name="compensationrequest",
            index=models.Index(
                fields=["tenant", "status", "-created_at", "-id"],
                name="compensation_request_status",
            ),
        ),
    ]
