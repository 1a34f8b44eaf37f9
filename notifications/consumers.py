"""What notifications hears of the apps below, through the outbox."""

from __future__ import annotations

from ledger.dispatch.registry import Consumer
from notifications.actions.telling import handle
from notifications.events import CONSUMER, wanted

# A message that cannot be made out holds nothing: the work goes on without it.
DELIVER = Consumer(name=CONSUMER, wants=wanted, handle=handle, holds=False)
