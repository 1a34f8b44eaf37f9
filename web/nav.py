"""The navigation of every page. Apps register their entries in `AppConfig.ready()`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Literal

from django.utils.functional import Promise

from accounts.acting import ActingUser

Count = Callable[[ActingUser], int]


@dataclasses.dataclass(frozen=True, slots=True)
class NavEntry:
    """One link of the main navigation.

    `label` may be lazily translated. `icon` is a Lucide name. `count` (what waits there; nothing is
    shown for 0) runs in the tenant's scope. `roles` None shows it to every member. `rule` draws a
    line above. Entries are sorted by `order`.
    """

    key: str
    label: str | Promise
    icon: str
    url_name: str
    order: int
    count: Count | None = None
    tone: Literal["", "undo"] = ""
    rule: bool = False
    roles: frozenset[str] | None = None


_entries: dict[str, NavEntry] = {}


def register(entry: NavEntry) -> None:
    """Add an entry. Registering a key again replaces it."""
    _entries[entry.key] = entry


def entries(roles: frozenset[str]) -> list[NavEntry]:
    """Return the entries that a holder of `roles` sees, in order."""
    seen = [each for each in _entries.values() if each.roles is None or each.roles & roles]
    return sorted(seen, key=lambda each: (each.order, each.key))
