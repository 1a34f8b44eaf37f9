"""A definition in the order in which its author wrote it."""

from __future__ import annotations

from django.db import migrations

from ledger.ordered_json import OrderedJSONField


class Migration(migrations.Migration):
    """One column is `json` instead of `jsonb`; what is there keeps the order that it has."""

    dependencies = [("cases", "0008_titles")]

    operations = [
        migrations.AlterField(
            model_name="casedefinition", name="compiled", field=OrderedJSONField()
        ),
    ]
