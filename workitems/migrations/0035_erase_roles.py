"""What erasing a person may read and change here."""

from __future__ import annotations

from django.db import migrations

from ledger import sql


class Migration(migrations.Migration):
    """Rows of the tenant that is set, in a role of their own."""

    dependencies = [("workitems", "0034_used_results"), ("ledger", "0018_erase_roles")]

    operations = [
        sql.erasable("workitems_note", "SELECT", "UPDATE"),
        sql.erasable("workitems_label", "SELECT", "UPDATE"),
        sql.erasable("workitems_link", "SELECT", "UPDATE"),
        sql.erasable("workitems_progress", "SELECT", "UPDATE"),
        sql.erasable("workitems_attachment", "SELECT", "UPDATE"),
        sql.erasable("workitems_itemtext", "SELECT", "UPDATE"),
        sql.erasable("workitems_workitemtemplate", "SELECT", "UPDATE"),
        sql.erasable("workitems_schedule", "SELECT", "UPDATE"),
        sql.erasable("workitems_workitem", "SELECT", "UPDATE"),
        sql.erasable("workitems_draft", "SELECT", "UPDATE", "DELETE"),
        sql.erasable("workitems_savedfilter", "SELECT", "UPDATE", "DELETE"),
        sql.erasable("workitems_candidateuser", "SELECT", "UPDATE", "DELETE"),
    ]
