"""Cases have short numbers. Those that are there are numbered in the order in which they were opened.

Past the guard: it is no act of anybody, and changes nothing that an entry speaks of.
"""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

import ledger.ids
from ledger import sql

NUMBER = """
ALTER TABLE public.cases_case DISABLE TRIGGER cases_case_guard;
UPDATE public.cases_case c SET number = counted.n
    FROM (SELECT id, row_number() OVER (PARTITION BY tenant_id ORDER BY created_at, id) AS n
          FROM public.cases_case) counted
    WHERE counted.id = c.id;
ALTER TABLE public.cases_case ENABLE ALWAYS TRIGGER cases_case_guard;
INSERT INTO public.cases_casecounter (id, tenant_id, prefix, last)
    SELECT gen_random_uuid(), tenant_id, '', count(*) FROM public.cases_case GROUP BY tenant_id;
"""


class Migration(migrations.Migration):
    """A column of cases, and the counters it is drawn from."""

    dependencies = [("accounts", "0002_walls"), ("cases", "0005_stopped")]

    operations = [
        migrations.CreateModel(
            "CaseCounter",
            [
                (
                    "id",
                    models.UUIDField(
                        default=ledger.ids.new_id, editable=False, primary_key=True,
                        serialize=False,
                    ),
                ),
                ("prefix", models.TextField(blank=True)),
                ("last", models.BigIntegerField(default=0)),
                (
                    "tenant",
                    models.ForeignKey(
                        db_constraint=False, on_delete=django.db.models.deletion.PROTECT,
                        related_name="+", to="accounts.tenant",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=["tenant", "prefix"], name="cases_counter_once")
                ]
            },
        ),
        sql.tenant_table("cases_casecounter"),
        sql.to_tenant("cases_casecounter"),
        sql.unique_in_tenant("cases_casecounter"),
        migrations.AddField(
            "case", "number", models.TextField(db_collation="C", default=""), preserve_default=False
        ),
        migrations.RunSQL(NUMBER, migrations.RunSQL.noop),
        migrations.AddConstraint(
            "case", models.UniqueConstraint(fields=["tenant", "number"], name="cases_number_once")
        ),
    ]  # fmt: skip
