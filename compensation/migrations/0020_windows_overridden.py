"""What a plan undoes although the time for that is over, and what runs tell of such words."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """Each with its reason, as somebody said it."""

    dependencies = [("compensation", "0019_governed_runs")]

    operations = [
        migrations.AddField(
            "compensationplan",
            "override_window",
            models.JSONField(
                default=list, db_default=models.Value([], output_field=models.JSONField())
            ),
        ),
        migrations.AddField(
            "compensationrun",
            "exceptions",
            models.JSONField(
                default=list, db_default=models.Value([], output_field=models.JSONField())
            ),
        ),
    ]
