"""The SQL of lanes: the function that leases one, and the statements that end a lease.

A lane is worked under its lease by one worker; `ledger_take_lane` is where it is taken. It is one
function because each of its statements needs a snapshot newer than the lock before it.
"""

from __future__ import annotations

#: The database's clock. Everything that is due, leased or put off is so by it alone. As SQL it is
#: run as a query wherever it is named: it is stable, and what it calls is not.
CLOCK = """
CREATE OR REPLACE FUNCTION public.ledger_now() RETURNS timestamptz LANGUAGE plpgsql STABLE
    AS $$ BEGIN RETURN clock_timestamp(); END $$;
"""

# What is leased, with its events.
_LEASED = """RETURNING t.id, t.consumer, t.attempts, t.troubled_since IS NOT NULL AS troubled,
                  t.event_id)
    SELECT k.id, k.consumer, k.attempts, k.troubled, e.id, e.hash, e.tenant_id, o.type, e.action,
           e.subject_type, e.subject_id, e.subject_version, e.case_id, e.from_status, e.to_status,
           e.actor_id, e.correlation_id, e.at
    FROM taken k
    JOIN public.ledger_outboxevent o ON o.id = k.event_id
    JOIN public.ledger_ledgerentry e ON e.id = k.event_id"""

# 1. Under the lane's advisory lock, of which there is one holder: two takers at the same instant.
# 2. All that waits is one task that nobody has tried yet, as it is nearly always: it is leased by a
#    statement of half the size. The rest is for every other lane.
# 3. Leased: then its holder will ask, as it finishes, whether more is due. If it is finishing just
#    now its rows are locked: wait for it, and look again; else it asks later than our news.
# 4. The head is dead and holds the lane: whatever stands behind it is parked, and not looked at
#    again before somebody revives it. It is not due yet: the others wait as long as it does.
# 5. Lease the head and what follows it for the same consumer, and return it with its events. One
#    that has failed is taken alone. The tenant is set by a statement of its own: in one with what
#    reads its rows, the planner may ask for these before it is set, find none, and take nothing.
#
# It has the rights of its caller and names the schema of all that is ours, and so it has no search
# path of its own: a plan is made anew where it was made under another, and the plans of the clock
# and of foreign keys are those of every other statement, which would be made twice for each lease.
TAKE_LANE = f"""
CREATE OR REPLACE FUNCTION public.ledger_take_lane(
    p_tenant uuid, p_lane text, p_shard uuid, p_token uuid, p_seconds double precision,
    p_most int, p_known text[], p_holding text[], p_strange double precision, p_flush boolean)
RETURNS TABLE (
    task bigint, task_consumer text, task_attempts int, troubled boolean,
    id uuid, hash bytea, tenant_id uuid, type text, action text, subject_type text,
    subject_id uuid, subject_version int, case_id uuid, from_status text, to_status text,
    actor_id uuid, correlation_id uuid, at timestamptz)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE head record; was text;
BEGIN
    was := set_config('amends.tenant_id', p_tenant::text, true);
    IF NOT p_flush THEN
        was := set_config('synchronous_commit', 'off', true);
    END IF;
    IF NOT pg_try_advisory_xact_lock(hashtextextended(p_lane || p_shard::text, 0)) THEN
        RETURN;
    END IF;
    RETURN QUERY
    WITH taken AS (
        UPDATE public.ledger_outboxtask t
        SET leased_until = public.ledger_now() + make_interval(secs => p_seconds),
            lease_token = p_token, attempts = 1
        WHERE t.id = (
            SELECT CASE WHEN count(*) = 1 THEN min(f.id) END FROM (
                SELECT n.id FROM public.ledger_outboxtask n
                WHERE n.tenant_id = p_tenant AND n.lane = p_lane AND n.shard = p_shard
                  AND n.done_at IS NULL
                ORDER BY n.id LIMIT 2) f)
          AND t.done_at IS NULL AND t.dead_at IS NULL AND t.parked_at IS NULL AND t.attempts = 0
          AND t.leased_until IS NULL AND t.due_at <= public.ledger_now()
          AND t.consumer = ANY(p_known)
        {_LEASED};
    IF FOUND THEN
        RETURN;
    END IF;
    LOOP
        SELECT t.id, t.consumer, t.attempts, t.due_at, t.dead_at, (
            SELECT l.id FROM public.ledger_outboxtask l
            WHERE l.tenant_id = p_tenant AND l.lane = p_lane AND l.shard = p_shard
              AND l.done_at IS NULL AND l.leased_until >= public.ledger_now()
            ORDER BY l.id LIMIT 1) AS held
        INTO head FROM public.ledger_outboxtask t
        WHERE t.tenant_id = p_tenant AND t.lane = p_lane AND t.shard = p_shard
          AND t.done_at IS NULL AND (t.dead_at IS NULL OR t.consumer = ANY(p_holding))
        ORDER BY t.id LIMIT 1;
        IF NOT FOUND THEN
            RETURN;
        END IF;
        EXIT WHEN head.held IS NULL;
        PERFORM 1 FROM public.ledger_outboxtask t WHERE t.id = head.held
          AND t.done_at IS NULL AND t.leased_until >= public.ledger_now() FOR UPDATE;
        IF FOUND THEN
            RETURN;
        END IF;
    END LOOP;
    IF head.dead_at IS NOT NULL THEN
        UPDATE public.ledger_outboxtask t SET parked_at = public.ledger_now()
        WHERE t.tenant_id = p_tenant AND t.lane = p_lane AND t.shard = p_shard
          AND t.done_at IS NULL AND t.dead_at IS NULL AND t.parked_at IS NULL AND t.id > head.id;
        RETURN;
    END IF;
    IF head.due_at > public.ledger_now() THEN
        UPDATE public.ledger_outboxtask t SET due_at = head.due_at
        WHERE t.tenant_id = p_tenant AND t.lane = p_lane AND t.shard = p_shard
          AND t.done_at IS NULL AND t.dead_at IS NULL AND t.due_at < head.due_at;
        RETURN;
    END IF;
    IF NOT head.consumer = ANY(p_known)
       AND head.due_at > public.ledger_now() - make_interval(secs => p_strange) THEN
        RETURN;
    END IF;
    RETURN QUERY
    WITH taken AS (
        UPDATE public.ledger_outboxtask t
        SET leased_until = public.ledger_now() + make_interval(secs => p_seconds),
            lease_token = p_token, attempts = t.attempts + 1, parked_at = NULL
        WHERE t.id IN (
            SELECT s.id FROM (
                SELECT n.id, n.dead_at,
                       bool_and(n.consumer = head.consumer AND n.attempts = 0 OR n.id = head.id
                                OR n.dead_at IS NOT NULL)
                           OVER (ORDER BY n.id) AS alike
                FROM public.ledger_outboxtask n
                WHERE n.tenant_id = p_tenant AND n.lane = p_lane AND n.shard = p_shard
                  AND n.done_at IS NULL AND n.id >= head.id
                ORDER BY n.id LIMIT p_most) s
            WHERE s.alike AND s.dead_at IS NULL AND (head.attempts = 0 OR s.id = head.id))
        {_LEASED}
    ORDER BY k.id;
END $$;
"""  # noqa: S608  -- own words
# The head of each lane only: what stands behind it is not to be looked at. It is asked for in this
# form because a NOT EXISTS becomes a join of each lane with itself (36 s for 20 lanes of 500), and
# because `coalesce` leaves only the index of lanes to choose, also before there are statistics.
# A task whose consumer this program does not know is left to those that do (while versions are
# exchanged, a new one's news must not die with an old worker), unless it has been due for a day.
WAITING = "t.done_at IS NULL AND t.dead_at IS NULL AND t.parked_at IS NULL"
READY = """
    (t.consumer = ANY(%(known)s)
     OR t.due_at < ledger_now() - make_interval(secs => %(strange)s))
    AND t.id = (
        SELECT e.id FROM ledger_outboxtask e
        WHERE e.tenant_id = t.tenant_id AND e.lane = t.lane AND e.shard = t.shard
          AND e.done_at IS NULL AND coalesce(e.dead_at, e.parked_at) IS NULL
        ORDER BY e.id LIMIT 1)
"""
TAKE = "SELECT * FROM ledger_take_lane(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
#: What the database says when a lease is not what it was: it is no error of the one who hears it.
LOST = "AM001"
# In the statement that finds it out, so that nobody need see its answer before the commit.
LEASE_LOST = f"""
CREATE OR REPLACE FUNCTION public.ledger_lease_lost() RETURNS boolean LANGUAGE plpgsql VOLATILE
    AS $$ BEGIN RAISE EXCEPTION 'a lease was taken over' USING ERRCODE = '{LOST}'; END $$;
"""
# Whether the lane has more that is due: one look less. All of it is done, or nothing.
FINISH = """
WITH done AS (
    UPDATE ledger_outboxtask
    SET done_at = ledger_now(), leased_until = NULL, last_error = '', troubled_since = NULL
    WHERE tenant_id = %(tenant)s AND id = ANY(%(ids)s) AND lease_token = %(token)s
      AND done_at IS NULL RETURNING id)
SELECT CASE WHEN (SELECT count(*) FROM done) = cardinality(%(ids)s::bigint[]) THEN EXISTS (
    SELECT 1 FROM ledger_outboxtask t
    WHERE t.tenant_id = %(tenant)s AND t.lane = %(lane)s AND t.shard = %(shard)s
      AND t.done_at IS NULL AND t.dead_at IS NULL AND t.parked_at IS NULL
      AND t.due_at <= ledger_now() AND NOT t.id = ANY(%(ids)s))
    ELSE ledger_lease_lost() END
"""
EXTEND = """
UPDATE ledger_outboxtask SET leased_until = ledger_now() + make_interval(secs => %s)
WHERE id = ANY(%s) AND lease_token = %s AND done_at IS NULL
"""
# Left to programs that know what it is about, uncounted; dead when none has come within a day.
LEAVE = """
UPDATE ledger_outboxtask t
SET leased_until = NULL, lease_token = NULL, attempts = t.attempts - 1,
    due_at = ledger_now() + make_interval(secs => %s),
    last_error = CASE WHEN o.at < ledger_now() - make_interval(secs => %s) THEN %s ELSE '' END,
    dead_at = CASE WHEN o.at < ledger_now() - make_interval(secs => %s) THEN ledger_now() END
FROM ledger_outboxevent o
WHERE o.id = t.event_id AND t.id = %s AND t.lease_token = %s AND t.done_at IS NULL
RETURNING t.dead_at IS NOT NULL
"""
# Put back without counting the attempt: for later, or at once.
PUT_BACK = """
UPDATE ledger_outboxtask
SET leased_until = NULL, lease_token = NULL, attempts = attempts - 1,
    due_at = greatest(due_at, ledger_now() + make_interval(secs => %s))
WHERE id = ANY(%s) AND lease_token = %s AND done_at IS NULL
"""
UNCOUNT = "UPDATE ledger_outboxtask SET attempts = attempts - 1 WHERE id = ANY(%s)"
TROUBLED = """
UPDATE ledger_outboxtask
SET last_error = %s, troubled_since = coalesce(troubled_since, ledger_now())
WHERE id = %s AND done_at IS NULL
RETURNING troubled_since < ledger_now() - make_interval(secs => %s)
"""
FAIL = """
UPDATE ledger_outboxtask
SET due_at = ledger_now() + make_interval(secs => %s), leased_until = NULL, lease_token = NULL,
    last_error = %s, dead_at = CASE WHEN %s THEN ledger_now() END
WHERE id = %s AND lease_token = %s AND done_at IS NULL
"""
