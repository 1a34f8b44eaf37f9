"""What another has to have done is asked when an item is taken, and not when it is opened."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """A column of the item."""

    dependencies = [("workitems", "0014_words")]

    operations = [
        migrations.AddField(
            "workitem", "not_completed_by", models.JSONField(default=list, db_default=[])
        )
    ]
