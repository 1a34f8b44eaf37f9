"""An index of what a person is or was assigned to, in the order of lists."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """Adds the index."""

    dependencies = [("workitems", "0006_lists")]

    operations = [
        migrations.AddIndex(
            model_name="workitem",
            index=models.Index(
                fields=["tenant", "assignee", "-created_at", "-id"],
                name="workitems_assigned",
                condition=models.Q(("assignee__isnull", False)),
            ),
        ),
    ]
