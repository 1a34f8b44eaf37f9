"""Where a round through a tenant's open cases has been."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """One column."""

    dependencies = [("cases", "0019_what_arrivals_became")]

    operations = [
        migrations.AddField("missednewscheck", "definition_id", models.UUIDField(null=True)),
    ]
