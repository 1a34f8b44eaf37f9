"""Up to where the entries of the day before were looked through once more for lost news."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """Two columns."""

    dependencies = [("cases", "0024_through_to_tenant")]

    operations = [
        migrations.AddField("missednewscheck", "replay_at", models.DateTimeField(null=True)),
        migrations.AddField("missednewscheck", "replay_id", models.UUIDField(null=True)),
    ]
