"""The clock and the lease of a lane cost less, and mean the same."""

from __future__ import annotations

from django.db import migrations

from ledger.dispatch import lane_sql


class Migration(migrations.Migration):
    """One look for who leads a lane and whether it is leased, by plans that are kept."""

    dependencies = [("ledger", "0009_guard_by_subject")]

    operations = [
        migrations.RunSQL(lane_sql.CLOCK, migrations.RunSQL.noop),
        migrations.RunSQL(lane_sql.TAKE_LANE, migrations.RunSQL.noop),
    ]
