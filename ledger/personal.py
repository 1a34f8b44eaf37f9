"""What the tables of the ledger keep about people.

An entry's bytes hold tokens and salted commitments, never a name: they stay for ever. What was said
is in payloads, of which the hash needs none.
"""

from __future__ import annotations

from typing import Final

from ledger.erasure.personal_data import Personal

_LEASE: Final = "queue due_at leased_until lease_token troubled_since"
# A payload of a person's own: of what they did, and of what was done about them.
_THEIRS: Final = (
    "EXISTS (SELECT 1 FROM ledger_ledgerentry e WHERE e.tenant_id = t.tenant_id"
    " AND e.id = t.entry_id AND (e.actor_id = %(actor)s OR e.on_behalf_of_id = %(actor)s"
    " OR (e.subject_type = 'actor' AND e.subject_id = %(actor)s)))"
)
# Somebody has yet to hear of the entry, and may want to know what it says. What stands behind a
# dead task is heard when a person sees to that, which may be never.
_UNHEARD: Final = (
    "EXISTS (SELECT 1 FROM ledger_outboxtask o WHERE o.tenant_id = t.tenant_id"
    " AND o.event_id = t.entry_id AND o.done_at IS NULL AND o.dead_at IS NULL"
    " AND o.parked_at IS NULL)"
)
# What tells of a receipt names nobody, only ids, counts and hashes. Without it nobody could tell
# what was erased from what somebody has removed.
_OF_RECEIPT: Final = (
    "EXISTS (SELECT 1 FROM ledger_ledgerentry e WHERE e.tenant_id = t.tenant_id"
    " AND e.id = t.entry_id AND e.kind = 'ERASURE'"
    " AND e.action IN ('erased', 'payloads_pruned', 'erasure_confirmed'))"
)
_OF_ENTRY: Final = "(SELECT {} FROM ledger_ledgerentry e WHERE e.id = t.entry_id)"

TABLES: Final = (
    Personal(
        table="ledger_ledgerentry",
        no="id tenant_id subject_type subject_id subject_seq subject_version previous_hash hash"
        " kind action from_status to_status actor_type actor_role caused_by_id caused_by_hash"
        " original_id original_hash correlation_id case_id completion_seq compensation at body",
        actors="actor_id on_behalf_of_id",
    ),
    Personal(
        table="ledger_ledgerhead", no="tenant_id subject_type subject_id seq hash entry_id"
    ),
    Personal(
        table="ledger_payload",
        kind="payloads",
        key="entry_id name",
        no="entry_id name tenant_id salt",
        mentions="body",
        about=(_OF_ENTRY.format("e.subject_type"), _OF_ENTRY.format("e.subject_id")),
        case=_OF_ENTRY.format("e.case_id"),
        theirs=_THEIRS,
        removed="theirs mentions",
        waits=_UNHEARD,
        never=_OF_RECEIPT,
    ),
    Personal(
        table="ledger_erasedpayload", no="entry_id name tenant_id receipt_id at"
    ),
    Personal(
        table="ledger_erasure",
        kind="requests",
        no=f"id tenant_id version requested_at state found kept erased place confirmed_at ended_at"
        f" attempts {_LEASE}",
        actors="actor_id requested_by_id confirmed_by_id",
        mentions="reason last_error",
        # Emptied by the statement that ends the work.
        identity="also names",
    ),
    Personal(
        table="ledger_erasurereceipt",
        no="id tenant_id basis counts at hash",
        actors="actor_id confirmed_by_id",
    ),
    Personal(
        table="ledger_legalhold",
        kind="holds",
        no="id tenant_id version subject_type subject_id placed_at lifted_at",
        actors="placed_by_id lifted_by_id",
        mentions="reason lifted_reason",
    ),
    Personal(
        table="ledger_retention",
        kind="retentions",
        no=f"id tenant_id version kind keep set_at ended_at place pruned {_LEASE}",
        actors="set_by_id ended_by_id",
        mentions="last_error",
    ),
    Personal(
        table="ledger_outboxevent",
        no="id tenant_id type subject_type subject_id case_id shard at",
    ),
    Personal(
        table="ledger_outboxtask",
        kind="tasks",
        no="id tenant_id event_id consumer shard attempts lane queue due_at leased_until"
        " lease_token done_at dead_at parked_at troubled_since",
        mentions="last_error",
    ),
    Personal(table="ledger_wantednews", no="id tenant_id type consumer lane queue"),
    Personal(table="ledger_workerbeat", no="name queues seen_at", shared=True),
    Personal(table="ledger_unsealedentry", no="tenant_id entry_id since"),
    Personal(table="ledger_ledgerleaf", no="tenant_id tree_index entry_id leaf_hash"),
    Personal(table="ledger_ledgertile", no="tenant_id level number hashes root"),
    Personal(
        table="ledger_checkpoint", no="tenant_id size root previous_size consistency note at"
    ),
    Personal(
        table="ledger_ledgertree",
        no=f"tenant_id origin sealed_size anchored_size anchored_at trouble seal_attempts seal_at"
        f" last_error attempts {_LEASE}",
    ),
    Personal(
        table="ledger_treewitness",
        no=f"id tenant_id name size signed_at asked_at trouble last_error attempts {_LEASE}",
    ),
    Personal(table="ledger_countersignature", no="tenant_id size name kind said at"),
    Personal(
        table="ledger_ledgerverification",
        no=f"id tenant_id requested_at started_at finished_at total checked outcome result attempts"
        f" {_LEASE}",
        actors="requested_by_id",
    ),
)  # fmt: skip
