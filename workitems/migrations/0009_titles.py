"""Work is found by how its titles begin, what reverses finished work apart."""

from __future__ import annotations

from django.db import migrations

from ledger import sql


class Migration(migrations.Migration):
    """A column that the database keeps, and its indexes."""

    dependencies = [("workitems", "0008_waiting")]

    operations = [
        sql.title_key(
            "workitems_workitem",
            workitems_title="kind <> 'COMPENSATION'",
            workitems_undo_title="kind = 'COMPENSATION'",
        )
    ]
