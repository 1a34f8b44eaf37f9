"""What policies of retention keep because of rollbacks that are open, those that wait for approval
among them: what these would undo, and all around it. As SQL over rows of this app."""

from __future__ import annotations

from typing import Final

RUNS_AT_REST: Final = "COMPLETED PARTIAL REJECTED CANCELLED EXPIRED SUPERSEDED"
_AT_REST: Final = ", ".join(f"'{each}'" for each in RUNS_AT_REST.split())
_OPEN: Final = f"r.tenant_id = %(tenant)s AND r.status NOT IN ({_AT_REST})"
# Not of each entry: found once for all that are looked at.
_PLACES: Final = f"""
SELECT p.id FROM compensation_compensationrun r, LATERAL (VALUES (r.about_id), (r.whole_id)) p (id)
WHERE {_OPEN} AND p.id IS NOT NULL
UNION ALL
SELECT s.original_id FROM compensation_compensationrun r
JOIN compensation_compensationstep s ON s.tenant_id = r.tenant_id AND s.run_id = r.id WHERE {_OPEN}
"""  # noqa: S608  -- own words
#: Entries of what an open rollback is about, of its whole, and of what its steps would undo.
IN_OPEN_RUN: Final = f"(e.subject_id IN ({_PLACES}) OR e.case_id IN ({_PLACES}))"
#: The trees in which a rollback is open.
TREES_OF_OPEN_RUNS: Final = f"SELECT r.root_id FROM compensation_compensationrun r WHERE {_OPEN}"  # noqa: S608  -- own words
