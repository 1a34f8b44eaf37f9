"""One row of a lifecycle table: an operation's name, from → to, and who may. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection


@dataclasses.dataclass(frozen=True, slots=True)
class Operation:
    """What a verb may do to a status.

    `sources` None: any status, or none (the verb makes its subject). `target` None: the status
    stays, or the row says to which of those in `back` it returns. `who` are words for relations
    (`candidate`, `operator`, `system` …), any of which allows it.
    """

    name: str
    sources: frozenset[str] | None
    target: str | None
    who: tuple[str, ...]
    back: tuple[str, ...] = ()

    @property
    def method(self) -> str:
        """The name of the `@transition` method that goes with it."""
        return self.name.replace("-", "_")


def operation(
    name: str,
    sources: Collection[str] | None,
    target: str | None,
    who: str,
    *,
    back: Collection[str] = (),
) -> Operation:
    """Return one row; `who` lists words separated by spaces."""
    known = None if sources is None else frozenset(map(str, sources))
    return Operation(name, known, target and str(target), tuple(who.split()), tuple(map(str, back)))


def table(*rows: Operation) -> dict[str, Operation]:
    """Return the rows by name, in the order given. Raises ValueError for a name given twice."""
    found = {row.name: row for row in rows}
    if len(found) != len(rows):
        raise ValueError("an operation is declared twice")
    return found
