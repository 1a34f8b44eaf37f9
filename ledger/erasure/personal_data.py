"""What each table keeps about people. Every app declares its tables in `personal.py`.

Every column says one of:

- `no`: it holds nothing about people (states, times, digests, keys, the names of steps);
- `actors`: it holds the token of an actor. A token is random; what it means to others is in
  `accounts` alone, and goes with that;
- `mentions`: text or JSON in which somebody may be named: names are replaced by the token;
- `said`: text that is its author's own. The author's rows lose all of it, other rows as `mentions`;
- `identity`: it says who somebody is. It is removed by `accounts`, last of all.

Erasure has no other knowledge of tables: a new one is declared, and nothing else is written.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Collection, Sequence
from typing import Final

#: For so long a process may keep in memory what it has read of rows that are erased: an erasure
#: lets this time go by before it looks for copies the second time.
KEPT_SECONDS: Final = 60.0
HOWS: Final = ("no", "actors", "mentions", "said", "identity")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Personal:
    """What one table keeps about people: by how it is erased, the names of its columns.

    `kind` is what people call its rows in a count. `key` names a row. `about` is SQL over `t` for
    the type and the id of the subject whose legal hold holds a row, `also_about` for further ones,
    `case` for its case.
    `theirs` is SQL over `t`, with `%(actor)s`, for the rows of a person's own. Those are `removed`
    ("theirs"), or whatever names somebody is ("mentions"), or none (""). `waits` is SQL over `t`
    for rows that somebody is at: they are erased afterwards; `never` for rows that say nothing of
    anybody, and stay whoever is erased. `beside` is what a row keeps outside
    the database; `shared`: the table has no tenant.

    Of the columns that mention people, `followed` are JSON that a program follows: what it calls
    things stays; `keyed` is JSON of which the names of members are the program's own; `things` are
    texts that name things, and `expressions` such in jq.
    """

    table: str
    kind: str = ""
    no: str = ""
    actors: str = ""
    mentions: str = ""
    said: str = ""
    identity: str = ""
    key: str = "id"
    about: tuple[str, str] | None = None
    also_about: tuple[tuple[str, str], ...] = ()
    case: str = ""
    theirs: str = ""
    removed: str = ""
    waits: str = ""
    never: str = ""
    beside: Beside | None = None
    followed: str = ""
    keyed: str = ""
    things: str = ""
    expressions: str = ""
    shared: bool = False

    def columns(self, *hows: str) -> list[str]:
        """Return the columns that are erased in these ways; all, if none is named."""
        return [name for how in hows or HOWS for name in getattr(self, how).split()]

    @property
    def subjects(self) -> list[tuple[str, str]]:
        """SQL for the types and ids of all subjects whose legal hold holds a row."""
        return [*([self.about] if self.about is not None else []), *self.also_about]

    @property
    def swept(self) -> bool:
        """Whether rows of it are looked at: something in it may name somebody."""
        return bool(self.mentions or self.said or self.removed)


@dataclasses.dataclass(frozen=True, slots=True)
class Beside:
    """What rows keep outside the database. `naming(tenant, ids, names)`: which of them hold a text
    for which `names` is true; `remove(tenant, ids)` removes it, also a second time."""

    naming: Callable[[uuid.UUID, Sequence[uuid.UUID], Callable[[str], bool]], Collection[uuid.UUID]]
    remove: Callable[[uuid.UUID, Sequence[uuid.UUID]], None]


@dataclasses.dataclass(frozen=True, slots=True)
class Outside:
    """A copy that is kept outside the tables, such as a log of mail: `count(texts, apply)` says in
    how many of them one of the texts stands, and with `apply` removes it there."""

    kind: str
    count: Callable[[Sequence[str], bool], int]


_tables: dict[str, Personal] = {}
_outside: dict[str, Outside] = {}
#: A thing: its type and its id.
Thing = tuple[str, uuid.UUID]
Inside = Callable[[uuid.UUID, Collection[Thing]], Collection[Thing]]
#: Of things, those that are inside them: a hold of the whole holds these too.
_inside: list[Inside] = []


def declare(*tables: Personal) -> None:
    """Say what tables keep about people. Called in `AppConfig.ready()`; again replaces."""
    _tables.update((each.table, each) for each in tables)


def declare_outside(*copies: Outside) -> None:
    """Say what is kept outside the tables. Called in `AppConfig.ready()`."""
    _outside.update((each.kind, each) for each in copies)


def declare_inside(inside: Inside) -> None:
    """Say which things are inside others, one level below. Called in `AppConfig.ready()`."""
    if inside not in _inside:
        _inside.append(inside)


def declared() -> dict[str, Personal]:
    """Return what was declared, by table."""
    return dict(_tables)


def swept_tables() -> list[Personal]:
    """Return the tables whose rows are looked at, in the order of their names: an erasure that was
    interrupted goes on with the same one."""
    return [each for _name, each in sorted(_tables.items()) if each.swept]


def outside_copies() -> list[Outside]:
    """Return what is kept outside the tables."""
    return [each for _kind, each in sorted(_outside.items())]


def with_inside(tenant_id: uuid.UUID, things: Collection[Thing]) -> set[Thing]:
    """Return things with all that is inside them, however deep."""
    found = set(things)
    level: Collection[Thing] = found
    while level:
        level = {each for inside in _inside for each in inside(tenant_id, level)} - found
        found |= level
    return found
