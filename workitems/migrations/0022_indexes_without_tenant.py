"""Indexes of links without the tenant go: every query names it, and has one that begins with it.
What nobody reads was written at every change of a row.
"""

from __future__ import annotations

from django.db import migrations, models

from ledger.links import without_index


class Migration(migrations.Migration):
    """One line for each."""

    dependencies = [("accounts", "0004_user_language_and_zone"), ("workitems", "0021_finding")]

    operations = [
        without_index("candidategroup", "tenant", "accounts.tenant"),
        without_index("candidategroup", "work_item", "workitems.workitem", "candidate_groups", models.CASCADE),
        without_index("candidateuser", "actor", "accounts.actor"),
        without_index("candidateuser", "tenant", "accounts.tenant"),
        without_index("candidateuser", "work_item", "workitems.workitem", "candidate_users", models.CASCADE),
        without_index("deadline", "tenant", "accounts.tenant"),
        without_index("holdend", "tenant", "accounts.tenant"),
        without_index("itemtext", "tenant", "accounts.tenant"),
        without_index("workitem", "assignee", "accounts.actor", null=True),
        without_index("workitem", "compensates", "workitems.workitem", "compensated_by", null=True),
        without_index("workitem", "completed_by", "accounts.actor", null=True),
        without_index("workitem", "created_by", "accounts.actor"),
        without_index("workitem", "tenant", "accounts.tenant"),
    ]
