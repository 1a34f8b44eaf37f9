"""The app role has the tenant's policy alone on the demo's tables."""

from __future__ import annotations

from django.db import migrations

from ledger import sql

TABLES = ("demo_demoaccount", "demo_demotransfer")


class Migration(migrations.Migration):
    """The app role keeps one policy a table."""

    dependencies = [("demo", "0002_walls"), ("ledger", "0007_roles")]

    operations = [sql.only_the_tenant(table) for table in TABLES]
