"""When each key of a context last changed, and what a step was given: by which the engine knows that
a step which was done has nothing new to answer to."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """The columns. Cases that there are keep null: of their keys nobody knows."""

    dependencies = [("cases", "0013_sub_case_links")]

    operations = [
        migrations.AddField("case", "changed_keys", models.JSONField(null=True)),
        migrations.AlterField("case", "changed_keys", models.JSONField(null=True, default=dict)),
        migrations.AddField(
            "planitem", "input_digest", models.TextField(default="", blank=True, db_default="")
        ),
    ]
