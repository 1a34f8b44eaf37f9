-- The statements of `workitems.actions.stop`/`start`, in order, as pgbench runs them.
-- Hashes are made by the server from random bytes: the cost of writing them is what counts here.
-- Ours sends the settings along with BEGIN, which pgbench cannot do with prepared statements.
BEGIN;
SELECT set_config('amends.tenant_id', :tenant, true),
       set_config('plan_cache_mode', 'force_generic_plan', true),
       set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true);
SELECT r.compensation_state, r.compensation_round, r.policy, r.reversibility, r.case_id, r.binding,
    r.completion_seq, r.undoes_type, r.undoes_id, r.compensation, r.run_id, r.id, r.tenant_id,
    r.version, r.kind, r.title, r.status, r.priority, r.assignee_id, r.offered_to,
    r.people_missing, r.excluded, r.payload, r.outcome, r.resolution, r.permitted_outcomes,
    r.resolution_schema, r.tainted, r.compensates_id, r.created_by_id, r.created_at, r.due_at,
    r.started_at, r.completed_at, r.completed_by_id, r.ended_at, r.ended_reason,
    h.seq AS head_seq, h.hash AS head_hash, h.entry_id AS head_entry_id, f.id AS finished_id,
    f.hash AS finished_hash, seen.seq AS seen_seq,
    array(SELECT name FROM workitems_candidategroup g
          WHERE g.tenant_id = r.tenant_id AND g.work_item_id = r.id) AS named_groups,
    array(SELECT actor_id FROM workitems_candidateuser u
          WHERE u.tenant_id = r.tenant_id AND u.work_item_id = r.id) AS named_users
FROM (
    SELECT * FROM workitems_workitem r
    WHERE r.id = ANY(ARRAY[:item::uuid, (
        SELECT p.undoes_id FROM workitems_workitem p
        WHERE p.id = :item::uuid AND p.undoes_type = 'work_item')])
      AND (r.id <> :item::uuid OR r.undoes_type = ANY(
        ARRAY['', 'work_item', 'execution', 'compensation_run', 'compensation_step']))
    ORDER BY r.id FOR UPDATE) r
CROSS JOIN LATERAL (
    SELECT * FROM ledger_ledgerhead
    WHERE tenant_id = r.tenant_id AND subject_type = 'work_item' AND subject_id = r.id
    FOR UPDATE) h
LEFT JOIN LATERAL (
    SELECT e.id, e.hash FROM ledger_ledgerentry e
    WHERE e.tenant_id = r.tenant_id AND e.subject_type = h.subject_type AND e.subject_id = r.id
      AND e.action = ANY(ARRAY['completed']) AND r.ended_at IS NOT NULL
    ORDER BY e.subject_seq DESC LIMIT 1) f ON true
LEFT JOIN LATERAL (
    SELECT s.seq FROM ledger_ledgerhead s
    WHERE s.tenant_id = h.tenant_id AND s.subject_type = h.subject_type
      AND s.subject_id = h.subject_id LIMIT 1) seen ON true
\gset
SELECT m.actor_id, a.type, m.roles,
       array(SELECT g.name FROM accounts_groupmembership g
             WHERE g.tenant_id = m.tenant_id AND g.membership_id = m.id)
FROM accounts_membership m
JOIN accounts_actor a ON a.tenant_id = m.tenant_id AND a.id = m.actor_id
JOIN accounts_user u ON u.id = m.user_id
WHERE m.tenant_id = :tenant::uuid AND m.id = :membership::uuid
  AND m.is_active AND u.is_active AND a.is_active;
