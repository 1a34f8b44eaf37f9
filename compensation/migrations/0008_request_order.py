"""What an undo asks for in the order in which its author wrote it."""

from __future__ import annotations

from django.db import migrations

from ledger.ordered_json import OrderedJSONField


class Migration(migrations.Migration):
    """One column is `json` instead of `jsonb`; what is there keeps the order that it has."""

    dependencies = [("compensation", "0007_stopped")]

    operations = [
        migrations.AlterField(
            model_name="compensationattempt", name="request", field=OrderedJSONField()
        ),
    ]
