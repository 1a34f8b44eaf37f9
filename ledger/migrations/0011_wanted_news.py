"""News that a consumer wants in one tenant only.

EXPLAIN of the look of `record` at it: Index Scan using ledger_wanted_once, of a general plan too.
"""

from __future__ import annotations

from django.db import migrations, models

from ledger import ids, sql

TABLE = "ledger_wantednews"


class Migration(migrations.Migration):
    """One table."""

    dependencies = [("accounts", "0003_roles"), ("ledger", "0010_cheaper_leases")]

    operations = [
        migrations.CreateModel(
            "WantedNews",
            [
                ("id", models.UUIDField(default=ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField()),
                ("type", models.TextField()),
                ("consumer", models.TextField()),
                ("lane", models.TextField()),
                ("queue", models.TextField()),
            ],
            {
                "constraints": [
                    models.UniqueConstraint(
                        fields=["tenant_id", "type", "consumer"], name="ledger_wanted_once"
                    )
                ]
            },
        ),
        sql.tenant_table(TABLE, grants="SELECT, INSERT"),
        sql.to_tenant(TABLE),
    ]
