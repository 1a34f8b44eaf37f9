"""What jq has said, kept from one attempt at something to the next, so that none waits for jq.

What an expression makes of a value never changes. Whoever must not wait (a transaction that holds
locks) makes its attempt `without_asking`: what is not known yet ends the attempt by `NotAskedYet`.
The question is asked then, while nothing is held, and the next attempt finds the answer. A value
that has changed between the two makes another question, and is asked about anew.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar

from json_values.jq.child_pool import Answer, Item

#: Asks jq (`evaluation.py`).
Ask = Callable[[Sequence[str], Sequence[Item]], list[Answer]]
#: An expression, and the JSON text of the value it is applied to.
Question = tuple[str, str]


@dataclasses.dataclass(frozen=True, slots=True)
class _Exchange:
    """What is asked at once: as the child takes it, and as it is remembered."""

    ask: Ask
    values: Sequence[str]
    items: Sequence[Item]

    @property
    def questions(self) -> list[Question]:
        return [
            (expression, "" if index is None else self.values[index])
            for expression, index in self.items
        ]


class NotAskedYet(Exception):  # the end of one attempt, and no error
    """An attempt needs what jq would say, and must not wait for it."""

    def __init__(self, exchange: _Exchange) -> None:
        super().__init__("jq has not been asked yet")
        self.exchange = exchange

    @classmethod
    def of_all(cls, missing: Sequence[NotAskedYet]) -> NotAskedYet:
        """Return the end of an attempt that needs all of these: asked at once, equal ones once."""
        values: dict[str, int] = {}
        items: dict[Item, None] = {}
        for exchange in (each.exchange for each in missing):
            for expression, index in exchange.items:
                place = index
                if index is not None:
                    place = values.setdefault(exchange.values[index], len(values))
                items[expression, place] = None
        return cls(_Exchange(missing[0].exchange.ask, list(values), list(items)))


class KnownAnswers:
    """The answers that the attempts at one thing have needed so far."""

    def __init__(self) -> None:
        self._kept: dict[Question, Answer] = {}
        self._used: set[Question] = set()
        self._newest: set[Question] = set()
        self._must_not_wait = False

    @contextlib.contextmanager
    def without_asking(self) -> Iterator[None]:
        """Make one attempt. Raises NotAskedYet where it needs what is not known."""
        self._used.clear()
        before = _of_attempt.set(self)
        self._must_not_wait = True
        try:
            yield
        finally:
            self._must_not_wait = False
            _of_attempt.reset(before)

    @property
    def was_overtaken(self) -> bool:
        """Whether the latest attempt did not need what had been asked for it: what it is about has
        changed meanwhile."""
        return not self._newest <= self._used

    def ask(self, missing: NotAskedYet) -> None:
        """Ask what an attempt has missed."""
        self._ask(missing.exchange)
        self._newest = set(missing.exchange.questions)

    def answers(self, exchange: _Exchange) -> list[Answer]:
        """Return what jq says, as it was kept."""
        questions = exchange.questions
        if not self._kept.keys() >= set(questions):
            if self._must_not_wait:
                raise NotAskedYet(exchange)
            self._ask(exchange)
        self._used.update(questions)
        # Whoever gets an answer may go on to change it.
        return [copy.deepcopy(self._kept[each]) for each in questions]

    def _ask(self, exchange: _Exchange) -> None:
        said = exchange.ask(exchange.values, exchange.items)
        self._kept.update(zip(exchange.questions, said, strict=True))

    @contextlib.contextmanager
    def asking(self) -> Iterator[None]:
        """Let what is not known be asked at once."""
        before, self._must_not_wait = self._must_not_wait, False
        try:
            yield
        finally:
            self._must_not_wait = before


_of_attempt: ContextVar[KnownAnswers | None] = ContextVar("known_answers", default=None)


def answers(ask: Ask, values: Sequence[str], items: Sequence[Item]) -> list[Answer]:
    """Return what jq says to these: of an attempt that must not wait what is known, else at once.

    Raises NotAskedYet.
    """
    known = _of_attempt.get()
    if known is None or not items:
        return ask(values, items)
    return known.answers(_Exchange(ask, values, items))


@contextlib.contextmanager
def asked_at_once() -> Iterator[None]:
    """In a part of an attempt that holds nothing yet: wait for jq, rather than begin anew."""
    known = _of_attempt.get()
    if known is None:
        yield
    else:
        with known.asking():
            yield
