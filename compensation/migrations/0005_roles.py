"""System scopes are roles: what verifying may read of runs and steps."""

from __future__ import annotations

from django.db import migrations

from ledger import sql

TABLES = (
    "compensation_compensationattempt",
    "compensation_completioncounter",
    "compensation_compensationplan",
    "compensation_compensationrun",
    "compensation_compensationstep",
)
GUARDED = ("id", "tenant_id", "status", "version")


class Migration(migrations.Migration):
    """The app role keeps one policy a table."""

    dependencies = [("compensation", "0004_next_step"), ("ledger", "0007_roles")]

    operations = [
        *(sql.only_the_tenant(table) for table in TABLES),
        # Runs and steps of every tenant are compared with their entries.
        sql.opened_to("verify", "compensation_compensationrun", *GUARDED),
        sql.opened_to("verify", "compensation_compensationstep", *GUARDED, "run_id", "n"),
    ]
