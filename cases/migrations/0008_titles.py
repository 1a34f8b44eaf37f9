"""Cases are found by how their titles begin."""

from __future__ import annotations

from django.db import migrations

from ledger import sql


class Migration(migrations.Migration):
    """A column that the database keeps, and its index."""

    dependencies = [("cases", "0007_undecided")]

    operations = [sql.title_key("cases_case", cases_title="")]
