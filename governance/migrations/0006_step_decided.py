"""The steps that somebody has decided, by who did: who decided one of an approval decides no other.

EXPLAIN of what waits for a person: Index Only Scan using governance_step_decided.
"""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """An index of what is decided alone."""

    dependencies = [("governance", "0005_asked_list")]

    operations = [
        migrations.AddIndex(
            model_name="approvalstep",
            index=models.Index(
                fields=["tenant", "decided_by", "approval"],
                name="governance_step_decided",
                condition=models.Q(decided_by__isnull=False),
            ),
        ),
    ]
