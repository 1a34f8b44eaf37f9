"""Work that another program has accepted: what to ask later, and since when."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """On the job: asking is not news, and ends with the job."""

    dependencies = [("executions", "0008_indexes_without_tenant")]

    operations = [
        migrations.AddField("executionjob", "ask", models.TextField(default="", db_default="")),
        migrations.AddField("executionjob", "accepted_at", models.DateTimeField(null=True)),
    ]
