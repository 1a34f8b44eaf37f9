"""Keys by which members sign are compared with the entries about them."""

from __future__ import annotations

from django.db import migrations

from ledger import sql


class Migration(migrations.Migration):
    """The check of all tenants reads what entries say of a key, and not what it is called."""

    dependencies = [("accounts", "0007_signature_keys"), ("ledger", "0026_troubled_rows")]

    operations = [
        sql.opened_to(
            "verify", "accounts_signaturekey", "id", "tenant_id", "actor_id", "public_key",
            "retired_at", "compromised_since",
        ),
    ]  # fmt: skip
