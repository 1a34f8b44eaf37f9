"""Indexes of links without the tenant go: every query names it, and has one that begins with it.
What nobody reads was written at every change of a row.
"""

from __future__ import annotations

from django.db import migrations

from ledger.links import without_index


class Migration(migrations.Migration):
    """One line for each."""

    dependencies = [("accounts", "0004_user_language_and_zone"), ("compensation", "0010_words")]

    operations = [
        without_index("compensationattempt", "requested_by", "accounts.actor"),
        without_index("compensationattempt", "tenant", "accounts.tenant"),
        without_index("compensationplan", "tenant", "accounts.tenant"),
        without_index("compensationrun", "parent_run", "compensation.compensationrun", "child_runs", null=True),
        without_index("compensationrun", "tenant", "accounts.tenant"),
        without_index("compensationstep", "run", "compensation.compensationrun", "steps"),
        without_index("compensationstep", "tenant", "accounts.tenant"),
        without_index("completioncounter", "tenant", "accounts.tenant"),
    ]
