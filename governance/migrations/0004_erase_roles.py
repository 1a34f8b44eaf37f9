"""What erasing a person may read and change here."""

from __future__ import annotations

from django.db import migrations

from ledger import sql


class Migration(migrations.Migration):
    """Rows of the tenant that is set, in a role of their own."""

    dependencies = [("governance", "0003_asked_by"), ("ledger", "0018_erase_roles")]

    operations = [
        sql.erasable("governance_approval", "SELECT", "UPDATE"),
        sql.erasable("governance_approvalstep", "SELECT", "UPDATE"),
        sql.erasable("governance_policy", "SELECT", "UPDATE"),
    ]
