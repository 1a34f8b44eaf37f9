"""At which version of its case the result of a step was taken in: of those that are there, as the
ledger says. A result that changed nothing has no entry; it is taken to have been there at once.
"""

from __future__ import annotations

from django.db import migrations, models

TAKEN = """
UPDATE public.cases_planitem p SET taken_version = taken.version
FROM (
    SELECT c.tenant_id, c.subject_id AS case_id, done.subject_id AS target_id,
           min(c.subject_version) AS version
    FROM public.ledger_ledgerentry c
    JOIN public.ledger_ledgerentry done ON done.tenant_id = c.tenant_id AND done.id = c.caused_by_id
    WHERE c.subject_type = 'case' AND c.action = 'context_changed'
    GROUP BY 1, 2, 3) taken
WHERE p.tenant_id = taken.tenant_id AND p.case_id = taken.case_id
  AND p.target_id = taken.target_id;
UPDATE public.cases_planitem SET taken_version = case_version
WHERE taken_version IS NULL AND completion_seq IS NOT NULL AND written <> '[]';
"""


class Migration(migrations.Migration):
    """One column."""

    dependencies = [("cases", "0022_recent_news")]

    operations = [
        migrations.AddField("planitem", "taken_version", models.IntegerField(null=True)),
        migrations.RunSQL(TAKEN, migrations.RunSQL.noop),
    ]
