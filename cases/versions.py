"""Which version of a definition is meant where none is named (Semantic Versioning 2.0.0 §11)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar


class Versioned(Protocol):
    """Something with a semantic version, such as a deployed definition."""

    version: str


_NUMBERS = 3
Row = TypeVar("Row", bound=Versioned)
Precedence = tuple[tuple[int, ...], bool, tuple[tuple[bool, int, str], ...]]


def precedence(version: str) -> Precedence:
    """Return what versions are ordered by: numbers as numbers, a release above its pre-releases,
    identifiers of digits below others, more of them above fewer. Build metadata says nothing.
    """
    core, _, pre_release = version.partition("+")[0].partition("-")
    numbers = tuple(int(part) for part in core.split("."))
    # The last number may be left out: 1.0 is 1.0.0.
    numbers += (0,) * (_NUMBERS - len(numbers))
    identifiers = pre_release.split(".") if pre_release else ()
    return numbers, not identifiers, tuple(_identifier(each) for each in identifiers)


def is_pre_release(version: str) -> bool:
    """Return whether a version comes before the release of its number."""
    return "-" in version.partition("+")[0]


def highest_first(rows: Iterable[Row]) -> list[Row]:
    """Return rows by their versions, highest first; where two are equal, in the order given."""
    return sorted(rows, key=lambda row: precedence(row.version), reverse=True)


def default_of(rows: Sequence[Row]) -> Row:
    """Return the highest version, a pre-release only where there is nothing else."""
    ordered = highest_first(rows)
    return next((row for row in ordered if not is_pre_release(row.version)), ordered[0])


def _identifier(text: str) -> tuple[bool, int, str]:
    is_number = text.isdigit()
    return (not is_number, int(text) if is_number else 0, "" if is_number else text)
