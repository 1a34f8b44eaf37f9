"""Which work is the most urgent: what is due first, late work before all; then by priority, then
what has waited longest. What has no date comes after what has one.

Pure expressions: the indexes that keep such lists fast and the lists are written with the same.
"""

from __future__ import annotations

import datetime as dt

from django.db.models import Case, DateTimeField, F, SmallIntegerField, Value, When

from json_values.moments import BEYOND
from workitems.lifecycle import Priority

#: When it is due, for what is never due after everything. A CASE, and no COALESCE: that is among
#: what the server does not trust to keep a row secret, so under row-level security no bound on it
#: is asked of an index, and a list is read from its beginning to its end.
DUE = Case(
    When(due_at__isnull=True, then=Value(BEYOND - dt.timedelta(microseconds=1))),
    default=F("due_at"),
    output_field=DateTimeField(),
)
#: 0 is the highest priority: a list is read in one direction only, and dates rise.
RANK = Case(
    *(
        When(priority=priority.value, then=Value(Priority.URGENT - priority))
        for priority in (Priority.URGENT, Priority.HIGH, Priority.MEDIUM)
    ),
    default=Value(Priority.URGENT - Priority.LOW),
    output_field=SmallIntegerField(),
)
#: Names of annotations and fields, for lists of rows with `urgent_due` and `urgent_rank`.
MOST_URGENT_FIRST = ("urgent_due", "urgent_rank", "created_at", "id")
