"""The news that carries a batch on: what became of one of its calls."""

from __future__ import annotations

#: Hears, in the lane of a batch, what became of its calls.
BATCHES = "executions.batches"
ENDS_A_CALL = frozenset({"succeeded", "failed", "cancelled", "rejected", "expired", "superseded"})
#: Of a call of which nobody knew: undone as if it had happened, by whose word ever, it is over too.
ENDS_A_DOUBT = frozenset({"compensation_completed", "compensation_attested"})
