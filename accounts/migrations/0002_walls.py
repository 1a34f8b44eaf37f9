"""Row-level security, composite keys and grants of people; the ledger's links to tenants."""

from __future__ import annotations

from django.db import migrations

from ledger import sql

TENANT_TABLES = {
    "accounts_actor": "SELECT, INSERT, UPDATE",
    "accounts_membership": "SELECT, INSERT, UPDATE",
    "accounts_groupmembership": "SELECT, INSERT, DELETE",
    "accounts_apitoken": "SELECT, INSERT, DELETE",
}
LEDGER_TABLES = (
    "ledger_ledgerentry",
    "ledger_ledgerhead",
    "ledger_payload",
    "ledger_outboxevent",
    "ledger_outboxtask",
)
# Tables of Django and of libraries; they hold no tenant's work.
SHARED_TABLES = (
    "accounts_user",
    "accounts_user_groups",
    "accounts_user_user_permissions",
    "auth_group",
    "auth_group_permissions",
    "auth_permission",
    "django_content_type",
    "django_session",
    "django_admin_log",
    "axes_accessattempt",
    "axes_accessattemptexpiration",
    "axes_accessfailurelog",
    "axes_accesslog",
)


class Migration(migrations.Migration):
    """What Django's schema editor cannot say."""

    dependencies = [
        ("accounts", "0001_initial"),
        ("ledger", "0002_walls"),
        ("admin", "0003_logentry_add_action_flag_choices"),
        ("sessions", "0001_initial"),
        ("axes", "__latest__"),
    ]

    operations = [
        sql.tenant_table("accounts_tenant", key="id"),
        *(sql.tenant_table(table, grants=grants) for table, grants in TENANT_TABLES.items()),
        *(sql.to_tenant(table) for table in TENANT_TABLES),
        *(sql.to_tenant(table) for table in LEDGER_TABLES),
        *(sql.shared_table(table) for table in SHARED_TABLES),
        sql.unique_in_tenant("accounts_actor"),
        sql.unique_in_tenant("accounts_membership"),
        sql.unique_in_tenant("accounts_groupmembership"),
        sql.tenant_fk("accounts_membership", "actor_id", "accounts_actor"),
        sql.tenant_fk("accounts_groupmembership", "membership_id", "accounts_membership"),
        sql.tenant_fk("accounts_apitoken", "membership_id", "accounts_membership"),
        migrations.RunSQL(
            "GRANT SELECT ON public.django_migrations TO amends_app;", migrations.RunSQL.noop
        ),
    ]
