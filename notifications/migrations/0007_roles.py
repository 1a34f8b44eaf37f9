"""System scopes are roles: what sweeping may read and change of deliveries."""

from __future__ import annotations

from django.db import migrations

from ledger import sql

TABLES = ("notifications_delivery", "notifications_deliveryattempt")


class Migration(migrations.Migration):
    """The app role keeps one policy a table."""

    dependencies = [("notifications", "0006_engine_stopped"), ("ledger", "0007_roles")]

    operations = [
        *(sql.only_the_tenant(table) for table in TABLES),
        # The sweep claims what is due to be sent, of every tenant.
        sql.opened_to("sweep", "notifications_delivery", update=True),
    ]
