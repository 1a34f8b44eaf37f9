"""What `verify_ledger` asks of the steps of runs, whose entries have the run as their subject."""

from __future__ import annotations

#: The first step that is not where the last entry about it left it, or about which there is none.
STEPS_AS_RECORDED = """
SELECT e.id, format(
    'step %s of run %s is %s at version %s, but its last entry left it %s at version %s',
    s.n, s.run_id, s.status, s.version, coalesce(e.status, 'unknown'), coalesce(e.version, '0'))
FROM cases_compensationstep s
LEFT JOIN (
    SELECT DISTINCT ON (tenant_id, subject_id, compensation ->> 'step')
           id, tenant_id, subject_id, compensation ->> 'step' AS n,
           compensation ->> 'step_status' AS status, compensation ->> 'step_version' AS version
    FROM ledger_ledgerentry
    WHERE subject_type = 'compensation_run' AND compensation ->> 'step' IS NOT NULL
    ORDER BY tenant_id, subject_id, compensation ->> 'step', subject_seq DESC) e
  ON e.tenant_id = s.tenant_id AND e.subject_id = s.run_id AND e.n = s.n::text
WHERE (e.status, e.version) IS DISTINCT FROM (s.status, s.version::text)
ORDER BY s.id LIMIT 1
"""
