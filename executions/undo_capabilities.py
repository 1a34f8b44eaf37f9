"""Which capabilities undo something: those that another names, and those that upper apps know of.

Run by itself, such a program takes back what nobody decided to take back.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable

from executions import capability_registry

# Whether something of a tenant is undone by this capability.
Knows = Callable[[uuid.UUID, str], bool]
_known: list[Knows] = []


def register(knows: Knows) -> None:
    """Ask `knows` too. Called in `AppConfig.ready()`."""
    _known.append(knows)


def is_undo(tenant_id: uuid.UUID, name: str) -> bool:
    """Whether the capability of this name undoes something, here or in the tenant's definitions."""
    return capability_registry.is_undo(name) or any(knows(tenant_id, name) for knows in _known)
