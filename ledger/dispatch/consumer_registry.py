"""Who wants which news, and which tables hold rows that fall due. Filled at start."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Protocol

from ledger.dispatch.lease_table import LeaseTable


@dataclasses.dataclass(frozen=True, slots=True)
class Event:
    """One committed entry as its consumers see it: `id` and `hash` are the entry's."""

    id: uuid.UUID
    hash: bytes
    tenant_id: uuid.UUID
    type: str
    action: str
    subject_type: str
    subject_id: uuid.UUID
    subject_version: int
    case_id: uuid.UUID | None
    from_status: str
    to_status: str
    actor_id: uuid.UUID
    correlation_id: uuid.UUID
    at: dt.datetime


Done = Callable[[], None]


class Announced(Protocol):
    """What `record` is about to write, as consumers may look at it."""

    @property
    def kind(self) -> str:
        """The kind of the entry."""

    @property
    def action(self) -> str:
        """What happened."""

    @property
    def subject_type(self) -> str:
        """To what kind of thing."""

    @property
    def to_status(self) -> str:
        """The status it has then."""

    @property
    def case_id(self) -> uuid.UUID | None:
        """In which case, or batch, if in any."""

    @property
    def in_batch(self) -> bool:
        """Whether that is a batch."""

    @property
    def compensation(self) -> Mapping[str, Any] | None:
        """What is undone, and how."""

    @property
    def watched(self) -> bool:
        """Whether there are people who look on what becomes of its subject."""

    @property
    def heard_by(self) -> Collection[str]:
        """The consumers that hear of it beside those that want every one of its type."""


class LeftToOthers(Exception):
    """The news is about something that this program does not know, but a newer one does."""


class Trouble(Exception):
    """Trouble of our own, which is not the news' fault: it is tried again, uncounted.

    `counts`: whether people are told when it lasts. What met others at work need only come again.
    """

    counts = True


def _untold(_event: Event, _error: str) -> None:
    """Nobody is told of what holds nothing."""


@dataclasses.dataclass(frozen=True, slots=True)
class Consumer:
    """A handler of events.

    `handle(events, done)` gets the events of one shard that are due, in order, `at_once` of them at
    most. It runs outside any transaction and calls `done()` as the last thing inside the one
    transaction of its effects. `wants` chooses by event type; `matters` looks at the entry before
    it is recorded, so that no task is made of what would change nothing. `holds`: a dead task
    closes its lane, and `stopped(event, error)` tells whom it concerns, in the transaction that
    buries it; it may be told again, and `goes_on(event)` tells, in the transaction of its effects,
    that what was stopped or in trouble got through. Consumers of one `lane` hear the news of one
    shard in one order, as if they were one: what the second would do rests on what the first did.
    `queue` is where their work is announced; what compensates goes before. A handler that runs for
    more than `max_seconds` hangs and is killed. One that is told of what this program does not know
    raises LeftToOthers; one that meets trouble of our own raises Trouble.
    """

    name: str
    wants: Callable[[str], bool]
    handle: Callable[[Sequence[Event], Done], None]
    matters: Callable[[Announced], bool] = lambda _change: True
    holds: bool = False
    stopped: Callable[[Event, str], None] = _untold
    goes_on: Callable[[Event], None] = lambda _event: None
    lane: str = ""
    queue: str = "engine"
    max_attempts: int = 8
    max_seconds: float = 60
    at_once: int = 100

    @property
    def in_lane(self) -> str:
        """The name of its lane: its own, unless it shares one."""
        return self.lane or self.name

    def queue_of(self, change: Announced) -> str:
        """Return the queue of one piece of news: what carries an undo on goes before."""
        undoes = self.queue == "engine" and change.kind == "COMPENSATION"
        return "undo" if undoes else self.queue


@dataclasses.dataclass(frozen=True, slots=True)
class Source:
    """A table with rows that fall due.

    `work(tenant, id)` leases the row and does its work; it must settle or reschedule it itself.
    Whether there was anything to do. An exception that escapes it is logged; the lease expires.
    `short`: it waits for nobody's program or machine and reads little, as a consumer does, and so
    is done by any process; of the others a pool leaves some free. `programs`: it runs programs,
    for which whatever else is not short leaves room. `private`: what its errors say may name people
    whose names are to be gone, and is repeated nowhere; of what kind they are is.
    """

    name: str
    table: LeaseTable
    work: Callable[[uuid.UUID, uuid.UUID], bool]
    short: bool = False
    programs: bool = False
    private: bool = False


_consumers: dict[str, Consumer] = {}
_sources: dict[str, Source] = {}


def register_consumer(consumer: Consumer) -> None:
    """Add `consumer`. Raises ValueError when its name is taken by another."""
    if _consumers.setdefault(consumer.name, consumer) is not consumer:
        raise ValueError(f"a consumer named {consumer.name!r} is already registered")
    consumers_of.cache_clear()


def register_source(source: Source) -> None:
    """Add `source`. Raises ValueError when its name is taken by another."""
    if _sources.setdefault(source.name, source) is not source:
        raise ValueError(f"a source named {source.name!r} is already registered")


def consumer_named(name: str) -> Consumer | None:
    """Return the consumer registered under `name`, if any."""
    return _consumers.get(name)


@functools.lru_cache(maxsize=512)
def consumers_of(event_type: str) -> tuple[Consumer, ...]:
    """Return every consumer that wants `event_type`."""
    return tuple(c for c in _consumers.values() if c.wants(event_type))


def hearing(event_type: str, change: Announced) -> Iterator[Consumer]:
    """Yield the consumers that hear of a change in every tenant.

    Raises LookupError for one named by the change that is not registered.
    """
    yield from (each for each in consumers_of(event_type) if each.matters(change))
    for name in change.heard_by:
        named = consumer_named(name)
        if named is None:
            raise LookupError(f"no consumer named {name!r} is registered")
        yield named


def consumers_in(lane: str) -> list[Consumer]:
    """Return the consumers that hear the news of a lane."""
    return [c for c in _consumers.values() if c.in_lane == lane]


def consumer_names() -> list[str]:
    """Return the names of every registered consumer."""
    return list(_consumers)


def holding_consumers() -> list[str]:
    """Return the names of consumers whose dead tasks close their lane."""
    return [c.name for c in _consumers.values() if c.holds]


def source_named(name: str) -> Source | None:
    """Return the source registered under `name`, if any."""
    return _sources.get(name)


def is_short(source: str) -> bool:
    """Whether any process may do the rows of a source: it is registered, and declared short."""
    found = source_named(source)
    return found is not None and found.short


def runs_programs(source: str) -> bool:
    """Whether the rows of a source are programs: it is registered, and says so."""
    found = source_named(source)
    return found is not None and found.programs


def sources() -> tuple[Source, ...]:
    """Return every registered source of due rows."""
    return tuple(_sources.values())
