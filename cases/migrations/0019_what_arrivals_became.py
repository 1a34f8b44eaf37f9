"""What a step last became of something that came for it: None of what came before."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """One column."""

    dependencies = [("cases", "0018_missed_news")]

    operations = [
        migrations.AddField("arrival", "plan_item_id", models.UUIDField(null=True)),
    ]
