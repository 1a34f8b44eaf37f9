"""When each tenant's open steps are compared with their work.

EXPLAIN of what it looks for, without sequential scans: Index Scan using cases_planitem_one_open.
"""

from __future__ import annotations

from django.db import migrations, models
from django.db.models import PROTECT
from django.db.models.functions import Now

from ledger import ids, sql

TABLE = "cases_missednewscheck"
#: A tenant is made by an app that knows nothing of cases: its row comes with it.
_WITH_EACH_TENANT = """
CREATE FUNCTION public.cases_check_missed_news() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO public.cases_missednewscheck (id, tenant_id, due_at)
    VALUES (gen_random_uuid(), NEW.id, public.ledger_now() + interval '5 minutes');
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION public.cases_check_missed_news() FROM PUBLIC;
CREATE TRIGGER cases_missed_news_made AFTER INSERT ON public.accounts_tenant
    FOR EACH ROW EXECUTE FUNCTION public.cases_check_missed_news();
INSERT INTO public.cases_missednewscheck (id, tenant_id, due_at)
SELECT gen_random_uuid(), id, public.ledger_now() + interval '5 minutes' FROM public.accounts_tenant;
"""


class Migration(migrations.Migration):
    """One table, with a row for each tenant."""

    dependencies = [("accounts", "0005_people"), ("cases", "0017_arrivals")]

    operations = [
        migrations.CreateModel(
            "MissedNewsCheck",
            [
                ("id", models.UUIDField(default=ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("tenant", models.OneToOneField("accounts.Tenant", PROTECT, db_constraint=False, related_name="+")),
                ("case_id", models.UUIDField(null=True)),
                ("binding", models.TextField(blank=True, db_default="", default="")),
                ("queue", models.TextField(default="upkeep", db_default="upkeep")),
                ("due_at", models.DateTimeField(db_default=Now())),
                ("leased_until", models.DateTimeField(null=True)),
                ("lease_token", models.UUIDField(null=True)),
            ],
            {
                "indexes": [
                    models.Index(
                        fields=["queue", "tenant", "due_at", "id"], name="cases_missed_news_due"
                    )
                ]
            },
        ),
        sql.tenant_table(TABLE, grants="SELECT, UPDATE"),
        sql.to_tenant(TABLE),
        sql.opened_to("sweep", TABLE, update=True),
        migrations.RunSQL(_WITH_EACH_TENANT, migrations.RunSQL.noop),
    ]
