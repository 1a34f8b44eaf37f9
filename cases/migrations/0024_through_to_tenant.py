"""Fewer keys. The tenant of a plan item is that of its case."""

from __future__ import annotations

from django.db import migrations

from ledger import sql


class Migration(migrations.Migration):
    """What is written at every step has one key less to be looked up for."""

    dependencies = [("cases", "0023_taken_version")]

    operations = [sql.through_to_tenant("cases_planitem")]
