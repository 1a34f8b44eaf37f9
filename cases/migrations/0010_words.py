"""What an automatic step is called; nothing of the database changes."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """The words of the pages."""

    dependencies = [
        ("cases", "0009_definition_order"),
    ]

    operations = [
        migrations.AlterField(
            model_name="planitem",
            name="type",
            field=models.TextField(
                choices=[("work_item", "Task"), ("execution", "Automatic step")]
            ),
        ),
    ]
