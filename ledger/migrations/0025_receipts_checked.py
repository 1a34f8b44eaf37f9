"""What verifying may read of erasures, and what went under a receipt, found by the receipt."""

from __future__ import annotations

from django.db import migrations, models

from ledger import sql


class Migration(migrations.Migration):
    """Of requests no more than whose they are and how far they have come: never a name."""

    dependencies = [("ledger", "0024_troubled_since")]

    operations = [
        migrations.AddIndex(
            "erasedpayload",
            models.Index(fields=["tenant_id", "receipt_id"], name="ledger_erased_under"),
        ),
        sql.opened_to("verify", "ledger_erasedpayload"),
        sql.opened_to("verify", "ledger_erasurereceipt"),
        sql.opened_to(
            "verify", "ledger_erasure", "id", "tenant_id", "actor_id", "erased", "confirmed_at",
            "ended_at",
        ),
    ]
