"""What a run below another asks of the runs above it, and what those ask of it. Reads only."""

from __future__ import annotations

from compensation.lifecycle import BY_A_PERSON, RunStatus
from compensation.models import CompensationRun
from ledger.statements import fetched

_HELD = f"""
WITH RECURSIVE above AS (
    SELECT u.parent_run_id, u.held, u.status FROM compensation_compensationrun u
    WHERE u.tenant_id = %(tenant)s AND u.id = %(run)s
    UNION ALL
    SELECT u.parent_run_id, u.held, u.status FROM above a
    JOIN compensation_compensationrun u ON u.tenant_id = %(tenant)s AND u.id = a.parent_run_id)
SELECT EXISTS (SELECT FROM above WHERE held OR status = '{RunStatus.PAUSED}')
"""  # noqa: S608  -- own words


def is_held_above(run: CompensationRun) -> bool:
    """Whether a run above a locked one is paused: then no step starts here either."""
    if run.parent_run_id is None:
        return False
    ((held,),) = fetched(_HELD, {"tenant": run.tenant_id, "run": run.parent_run_id})
    return bool(held)


_BEGUN_BY = """
WITH RECURSIVE above AS (
    SELECT u.parent_run_id, u.trigger FROM compensation_compensationrun u
    WHERE u.tenant_id = %(tenant)s AND u.id = %(run)s
    UNION ALL
    SELECT u.parent_run_id, u.trigger FROM above a
    JOIN compensation_compensationrun u ON u.tenant_id = %(tenant)s AND u.id = a.parent_run_id)
SELECT trigger FROM above WHERE parent_run_id IS NULL
"""


def is_begun_by_a_person(run: CompensationRun) -> bool:
    """Whether a person decided that a run begins, or the one at the top of those it is below."""
    trigger = run.trigger
    if run.parent_run_id is not None:
        given = {"tenant": run.tenant_id, "run": run.parent_run_id}
        ((trigger,),) = fetched(_BEGUN_BY, given)
    return trigger in BY_A_PERSON


def leaves_part_below(run: CompensationRun) -> bool:
    """Whether something stays in a whole below that was undone as a step of this run."""
    rows = CompensationRun.objects.filter(tenant_id=run.tenant_id, parent_run_id=run.id)
    return rows.filter(status=RunStatus.PARTIAL).exists()
