"""What the admin calls rollbacks; nothing of the database changes."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    """The words of the pages."""

    dependencies = [
        ("compensation", "0009_request_order"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="compensationrun",
            options={"verbose_name": "rollback"},
        ),
    ]
