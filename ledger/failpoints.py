"""Named points at which a test may kill the process, to prove that nothing is lost or done twice.

A point is declared once, by name, where the module is loaded, and reached in the code by `reach`.
Without `AMENDS_FAILPOINT` in the environment of the process `reach` does nothing. With it, the
process kills itself with SIGKILL the first time that point is reached: no handler runs, nothing is
flushed, exactly as if the machine had lost power.
"""

from __future__ import annotations

import os
import signal

_declared: set[str] = set()
# Read once: points lie where every step of everything passes.
_armed = os.environ.get("AMENDS_FAILPOINT", "")


def declare(*names: str) -> None:
    """Make `names` known, so that a sweep can enumerate every point."""
    _declared.update(names)


def declared() -> frozenset[str]:
    """Return every declared point."""
    return frozenset(_declared)


def arm(name: str) -> None:
    """Arm a point in a process that is running already."""
    global _armed  # noqa: PLW0603  -- one of the process, as its environment is
    _armed = name


def is_armed(name: str) -> bool:
    """Whether reaching this point ends the process."""
    return _armed == name


def reach(name: str) -> None:
    """Die here if a test armed this point. Raises LookupError for a name nobody declared."""
    if not _armed:
        return
    if name not in _declared:
        raise LookupError(f"failpoint {name!r} is not declared")
    if name == _armed:
        os.kill(os.getpid(), signal.SIGKILL)
