"""What erasing may read and change of the ledger: payloads, and the words of what went wrong."""

from __future__ import annotations

from django.db import migrations

from ledger import sql


class Migration(migrations.Migration):
    """Entries it reads alone: their bytes hold commitments."""

    dependencies = [("ledger", "0017_erasure")]

    operations = [
        sql.scope_roles("erase"),
        sql.erasable("ledger_ledgerentry", "SELECT"),
        sql.erasable("ledger_payload", "SELECT", "DELETE", "UPDATE"),
        sql.erasable("ledger_erasedpayload", "SELECT", "INSERT"),
        sql.erasable("ledger_outboxtask", "SELECT", "UPDATE"),
        sql.erasable("ledger_erasure", "SELECT", "UPDATE"),
        sql.erasable("ledger_legalhold", "SELECT", "UPDATE"),
    ]
