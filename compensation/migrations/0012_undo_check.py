"""When each tenant is looked through for undos that hang.

EXPLAIN of what it looks for (1,000,000 items, ten of them being undone): Index Scan using
workitems_undone.
"""

from __future__ import annotations

from typing import Any

from django.db import migrations, models
from django.db.models import PROTECT
from django.db.models.functions import Now

from ledger import ids, sql

TABLE = "compensation_undocheck"
#: A tenant is made by an app that knows nothing of undoing: its row comes with it.
_WITH_EACH_TENANT = """
CREATE FUNCTION public.compensation_check_tenant() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO public.compensation_undocheck (id, tenant_id, due_at)
    VALUES (gen_random_uuid(), NEW.id, public.ledger_now() + interval '1 day');
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION public.compensation_check_tenant() FROM PUBLIC;
CREATE TRIGGER compensation_check_made AFTER INSERT ON public.accounts_tenant
    FOR EACH ROW EXECUTE FUNCTION public.compensation_check_tenant();
INSERT INTO public.compensation_undocheck (id, tenant_id, due_at)
SELECT gen_random_uuid(), id, public.ledger_now() + interval '1 day' FROM public.accounts_tenant;
"""


def _to_tenant() -> Any:
    return models.OneToOneField("accounts.Tenant", PROTECT, db_constraint=False, related_name="+")


class Migration(migrations.Migration):
    """One table, with a row for each tenant."""

    dependencies = [("accounts", "0003_roles"), ("compensation", "0011_indexes_without_tenant")]

    operations = [
        migrations.CreateModel(
            "UndoCheck",
            [
                ("id", models.UUIDField(default=ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("tenant", _to_tenant()),
                ("queue", models.TextField(default="upkeep", db_default="upkeep")),
                ("due_at", models.DateTimeField(db_default=Now())),
                ("leased_until", models.DateTimeField(null=True)),
                ("lease_token", models.UUIDField(null=True)),
                ("checked_at", models.DateTimeField(null=True)),
                ("found", models.IntegerField(default=0, db_default=0)),
            ],
            {
                "indexes": [
                    models.Index(
                        fields=["queue", "tenant", "due_at", "id"], name="compensation_check_due"
                    )
                ]
            },
        ),
        sql.tenant_table(TABLE, grants="SELECT, UPDATE"),
        sql.to_tenant(TABLE),
        sql.opened_to("sweep", TABLE, update=True),
        migrations.RunSQL(_WITH_EACH_TENANT, migrations.RunSQL.noop),
    ]
