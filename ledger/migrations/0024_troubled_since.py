"""Since when the work of rows that fall due has been met by trouble."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """Five columns."""

    dependencies = [("ledger", "0023_a_lane_of_one")]

    operations = [
        migrations.AddField("erasure", "troubled_since", models.DateTimeField(null=True)),
        migrations.AddField("ledgertree", "troubled_since", models.DateTimeField(null=True)),
        migrations.AddField(
            "ledgerverification", "troubled_since", models.DateTimeField(null=True)
        ),
        migrations.AddField("retention", "troubled_since", models.DateTimeField(null=True)),
        migrations.AddField("treewitness", "troubled_since", models.DateTimeField(null=True)),
    ]
