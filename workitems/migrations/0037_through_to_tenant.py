"""Fewer keys. The tenant of an item is that of whoever opened it, and of what belongs to it the item's."""

from __future__ import annotations

from django.db import migrations

from ledger import sql


class Migration(migrations.Migration):
    """What is written at every step has one key less to be looked up for."""

    dependencies = [("workitems", "0036_words_of_notes")]

    operations = [sql.through_to_tenant("workitems_workitem", "workitems_itemtext", "workitems_candidateuser", "workitems_candidategroup")]
