"""Indexes of links without the tenant go: every query names it, and has one that begins with it.
What nobody reads was written at every change of a row.
"""

from __future__ import annotations

from django.db import migrations

from ledger.links import without_index


class Migration(migrations.Migration):
    """One line for each."""

    dependencies = [("accounts", "0004_user_language_and_zone"), ("cases", "0010_words")]

    operations = [
        without_index("case", "tenant", "accounts.tenant"),
        without_index("casecounter", "tenant", "accounts.tenant"),
        without_index("planitem", "case", "cases.case", "plan_items"),
        without_index("planitem", "tenant", "accounts.tenant"),
    ]
