"""Whether an attempt has called anything yet."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """On the job: it changes within an attempt, and is news to nobody."""

    dependencies = [("executions", "0013_tainted")]

    operations = [
        migrations.AddField(
            "executionjob", "checks_state", models.BooleanField(default=False, db_default=False)
        ),
    ]
