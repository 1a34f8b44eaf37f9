"""The app role has the tenant's policy alone on remembered answers."""

from __future__ import annotations

from django.db import migrations

from ledger import sql



class Migration(migrations.Migration):
    """The app role keeps one policy a table."""

    dependencies = [("web", "0002_walls"), ("ledger", "0007_roles")]

    operations = [
        sql.only_the_tenant("web_idempotencykey"),
    ]
