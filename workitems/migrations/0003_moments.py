"""A due time lies between the years 1900 and 9000, whoever writes it.

One beyond the calendar cannot be read by anything: its item, and every list with it, is broken for
ever. Such a due time is moved to the nearest one that is kept, past the guard: it is no act of
anybody, and the entry that set it still says what was asked for.
"""

from __future__ import annotations

import datetime as dt

from django.db import migrations, models

_MEND = """
ALTER TABLE public.workitems_workitem DISABLE TRIGGER workitems_workitem_guard;
UPDATE public.workitems_workitem
    SET due_at = greatest(least(due_at, '9000-12-31 23:59:59+00'), '1900-01-01 00:00:00+00')
    WHERE due_at < '1900-01-01 00:00:00+00' OR due_at >= '9001-01-01 00:00:00+00';
ALTER TABLE public.workitems_workitem ENABLE ALWAYS TRIGGER workitems_workitem_guard;
"""


class Migration(migrations.Migration):
    """Mend what is stored, then hold every row to it."""

    dependencies = [("workitems", "0002_walls")]

    operations = [
        migrations.RunSQL(_MEND, migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name="workitem",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    due_at__gte=dt.datetime(1900, 1, 1, tzinfo=dt.UTC),
                    due_at__lt=dt.datetime(9001, 1, 1, tzinfo=dt.UTC),
                ),
                name="workitems_due_at_moment",
            ),
        ),
    ]