WITH fresh AS MATERIALIZED (
    SELECT uuidv7() AS id, sha256(convert_to(random()::text, 'UTF8')) AS hash, now() AS at
), item AS (
    UPDATE workitems_workitem
    SET status = CASE :status WHEN 'ASSIGNED' THEN 'IN_PROGRESS' ELSE 'ASSIGNED' END,
        version = :version::int + 1, assignee_id = :actor::uuid
    WHERE id = :item::uuid
), entry AS (
    INSERT INTO ledger_ledgerentry (
        id, tenant_id, subject_type, subject_id, subject_seq, subject_version, previous_hash, hash,
        kind, action, from_status, to_status, actor_id, actor_type, actor_role, on_behalf_of_id,
        caused_by_id, caused_by_hash, original_id, original_hash, correlation_id, case_id,
        completion_seq, compensation, at, body)
    SELECT t.id, tenant_id, subject_type, subject_id, subject_seq, subject_version, previous_hash,
        t.hash, kind, action, from_status, to_status, actor_id, actor_type, actor_role,
        on_behalf_of_id, caused_by_id, caused_by_hash, original_id, original_hash, correlation_id,
        case_id, completion_seq, compensation::jsonb, t.at, body
    FROM fresh, unnest(
        ARRAY[fresh.id], ARRAY[:tenant::uuid], ARRAY['work_item'], ARRAY[:item::uuid],
        ARRAY[:head_seq::int + 1], ARRAY[:version::int + 1], ARRAY[:head_hash::bytea],
        ARRAY[fresh.hash], ARRAY['TRANSITION'], ARRAY['stopped'], ARRAY[:status::text],
        ARRAY[CASE :status WHEN 'ASSIGNED' THEN 'IN_PROGRESS' ELSE 'ASSIGNED' END],
        ARRAY[:actor::uuid], ARRAY['HUMAN'], ARRAY['member'], ARRAY[NULL]::uuid[],
        ARRAY[NULL]::uuid[], ARRAY[NULL]::bytea[], ARRAY[NULL]::uuid[], ARRAY[NULL]::bytea[],
        ARRAY[:item::uuid], ARRAY[NULL]::uuid[], ARRAY[NULL]::bigint[], ARRAY[NULL]::text[],
        ARRAY[fresh.at], ARRAY[convert_to(repeat('x', 900), 'UTF8')]
    ) AS t(id, tenant_id, subject_type, subject_id, subject_seq, subject_version, previous_hash, hash,
        kind, action, from_status, to_status, actor_id, actor_type, actor_role, on_behalf_of_id,
        caused_by_id, caused_by_hash, original_id, original_hash, correlation_id, case_id,
        completion_seq, compensation, at, body)
), head AS (
    INSERT INTO ledger_ledgerhead (tenant_id, subject_type, subject_id, seq, hash, entry_id)
    SELECT t.* FROM fresh, unnest(
        ARRAY[:tenant::uuid], ARRAY['work_item'], ARRAY[:item::uuid], ARRAY[:head_seq::int + 1],
        ARRAY[fresh.hash], ARRAY[fresh.id]) AS t
    ON CONFLICT (tenant_id, subject_type, subject_id)
    DO UPDATE SET seq = excluded.seq, hash = excluded.hash, entry_id = excluded.entry_id
), payload AS (
    INSERT INTO ledger_payload (entry_id, name, tenant_id, salt, body)
    SELECT * FROM unnest(
        ARRAY[]::uuid[], ARRAY[]::text[], ARRAY[]::uuid[], ARRAY[]::bytea[], ARRAY[]::bytea[])
), event AS (
    INSERT INTO ledger_outboxevent
        (id, tenant_id, type, subject_type, subject_id, case_id, shard, at)
    SELECT t.* FROM fresh, unnest(
        ARRAY[fresh.id], ARRAY[:tenant::uuid], ARRAY['amends.work_item.stopped.v1'],
        ARRAY['work_item'], ARRAY[:item::uuid], ARRAY[NULL]::uuid[], ARRAY[:item::uuid],
        ARRAY[fresh.at]) AS t
)
INSERT INTO ledger_outboxtask (tenant_id, event_id, consumer, shard, attempts)
SELECT tenant_id, event_id, consumer, shard, 0
FROM unnest(ARRAY[]::uuid[], ARRAY[]::uuid[], ARRAY[]::text[], ARRAY[]::uuid[])
    AS t(tenant_id, event_id, consumer, shard);
COMMIT;
