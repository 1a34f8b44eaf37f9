"""The schema of a resolution in the order in which its author wrote it."""

from __future__ import annotations

from django.db import migrations

from ledger.ordered_json import OrderedJSONField


class Migration(migrations.Migration):
    """One column is `json` instead of `jsonb`; what is there keeps the order that it has."""

    dependencies = [("workitems", "0009_titles")]

    operations = [
        migrations.AlterField(
            model_name="workitem", name="resolution_schema", field=OrderedJSONField(null=True)
        ),
    ]
