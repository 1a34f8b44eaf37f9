"""The page of notifications: a delivery is on it as soon as it is stored."""

from __future__ import annotations

from notifications.channels.base import Message, Result
from notifications.lifecycle import DeliveryStatus


class InApp:
    """Nothing is sent."""

    name = "in_app"
    starts_as = DeliveryStatus.DELIVERED

    def deliver(self, message: Message) -> Result:  # noqa: ARG002  -- the interface's argument
        """Confirm: the row itself is the message."""
        return Result(DeliveryStatus.DELIVERED)


IN_APP = InApp()
