"""What erasing a person may read and change here."""

from __future__ import annotations

from django.db import migrations

from ledger import sql


class Migration(migrations.Migration):
    """Rows of the tenant that is set, in a role of their own."""

    dependencies = [("cases", "0020_unheard_cases"), ("ledger", "0018_erase_roles")]

    operations = [
        sql.erasable("cases_arrival", "SELECT", "UPDATE"),
        sql.erasable("cases_casedefinition", "SELECT", "UPDATE"),
        sql.erasable("cases_case", "SELECT", "UPDATE"),
        sql.erasable("cases_planitem", "SELECT", "UPDATE"),
    ]
