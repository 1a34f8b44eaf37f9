"""How undoing goes: operators, tenant admins and auditors read it."""

from __future__ import annotations

from typing import Any

from tests.security.matrix import Row, expect

_READ: dict[str, Any] = {"operator": 200, "admin": 200, "auditor": 200}

ROWS = {
    "cases-api:undo-figures": Row(GET=expect(403, **_READ)),
    "cases:undo-figures": Row(GET=expect(403, **_READ)),
}
