"""What erasing a person may read and change here."""

from __future__ import annotations

from django.db import migrations

from ledger import sql

# Of these it removes what is a person's; they are no tenant's.
SHARED = (
    "accounts_user",
    "accounts_user_groups",
    "accounts_user_user_permissions",
    "django_session",
    "django_admin_log",
    "axes_accessattempt",
    "axes_accessattemptexpiration",
    "axes_accessfailurelog",
    "axes_accesslog",
)


class Migration(migrations.Migration):
    """Rows of the tenant that is set, in a role of their own."""

    dependencies = [("accounts", "0005_people"), ("ledger", "0018_erase_roles")]

    operations = [
        sql.erasable("accounts_actor", "SELECT", "UPDATE"),
        sql.erasable("accounts_membership", "SELECT", "DELETE"),
        sql.erasable("accounts_groupmembership", "SELECT", "DELETE"),
        sql.erasable("accounts_apitoken", "SELECT", "UPDATE", "DELETE"),
        *(sql.shared_table(each, grants="SELECT, DELETE", role="amends_erase") for each in SHARED),
    ]
