"""Row-level security, grants and composite keys of deliveries."""

from __future__ import annotations

from django.db import migrations

from ledger import sql


class Migration(migrations.Migration):
    """What Django's schema editor cannot say."""

    dependencies = [
        ("notifications", "0001_initial"),
        ("accounts", "0002_walls"),
        ("ledger", "0002_walls"),
    ]

    operations = [
        sql.tenant_table("notifications_delivery"),
        sql.tenant_table("notifications_deliveryattempt", grants="SELECT, INSERT"),
        sql.to_tenant("notifications_delivery"),
        sql.to_tenant("notifications_deliveryattempt"),
        sql.unique_in_tenant("notifications_delivery"),
        sql.tenant_fk("notifications_delivery", "event_id", "ledger_ledgerentry"),
        sql.tenant_fk("notifications_delivery", "recipient_id", "accounts_actor"),
        sql.tenant_fk("notifications_deliveryattempt", "delivery_id", "notifications_delivery"),
    ]
