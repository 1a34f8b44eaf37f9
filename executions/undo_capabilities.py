"""Which capabilities undo something: those that another names, and those that upper apps know of.

Run by itself, such a program takes back what nobody decided to take back.
"""

from __future__ import annotations

from collections.abc import Callable

from executions import capability_registry

# Whether something of the tenant, in whose scope it is asked, is undone by this capability.
Knows = Callable[[str], bool]
_known: list[Knows] = []


def register(knows: Knows) -> None:
    """Ask `knows` too. Called in `AppConfig.ready()`."""
    _known.append(knows)


def is_undo(name: str) -> bool:
    """Whether the capability of this name undoes something, here or in the tenant's definitions."""
    return capability_registry.is_undo(name) or any(knows(name) for knows in _known)
