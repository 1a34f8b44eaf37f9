"""What an undo asks for in the order in which its author wrote it; "given up" is called so."""

from __future__ import annotations

from django.db import migrations, models

from ledger.ordered_json import OrderedJSONField


class Migration(migrations.Migration):
    """One column is `json` instead of `jsonb`; what is there keeps the order that it has."""

    dependencies = [("compensation", "0008_undecided")]

    operations = [
        migrations.AlterField(
            model_name="compensationattempt", name="request", field=OrderedJSONField()
        ),
        migrations.AlterField(
            model_name="compensationattempt",
            name="outcome",
            field=models.TextField(
                blank=True,
                choices=[
                    ("", "Under way"),
                    ("DONE", "Undone"),
                    ("FAILED", "Failed"),
                    ("UNCERTAIN", "May have happened"),
                    ("WITHDRAWN", "Withdrawn"),
                    ("ATTESTED", "Attested by a person"),
                    ("ABANDONED", "Given up"),
                ],
                default="",
            ),
        ),
    ]
