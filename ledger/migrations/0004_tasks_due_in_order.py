"""Due tasks are read from the index in their order, however many fall due at one instant."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """The index ends with what breaks ties."""

    dependencies = [("ledger", "0003_entry_effects")]

    operations = [
        migrations.RemoveIndex(model_name="outboxtask", name="ledger_task_due"),
        migrations.AddIndex(
            model_name="outboxtask",
            index=models.Index(
                fields=["next_attempt_at", "id"],
                name="ledger_task_due",
                condition=models.Q(done_at__isnull=True, dead_at__isnull=True),
            ),
        ),
    ]
