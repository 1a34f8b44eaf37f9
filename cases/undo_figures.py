"""How undoing goes: how often, how long, how much of it fails, by definition and step.

Counted from the attempts, each of which is a row; the ledger has an entry for each beginning and
each end of one, and the figures are the same there. In the tenant's scope.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from collections.abc import Mapping

from django.utils.translation import gettext as _

from accounts.acting import Authority
from accounts.roles import OPERATING_ROLES, Role
from ledger.clock import now
from ledger.errors import Invalid
from ledger.statements import fetched

#: Who reads them.
ROLES = frozenset({*OPERATING_ROLES, Role.AUDITOR})
USUAL_DAYS, MOST_DAYS = 30, 366
#: So many of the newest attempts are looked at, found by an index, and so many lines are told.
#: Where there are more, the answer says so.
MOST_ATTEMPTS, MOST_LINES = 100_000, 200

# Of work outside any case the kind of work stands where the step would.
_FIGURES = """
WITH lately AS (
  SELECT a.original_type, a.original_id, a.round, a.outcome, a.started_at, a.ended_at
  FROM compensation_compensationattempt a
  WHERE a.tenant_id = %(tenant)s AND a.started_at >= %(since)s
  ORDER BY a.started_at DESC LIMIT %(most)s)
SELECT coalesce(d.namespace || '/' || d.name, ''), coalesce(i.binding, l.original_type),
  count(DISTINCT (l.original_id, l.round)), count(*),
  count(*) FILTER (WHERE l.outcome = 'DONE'), count(*) FILTER (WHERE l.outcome = 'FAILED'),
  count(*) FILTER (WHERE l.outcome = 'UNCERTAIN'),
  count(*) FILTER (WHERE l.outcome = 'ATTESTED'),
  count(*) FILTER (WHERE l.outcome = 'ABANDONED'),
  count(*) FILTER (WHERE l.outcome = 'WITHDRAWN'), count(*) FILTER (WHERE l.outcome = ''),
  percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM l.ended_at - l.started_at))
    FILTER (WHERE l.outcome = 'DONE'),
  max(extract(epoch FROM l.ended_at - l.started_at)) FILTER (WHERE l.outcome = 'DONE'),
  (SELECT min(started_at) FROM lately),
  EXISTS (SELECT FROM compensation_compensationattempt a
    WHERE a.tenant_id = %(tenant)s AND a.started_at >= %(since)s
    ORDER BY a.started_at DESC OFFSET %(most)s)
FROM lately l
LEFT JOIN cases_planitem i ON i.tenant_id = %(tenant)s AND i.target_id = l.original_id
LEFT JOIN cases_case c ON c.tenant_id = %(tenant)s AND c.id = i.case_id
LEFT JOIN cases_casedefinition d ON d.tenant_id = %(tenant)s AND d.id = c.definition_id
GROUP BY 1, 2 ORDER BY 4 DESC, 1, 2 LIMIT %(lines)s + 1
"""


@dataclasses.dataclass(frozen=True, slots=True)
class UndoFigures:
    """Of one step of a definition ("" outside any case), in a period: how many undos were begun
    (`undos`), in how many `attempts`, and how those ended so far. `median` and `longest` are the
    seconds that those took which were done; None where none was."""

    definition: str
    step: str
    undos: int
    attempts: int
    done: int
    failed: int
    uncertain: int
    attested: int
    abandoned: int
    withdrawn: int
    open: int
    median: float | None
    longest: float | None

    @property
    def not_done(self) -> int:
        """How many attempts did not undo, whatever was decided about them then."""
        return self.failed + self.uncertain + self.attested + self.abandoned


@dataclasses.dataclass(frozen=True, slots=True)
class Counted:
    """The figures of a period, most attempts first. `since`: only the newest attempts were looked
    at, from that one on, for there were more; None where all were. `more_lines`: there are steps
    with fewer attempts than these."""

    lines: list[UndoFigures]
    since: dt.datetime | None
    more_lines: bool


def check_reader(authority: Authority) -> None:
    """Raise NotPermitted for who reads no figures."""
    authority.require_role(ROLES, _("Operators and auditors read how undoing goes."))


def days_of(query: Mapping[str, str]) -> int:
    """Return the number of days that are asked for. Raises Invalid."""
    said = query.get("days", "") or str(USUAL_DAYS)
    days = int(said) if said.isascii() and said.isdecimal() and len(said) < 6 else 0  # noqa: PLR2004  -- no such period
    if not 0 < days <= MOST_DAYS:
        message = _("days: must be a number of 1 to %(most)d") % {"most": MOST_DAYS}
        raise Invalid.field("days", message)
    return days


def undo_figures(tenant_id: uuid.UUID, days: int) -> Counted:
    """Return the figures of the last `days` days: one statement."""
    given = {
        "tenant": tenant_id, "since": now() - dt.timedelta(days=days), "most": MOST_ATTEMPTS,
        "lines": MOST_LINES,
    }  # fmt: skip
    rows = fetched(_FIGURES, given)
    oldest, cut = rows[0][-2:] if rows else (None, False)
    lines = [_line(row[:-2]) for row in rows[:MOST_LINES]]
    return Counted(lines, oldest if cut else None, more_lines=len(rows) > MOST_LINES)


def _line(row: tuple[object, ...]) -> UndoFigures:
    *counted, median, longest = row
    lengths = (None if each is None else float(str(each)) for each in (median, longest))
    return UndoFigures(*counted, *lengths)  # type: ignore[arg-type]  # the columns of the statement
