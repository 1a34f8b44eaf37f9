"""Whom an item is for while nobody has it, and who it was meant for in vain."""

from __future__ import annotations

from django.db import migrations, models

# Work that somebody has may have named only them: given back it must not become anybody's. The
# rewrite says so of what is there already; an UPDATE would need an entry for each row.
_TAKEN = """
ALTER TABLE public.workitems_workitem ALTER COLUMN offered_to TYPE text
USING CASE WHEN assignee_id IS NULL THEN offered_to ELSE 'NAMED' END
"""


class Migration(migrations.Migration):
    """Two columns of work items."""

    dependencies = [("workitems", "0003_moments")]

    operations = [
        migrations.AddField(
            model_name="workitem",
            name="offered_to",
            field=models.TextField(
                choices=[
                    ("ANYBODY", "Anybody"),
                    ("NAMED", "Those it names"),
                    ("OPERATORS", "The operators, because nobody it names is here"),
                ],
                default="ANYBODY",
            ),
        ),
        migrations.AddField(
            model_name="workitem",
            name="people_missing",
            field=models.JSONField(default=list),
        ),
        migrations.RunSQL(_TAKEN, migrations.RunSQL.noop),
    ]
