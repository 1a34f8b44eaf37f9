"""A lease that is lost fails the statement that ends it."""

from __future__ import annotations

from django.db import migrations

from ledger.dispatch import lane_sql


class Migration(migrations.Migration):
    """One function."""

    dependencies = [("ledger", "0015_verifications")]

    operations = [migrations.RunSQL(lane_sql.LEASE_LOST, migrations.RunSQL.noop)]
