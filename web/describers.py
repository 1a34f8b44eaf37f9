"""How a subject is called and where its page is, asked by type and id, in bulk.

Pages of lower apps link upwards only through this registry: each app registers, per subject type,
one function that describes many ids in a constant number of queries.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Collection, Iterable

Subject = tuple[str, uuid.UUID]


@dataclasses.dataclass(frozen=True, slots=True)
class Description:
    """A subject as people read it. `url` is empty where it has no page, `status` a constant."""

    title: str
    url: str = ""
    status: str = ""
    icon: str = ""


Describe = Callable[[Collection[uuid.UUID]], dict[uuid.UUID, Description]]
_describers: dict[str, Describe] = {}


def register(subject_type: str, describe: Describe) -> None:
    """Say how subjects of a type are described. `describe` runs in the tenant's scope."""
    _describers[subject_type] = describe


def describe(subjects: Iterable[Subject]) -> dict[Subject, Description]:
    """Return a description of every subject: one call per type.

    What no describer knows (another tenant's, an app not installed) is called by type and id.
    """
    wanted: dict[str, set[uuid.UUID]] = {}
    for kind, id_ in subjects:
        wanted.setdefault(kind, set()).add(id_)
    found: dict[Subject, Description] = {}
    for kind, ids in wanted.items():
        described = _describers[kind](ids) if kind in _describers else {}
        for id_ in ids:
            found[(kind, id_)] = described.get(id_) or _unknown(kind, id_)
    return found


def _unknown(kind: str, id_: uuid.UUID) -> Description:
    return Description(f"{kind.replace('_', ' ')} {str(id_)[-8:]}")
