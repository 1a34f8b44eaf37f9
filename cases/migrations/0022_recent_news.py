"""Up to where a tenant's entries were looked through for lost news, and when all its cases are.

EXPLAIN of what is looked for: Index Scan using ledger_entry_time, cases_planitem_target and the
primary key of cases_case.
"""

from __future__ import annotations

from django.db import migrations, models
from django.db.models.functions import Now


class Migration(migrations.Migration):
    """Three columns."""

    dependencies = [("cases", "0021_erase_roles")]

    operations = [
        migrations.AddField("missednewscheck", "recent_at", models.DateTimeField(db_default=Now())),
        migrations.AddField("missednewscheck", "recent_id", models.UUIDField(null=True)),
        migrations.AddField(
            "missednewscheck", "whole_due_at", models.DateTimeField(db_default=Now())
        ),
    ]
