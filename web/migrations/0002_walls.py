"""Row-level security, grants and composite keys of remembered answers."""

from __future__ import annotations

from django.db import migrations

from ledger import sql


class Migration(migrations.Migration):
    """What Django's schema editor cannot say."""

    dependencies = [("web", "0001_initial"), ("accounts", "0002_walls")]

    operations = [
        sql.tenant_table("web_idempotencykey", grants="SELECT, INSERT, DELETE"),
        sql.to_tenant("web_idempotencykey"),
        sql.unique_in_tenant("web_idempotencykey"),
        sql.tenant_fk("web_idempotencykey", "membership_id", "accounts_membership"),
    ]
