"""Checking the ledger compares the steps of runs, of every tenant, with their entries."""

from __future__ import annotations

from django.db import migrations

from ledger import sql


class Migration(migrations.Migration):
    """One policy for the read-only scope of `verify_ledger`."""

    dependencies = [("cases", "0003_run_held")]

    operations = [sql.scope_policy("cases_compensationstep", "verify")]
