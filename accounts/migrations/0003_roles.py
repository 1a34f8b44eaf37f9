"""System scopes are roles: what signing in may read."""

from __future__ import annotations

from django.db import migrations

from ledger import sql

TABLES = (
    "accounts_actor",
    "accounts_membership",
    "accounts_groupmembership",
    "accounts_apitoken",
)


class Migration(migrations.Migration):
    """The app role keeps one policy a table."""

    dependencies = [("accounts", "0002_walls"), ("ledger", "0007_roles")]

    operations = [
        sql.only_the_tenant("accounts_tenant", key="id"),
        *(sql.only_the_tenant(table) for table in TABLES),
        # At sign-in, and when a session or token names a membership, no tenant is chosen yet.
        sql.opened_to("login", "accounts_tenant"),
        sql.opened_to("login", "accounts_membership"),
        sql.opened_to("login", "accounts_actor"),
        sql.opened_to("login", "accounts_apitoken"),
        sql.shared_table("accounts_user", grants="SELECT", role="amends_login"),
    ]
