"""Indexes of links without the tenant go: every query names it, and has one that begins with it.
What nobody reads was written at every change of a row.
"""

from __future__ import annotations

from django.db import migrations

from ledger.links import without_index


class Migration(migrations.Migration):
    """One line for each."""

    dependencies = [("accounts", "0004_user_language_and_zone"), ("notifications", "0010_deadline_missed")]

    operations = [
        without_index("delivery", "recipient", "accounts.actor"),
        without_index("delivery", "tenant", "accounts.tenant"),
    ]
