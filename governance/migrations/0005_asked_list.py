"""What a person has asked for, newest first, by an index.

EXPLAIN of a page of it: Index Scan using governance_approval_asked.
"""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """An index in the order of the list."""

    dependencies = [("governance", "0004_erase_roles")]

    operations = [
        migrations.AddIndex(
            model_name="approval",
            index=models.Index(
                fields=["tenant", "requested_by", "-created_at", "-id"],
                name="governance_approval_asked",
            ),
        ),
    ]
