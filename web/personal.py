"""What the answers that are kept for repeated requests say about people."""

from __future__ import annotations

from typing import Final

from ledger.erasure.personal_data import Personal

TABLES: Final = (
    Personal(
        table="web_idempotencykey",
        kind="answers",
        no="id tenant_id membership_id body_hash status created_at",
        mentions="key request headers body",
        theirs="t.membership_id IN (SELECT m.id FROM accounts_membership m"
        " WHERE m.tenant_id = t.tenant_id AND m.actor_id = %(actor)s)",
        removed="theirs",
    ),
)
