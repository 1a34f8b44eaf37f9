"""Whether a run is on hold, remembered while a failed step stops it."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """One column of a table whose grants and guards stay."""

    dependencies = [
        ("cases", "0002_walls"),
    ]

    operations = [
        migrations.AddField(
            model_name="compensationrun",
            name="held",
            field=models.BooleanField(default=False),
        ),
    ]
