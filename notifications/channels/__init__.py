"""The ways to reach a person: one module each, behind one interface. Nothing else sends."""

from __future__ import annotations

from notifications.channels.channel import Channel, Message, Result
from notifications.channels.email import EMAIL
from notifications.channels.in_app import IN_APP

CHANNELS: dict[str, Channel] = {each.name: each for each in (IN_APP, EMAIL)}

__all__ = ["CHANNELS", "Channel", "Message", "Result"]
