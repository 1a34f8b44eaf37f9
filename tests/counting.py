"""Another program that books seats, once per key: a real server whose effects can be counted."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from egress.calls import Limits
from executions import capability_registry
from executions.capability_registry import RetryPolicy
from executions.http_capabilities import http_capability
from tests.answering import Answering, Handler, Heard

SECRET = "whsec_" + "c2VjcmV0" * 4
OUTPUT = {
    "type": "object", "properties": {"seat": {"type": "integer"}}, "required": ["seat"],
}  # fmt: skip
QUICK = Limits(connect=2, read=0.3, whole=2, most_bytes=2000)
Way = Callable[["Seats", Handler, Heard], None]


class Seats:
    """Books a seat per key, and answers as `ways` say, one call after the other; the last for good.

    `effects` has the seat by key: what is there twice was done twice.
    """

    def __init__(self) -> None:
        self.effects: list[tuple[str, int]] = []
        self.ways: list[Way] = [done]
        self.knows: Way = known

    def __call__(self, handler: Handler, heard: Heard) -> None:
        """Answer a call, or a question."""
        if heard.method == "GET":
            self.knows(self, handler, heard)
            return
        way = self.ways.pop(0) if len(self.ways) > 1 else self.ways[0]
        way(self, handler, heard)

    def book(self, heard: Heard) -> int:
        """Make the effect, once per key."""
        seat = self.seat_of(heard.key)
        if seat is None:
            seat = int(heard.json["input"].get("seat", 0))
            self.effects.append((heard.key, seat))
        return seat

    def made_for(self, execution_id: uuid.UUID) -> list[int]:
        """Return every effect of an execution, by the key that is its id."""
        return [seat for key, seat in self.effects if key == str(execution_id)]

    def seat_of(self, key: str) -> int | None:
        """Return what was booked under a key."""
        return dict(self.effects).get(key)


def done(seats: Seats, handler: Handler, heard: Heard) -> None:
    """Book, and say so."""
    handler.answer(200, {"seat": seats.book(heard)})


def known(seats: Seats, handler: Handler, heard: Heard) -> None:
    """Say what became of a call."""
    seat = seats.seat_of(heard.key)
    handler.answer(404 if seat is None else 200, {} if seat is None else {"seat": seat})


def saying(status: int, body: Any = None, *, books: bool = False, **headers: Any) -> Way:
    """Answer with a status, having booked or not."""

    def say(seats: Seats, handler: Handler, heard: Heard) -> None:
        if books:
            seats.book(heard)
        handler.answer(status, body, **headers)

    return say


def hanging(seats: Seats, handler: Handler, heard: Heard) -> None:
    """Book, and never say so."""
    seats.book(heard)
    handler.hang()


def cut(seats: Seats, handler: Handler, heard: Heard) -> None:
    """Book, and close in the middle of the answer."""
    seats.book(heard)
    handler.send_response(200)
    handler.send_header("content-length", "100")
    handler.end_headers()
    handler.wfile.write(b'{"seat":')


def declare_seats(
    monkeypatch: pytest.MonkeyPatch, target: Answering, name: str = "test.book", **more: Any
) -> None:
    """Register the capability, for the length of a test."""
    monkeypatch.setenv("SEATS_SECRET", SECRET)
    known_ = dict(capability_registry._capabilities)  # noqa: SLF001  -- there is no way back
    monkeypatch.setattr(capability_registry, "_capabilities", known_)
    told: dict[str, Any] = {
        "secret_env": "SEATS_SECRET", "limits": QUICK, "output_schema": OUTPUT,
        "retry": RetryPolicy(max_attempts=3), "status_url": target.url("/calls/{key}"), **more,
    }  # fmt: skip
    http_capability(name, target.url("/book"), **told)
