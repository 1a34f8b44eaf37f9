"""How pages speak to a user: language and time zone."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """Two columns of users, who belong to no tenant."""

    dependencies = [("accounts", "0003_roles")]

    operations = [
        migrations.AddField(
            "user", "language", models.TextField(blank=True, db_default="", default="")
        ),
        migrations.AddField(
            "user", "time_zone", models.TextField(blank=True, db_default="", default="")
        ),
    ]
