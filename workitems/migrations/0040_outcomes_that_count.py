"""What erasing a person may read and change of instances: which outcomes count."""

from __future__ import annotations

from django.db import migrations

from ledger import sql


class Migration(migrations.Migration):
    """Rows of the tenant that is set."""

    dependencies = [("workitems", "0039_troubled_rows"), ("ledger", "0018_erase_roles")]

    operations = [sql.erasable("workitems_instancegroup", "SELECT", "UPDATE")]
