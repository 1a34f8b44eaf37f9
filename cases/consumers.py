"""What cases hears of the apps below, through the outbox."""

from __future__ import annotations

from cases.actions.engine import handle
from cases.events import ENGINE, wanted
from ledger.dispatch.registry import Consumer

# A dead task of the engine holds its own case: a case never skips a step.
ENGINE_CONSUMER = Consumer(name=ENGINE, wants=wanted, handle=handle, holds=True)
