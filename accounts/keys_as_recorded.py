"""What the check of the ledger asks of keys by which members sign.

What a signature is worth is read from the row of its key, and who owns the server writes rows:
taking back that a key was compromised makes valid what was suspect. What holds is in the entries
about the member: which key was registered (`key_registered`), that it is used no more
(`key_retired`) and since when others may have had it (`key_compromised`).
"""

from __future__ import annotations

from typing import Final

# What entries say, and rows, is compared as the bytes that payloads are. Of an entry whose words
# were erased, or pruned before they lasted, it is not known which key of its member it is about:
# where there is one, nothing is said against a key of which no later entry tells.
_TOLD: Final = """
WITH told AS MATERIALIZED (
    SELECT e.tenant_id, e.id, e.subject_id AS actor_id, e.subject_seq, e.action,
           k.body AS key, p.body AS says, btrim(encode(k.body, 'escape'), '"') AS key_text,
           btrim(encode(p.body, 'escape'), '"') AS says_text
    FROM ledger_ledgerentry e
    LEFT JOIN ledger_payload k
        ON k.tenant_id = e.tenant_id AND k.entry_id = e.id AND k.name = 'key'
    LEFT JOIN ledger_payload p
        ON p.tenant_id = e.tenant_id AND p.entry_id = e.id AND p.name = CASE e.action
            WHEN 'key_registered' THEN 'public_key' WHEN 'key_compromised' THEN 'since'
            ELSE 'key' END
    WHERE e.subject_type = 'actor'
        AND e.action IN ('key_registered', 'key_retired', 'key_compromised')
), last AS (
    SELECT DISTINCT ON (tenant_id, key, action) * FROM told
    WHERE key IS NOT NULL AND says IS NOT NULL
    ORDER BY tenant_id, key, action, subject_seq DESC
), wordless AS (
    SELECT tenant_id, actor_id, action, max(subject_seq) AS subject_seq FROM told
    WHERE key IS NULL OR says IS NULL GROUP BY tenant_id, actor_id, action
), keys AS (
    SELECT tenant_id, id, actor_id, retired_at,
           convert_to(to_json(id::text)::text, 'UTF8') AS key,
           convert_to(to_json(encode(public_key, 'base64'))::text, 'UTF8') AS public_key,
           to_char(compromised_since AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS since
    FROM accounts_signaturekey
)
"""
# Whoever is erased has no keys any more, also where a hold keeps what was said of one.
_REGISTERED: Final = """
    SELECT l.id, CASE
        WHEN k.id IS NULL THEN format('signature key %s, which it registered, is gone', l.key_text)
        WHEN k.actor_id <> l.actor_id
            THEN format('signature key %s is not of the member it was registered for', l.key_text)
        ELSE format('signature key %s is another than it registered', l.key_text) END
    FROM last l LEFT JOIN keys k ON k.tenant_id = l.tenant_id AND k.key = l.key
    WHERE l.action = 'key_registered'
        AND (k.actor_id, k.public_key) IS DISTINCT FROM (l.actor_id, l.says)
        AND NOT (k.id IS NULL AND EXISTS (
            SELECT 1 FROM ledger_ledgerentry e WHERE e.tenant_id = l.tenant_id
                AND e.subject_type = 'actor' AND e.subject_id = l.actor_id
                AND e.action = 'erasure_confirmed'))
"""
_UNREGISTERED: Final = """
    SELECT NULL, format('no entry has registered signature key %s', k.id)
    FROM keys k
    LEFT JOIN last l
        ON l.tenant_id = k.tenant_id AND l.key = k.key AND l.action = 'key_registered'
    LEFT JOIN wordless w ON w.tenant_id = k.tenant_id AND w.actor_id = k.actor_id
        AND w.action = 'key_registered'
    WHERE l.id IS NULL AND w.actor_id IS NULL
"""
_COMPROMISED: Final = """
    SELECT coalesce(l.id, r.id), format(
        'signature key %s is compromised since %s, but its last entry says since %s',
        k.id, coalesce(k.since, 'never'), coalesce(l.says_text, 'never'))
    FROM keys k
    LEFT JOIN last r
        ON r.tenant_id = k.tenant_id AND r.key = k.key AND r.action = 'key_registered'
    LEFT JOIN last l
        ON l.tenant_id = k.tenant_id AND l.key = k.key AND l.action = 'key_compromised'
    LEFT JOIN wordless w ON w.tenant_id = k.tenant_id AND w.actor_id = k.actor_id
        AND w.action = 'key_compromised' AND w.subject_seq > coalesce(l.subject_seq, 0)
    WHERE w.actor_id IS NULL
        AND l.says IS DISTINCT FROM convert_to(to_json(k.since)::text, 'UTF8')
"""
_RETIRED: Final = """
    SELECT coalesce(l.id, r.id), format(CASE WHEN l.id IS NULL
        THEN 'signature key %s is retired, but no entry says so'
        ELSE 'signature key %s is not retired, as its entry says' END, k.id)
    FROM keys k
    LEFT JOIN last r
        ON r.tenant_id = k.tenant_id AND r.key = k.key AND r.action = 'key_registered'
    LEFT JOIN last l
        ON l.tenant_id = k.tenant_id AND l.key = k.key AND l.action = 'key_retired'
    LEFT JOIN wordless w ON w.tenant_id = k.tenant_id AND w.actor_id = k.actor_id
        AND w.action = 'key_retired'
    WHERE w.actor_id IS NULL AND (l.id IS NULL) <> (k.retired_at IS NULL)
"""
#: What is wrong with the first key that is not as the entries about its member say, whose words
#: are still there: (entry or NULL, message), as `register_check` takes it.
KEYS_AS_RECORDED: Final = (
    f"{_TOLD} SELECT * FROM ("  # noqa: S608  -- own words
    f"{_REGISTERED} UNION ALL {_UNREGISTERED} UNION ALL {_COMPROMISED} UNION ALL {_RETIRED}"
    ") wrong (entry, message) ORDER BY entry, message LIMIT 1"
)
