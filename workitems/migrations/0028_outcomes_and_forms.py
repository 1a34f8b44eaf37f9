"""How the outcomes of an item are called and when they may be given; how its form is laid out.

Nothing is looked for by either: they are read with the item, and have no index.
"""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """Two columns that most items have nothing in."""

    dependencies = [("workitems", "0027_owner_and_stakeholders")]

    operations = [
        migrations.AddField(
            "workitem", "outcome_rules", models.JSONField(default=dict, db_default={})
        ),
        migrations.AddField("workitem", "form", models.JSONField(null=True)),
    ]
