"""What somebody must be able to do who takes an item.

No index: it is asked only of rows that a list has found by its own, and first whether it is empty.
"""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """A column of the item."""

    dependencies = [("accounts", "0005_people"), ("workitems", "0024_listening")]

    operations = [
        migrations.AddField(
            "workitem", "required_skills", models.JSONField(default=list, db_default=[])
        )
    ]
