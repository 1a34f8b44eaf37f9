"""What a channel is: a name, the state its deliveries start in, a way to deliver one message."""

from __future__ import annotations

import dataclasses
import uuid
from typing import Protocol

from notifications.lifecycle import DeliveryStatus


@dataclasses.dataclass(frozen=True, slots=True)
class Message:
    """One message to one person, in words. `url` is absolute. `address` is empty if there is none.

    `id` is the delivery's: the same at every attempt, so that a receiver can tell a repetition.
    """

    id: uuid.UUID
    address: str
    title: str
    text: str
    url: str


@dataclasses.dataclass(frozen=True, slots=True)
class Result:
    """How an attempt ended: ACCEPTED, DELIVERED, SKIPPED, or FAILED with the reason.

    `error` names no person and no address. `status_code` is the server's where it gave one.
    """

    status: DeliveryStatus
    error: str = ""
    status_code: int | None = None


class Channel(Protocol):
    """A way to reach a person.

    A channel whose deliveries start DELIVERED needs no sending; those of others start PENDING and
    `deliver` is called outside any transaction, until it does not fail any more.
    """

    @property
    def name(self) -> str:
        """How deliveries name the channel."""

    @property
    def starts_as(self) -> DeliveryStatus:
        """PENDING if something has to be sent, DELIVERED if storing the row is all."""

    def deliver(self, message: Message) -> Result:
        """Deliver one message. A repetition of an earlier one has the same id. Raises nothing
        expected: a refusal or an outage is a FAILED result."""
