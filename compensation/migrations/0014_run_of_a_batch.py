"""What started a run may be a batch that failed."""

from __future__ import annotations

from django.db import migrations, models

_TRIGGERS = [("operator", "An operator"), ("batch", "A batch that failed")]


class Migration(migrations.Migration):
    """A word more; nothing in the database."""

    dependencies = [("compensation", "0013_undo_order")]

    operations = [
        migrations.AlterField(
            "compensationrun",
            "trigger",
            models.TextField(choices=_TRIGGERS, default="operator"),
        ),
    ]
