"""System scopes are roles: what dispatching and verifying may read and change of the ledger."""

from __future__ import annotations

from django.db import migrations

from ledger import sql

TABLES = (
    "ledger_ledgerentry",
    "ledger_ledgerhead",
    "ledger_payload",
    "ledger_outboxevent",
    "ledger_outboxtask",
)


class Migration(migrations.Migration):
    """The app role keeps one policy a table."""

    dependencies = [("ledger", "0006_worker_beats")]

    operations = [
        sql.scope_roles("login", "dispatch", "sweep", "verify"),
        *(sql.only_the_tenant(table) for table in TABLES),
        # A worker claims and finishes tasks of every tenant.
        sql.opened_to("dispatch", "ledger_outboxtask", update=True),
        sql.opened_to("dispatch", "ledger_outboxevent"),
        sql.opened_to("dispatch", "ledger_ledgerentry"),
        sql.opened_to("verify", "ledger_ledgerentry"),
        sql.opened_to("verify", "ledger_ledgerhead"),
        sql.opened_to("verify", "ledger_payload"),
    ]
