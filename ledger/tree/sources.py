"""What falls due of the ledger itself: sealing, anchoring, showing to who signs outside, and checks
and erasures that were asked for."""

from __future__ import annotations

from ledger.dispatch.consumer_registry import Source, register_source
from ledger.erasure.erasing import ERASURES, erase_due
from ledger.erasure.retention import RETENTIONS, prune_due
from ledger.tree.anchoring import TREES, anchor_due
from ledger.tree.sealer import UNSEALED, seal_due
from ledger.tree.witnessing import WITNESSES, witness_due
from ledger.verifications import VERIFICATIONS, verify_due

SEALING = Source("ledger_sealing", UNSEALED, seal_due)
ANCHORING = Source("ledger_anchoring", TREES, anchor_due)
WITNESSING = Source("ledger_witnessing", WITNESSES, witness_due)
CHECKS = Source("ledger_verifications", VERIFICATIONS, verify_due)
ERASING = Source("ledger_erasures", ERASURES, erase_due, private=True)
PRUNING = Source("ledger_retention", RETENTIONS, prune_due)


def register() -> None:
    """Register them."""
    register_source(SEALING)
    register_source(ANCHORING)
    register_source(WITNESSING)
    register_source(CHECKS)
    register_source(ERASING)
    register_source(PRUNING)
