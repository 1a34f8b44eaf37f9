"""What a case knows of those below it and above it; false, empty and null for every case so far."""

from __future__ import annotations

from django.db import migrations, models

from ledger.links import without_index


class Migration(migrations.Migration):
    """Columns with constants, and indexes of sub-cases only: no row is written anew."""

    dependencies = [("cases", "0012_sub_cases")]

    operations = [
        migrations.AddField(
            "case", "awaited", models.BooleanField(default=False, db_default=False)
        ),
        migrations.AddField("case", "held_by", models.UUIDField(null=True)),
        migrations.AddField(
            "case", "has_children", models.BooleanField(default=False, db_default=False)
        ),
        migrations.AddField(
            "case",
            "groups_met",
            models.JSONField(
                default=list, db_default=models.Value([], output_field=models.JSONField())
            ),
        ),
        without_index("case", "parent", "cases.case", "children", null=True),
        migrations.AddIndex(
            "case",
            models.Index(
                fields=["tenant", "parent"],
                name="cases_below",
                condition=models.Q(parent__isnull=False),
            ),
        ),
        migrations.AddIndex(
            "case",
            models.Index(
                fields=["tenant", "root_id"],
                name="cases_in_tree",
                condition=models.Q(parent__isnull=False),
            ),
        ),
    ]
