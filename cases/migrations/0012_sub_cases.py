"""A plan item may be a case of its own; nothing of the database changes."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """The words of the pages."""

    dependencies = [("cases", "0011_indexes_without_tenant")]

    operations = [
        migrations.AlterField(
            model_name="planitem",
            name="type",
            field=models.TextField(
                choices=[
                    ("work_item", "Task"), ("execution", "Automatic step"), ("sub_case", "Case"),
                ]
            ),
        ),
    ]
