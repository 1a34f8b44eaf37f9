"""What erasing a person may read and change here."""

from __future__ import annotations

from django.db import migrations

from ledger import sql


class Migration(migrations.Migration):
    """Rows of the tenant that is set, in a role of their own."""

    dependencies = [("events", "0001_initial"), ("ledger", "0018_erase_roles")]

    operations = [
        sql.erasable("events_inboundevent", "SELECT", "UPDATE"),
    ]
