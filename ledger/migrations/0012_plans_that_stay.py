"""What runs at every step needs fewer looks at its own text, and is planned once.

A policy that had a subquery let the server walk through each statement again, at every execution:
an eighth of what verbs and handlers cost it. The function that leases a lane had a search path of
its own, so that clock and foreign keys were planned for it, and then again for everybody else.
EXPLAIN of a read that names its tenant: Index Cond as it was, and the policy a One-Time Filter.
"""

from __future__ import annotations

from django.db import migrations

from ledger import sql
from ledger.dispatch import lane_sql


class Migration(migrations.Migration):
    """The policies of all tables that there are; later ones are made so. One function."""

    dependencies = [("ledger", "0011_wanted_news")]

    operations = [
        sql.policies_without_subquery(),
        migrations.RunSQL(lane_sql.TAKE_LANE, migrations.RunSQL.noop),
    ]
