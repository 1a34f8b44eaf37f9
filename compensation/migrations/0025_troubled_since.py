"""Since when the work of rows that fall due has been met by trouble."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """One column."""

    dependencies = [("compensation", "0024_request_status")]

    operations = [
        migrations.AddField("undocheck", "troubled_since", models.DateTimeField(null=True)),
    ]
