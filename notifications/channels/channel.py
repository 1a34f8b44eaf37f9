"""What a channel is: a name, the state its deliveries start in, a way to deliver one message."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable

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


@dataclasses.dataclass(frozen=True, slots=True)
class Channel:
    """A way to reach a person, by the name that deliveries give it.

    A channel whose deliveries start DELIVERED needs no sending: storing the row is all. Those of
    others start PENDING and `deliver` is called outside any transaction, until it does not fail any
    more. A repetition of a message has the same id. It raises nothing expected: a refusal or an
    outage is a FAILED result. With `needs_address` there is a delivery only for who has one.
    """

    name: str
    starts_as: DeliveryStatus
    deliver: Callable[[Message], Result]
    needs_address: bool = False
