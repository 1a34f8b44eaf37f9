-- One append by the statements of the recording door, as pgbench runs them: the head of a chain is
-- locked and read, one statement writes entry, head, payload and event. There are `subjects` chains,
-- and `work` is what the client does meanwhile (µs). The hash is made by the server from random
-- bytes: who waits for whom is what counts here.
\set n random(1, :subjects)
BEGIN;
SELECT set_config('amends.tenant_id', :tenant, true),
       set_config('plan_cache_mode', 'force_generic_plan', true),
       set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true);
SELECT seq, hash FROM ledger_ledgerhead
WHERE tenant_id = :tenant::uuid AND subject_type = 'channel' AND subject_id = lpad(:n::text, 32, '0')::uuid
FOR UPDATE
\gset
\sleep :work us
WITH fresh AS MATERIALIZED (
    SELECT uuidv7() AS id, sha256(convert_to(random()::text, 'UTF8')) AS hash, now() AS at
), entry AS (
    INSERT INTO ledger_ledgerentry (
        id, tenant_id, subject_type, subject_id, subject_seq, subject_version, previous_hash, hash,
        kind, action, from_status, to_status, actor_id, actor_type, actor_role, correlation_id, at,
        body)
    SELECT id, :tenant::uuid, 'channel', lpad(:n::text, 32, '0')::uuid, :seq::int + 1, :seq::int + 1,
        :hash::bytea, hash, 'TRANSITION', 'created', 'OPEN', 'OPEN', :actor::uuid, 'HUMAN',
        'member', lpad(:n::text, 32, '0')::uuid, at, convert_to(repeat('x', 900), 'UTF8')
    FROM fresh
), head AS (
    UPDATE ledger_ledgerhead h SET seq = :seq::int + 1, hash = fresh.hash, entry_id = fresh.id
    FROM fresh
    WHERE h.tenant_id = :tenant::uuid AND h.subject_type = 'channel'
      AND h.subject_id = lpad(:n::text, 32, '0')::uuid
), payload AS (
    INSERT INTO ledger_payload (entry_id, name, tenant_id, salt, body)
    SELECT id, 'reason', :tenant::uuid, sha256('salt'), convert_to(repeat('y', 60), 'UTF8')
    FROM fresh
)
INSERT INTO ledger_outboxevent (id, tenant_id, type, subject_type, subject_id, shard, at)
SELECT id, :tenant::uuid, 'amends.channel.created.v1', 'channel', lpad(:n::text, 32, '0')::uuid,
    lpad(:n::text, 32, '0')::uuid, at
FROM fresh;
COMMIT;
