"""An index less, which another one serves.

EXPLAIN of the items of which somebody has to decide what becomes of them, at 1,000,000 items, without
it: Index Scan using workitems_status, `tenant_id` and `status` as its condition (3 pages, 0.005 ms; with
it 2 pages, 0.002 ms). An item in that state was in both.

What the others cost: 3,000 changes of a status between ASSIGNED and IN_PROGRESS at 1,000,000 items,
processor time of the server, guards off, each index dropped in turn in one session, seven rounds: 67 µs
an UPDATE with all 23; 0.94 of that without workitems_title, 0.97 without workitems_assigned, 0.98 without
workitems_opened_by, 0.69 with the seven alone that its own lists and keys need. So none is worth a
list that is slow.
"""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    """One line."""

    dependencies = [("workitems", "0029_told_when_late")]

    operations = [migrations.RemoveIndex("workitem", "workitems_undecided")]
