"""Fewer keys. The tenant of a delivery is that of the entry it tells of."""

from __future__ import annotations

from django.db import migrations

from ledger import sql


class Migration(migrations.Migration):
    """What is written at every step has one key less to be looked up for."""

    dependencies = [("notifications", "0022_ledger_trouble")]

    operations = [sql.through_to_tenant("notifications_delivery")]
