"""When the ledger of each tenant is looked at, and what was found last."""

from __future__ import annotations

from typing import Any

from django.db import migrations, models
from django.db.models import PROTECT
from django.db.models.functions import Now

from ledger import ids, sql

TABLE = "audit_ledgerwatch"
#: A tenant is made by an app that knows nothing of this one: its row comes with it.
_WITH_EACH_TENANT = """
CREATE FUNCTION public.audit_watch_tenant() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO public.audit_ledgerwatch (id, tenant_id, due_at)
    VALUES (gen_random_uuid(), NEW.id, public.ledger_now() + interval '1 day');
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION public.audit_watch_tenant() FROM PUBLIC;
CREATE TRIGGER audit_watch_made AFTER INSERT ON public.accounts_tenant
    FOR EACH ROW EXECUTE FUNCTION public.audit_watch_tenant();
INSERT INTO public.audit_ledgerwatch (id, tenant_id, due_at)
SELECT gen_random_uuid(), id, public.ledger_now() FROM public.accounts_tenant;
"""


def _to_tenant() -> Any:
    return models.OneToOneField("accounts.Tenant", PROTECT, db_constraint=False, related_name="+")


class Migration(migrations.Migration):
    """One table, with a row for each tenant."""

    initial = True
    dependencies = [("accounts", "0003_roles"), ("ledger", "0016_lost_leases")]

    operations = [
        migrations.CreateModel(
            "LedgerWatch",
            [
                ("id", models.UUIDField(default=ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("tenant", _to_tenant()),
                ("queue", models.TextField(default="upkeep", db_default="upkeep")),
                ("due_at", models.DateTimeField(db_default=Now())),
                ("leased_until", models.DateTimeField(null=True)),
                ("lease_token", models.UUIDField(null=True)),
                ("checked_at", models.DateTimeField(null=True)),
                ("counted_at", models.DateTimeField(null=True)),
                ("found", models.JSONField(null=True)),
                ("noted", models.TextField(default="", db_default="")),
            ],
            {
                "indexes": [
                    models.Index(fields=["queue", "tenant", "due_at", "id"], name="audit_watch_due")
                ],
                "verbose_name": "look after the ledger",
                "verbose_name_plural": "looks after the ledger",
            },
        ),
        sql.tenant_table(TABLE, grants="SELECT, UPDATE"),
        sql.to_tenant(TABLE),
        sql.opened_to("sweep", TABLE, update=True),
        migrations.RunSQL(_WITH_EACH_TENANT, migrations.RunSQL.noop),
    ]
