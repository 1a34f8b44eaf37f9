"""Approvals: everybody reads them, those who approve decide, who asked may withdraw."""

from __future__ import annotations

from typing import Any

from tests.approvals import asked
from tests.security.matrix import Row, expect
from tests.world import World


def _asked(world: World) -> dict[str, object]:
    """An approval that waits: the operator asked for it, approvers and tenant admins decide it."""
    return {"id": asked(world).id}


_WHY = {"reason": "R"}
_DECIDED: dict[str, Any] = {"approver": 200, "admin": 200}
_PRESSED: dict[str, Any] = {"approver": 303, "admin": 303}

ROWS = {
    "governance-api:list": Row(GET=expect(200)),
    "governance-api:detail": Row(make=_asked, GET=expect(200)),
    "governance-api:approve": Row(make=_asked, POST=expect(403, **_DECIDED)),
    "governance-api:reject": Row(make=_asked, POST=expect(403, **_DECIDED, body=_WHY)),
    "governance-api:withdraw": Row(make=_asked, POST=expect(403, operator=200)),
    "governance:approvals": Row(GET=expect(200)),
    "governance:approval": Row(make=_asked, GET=expect(200)),
    "governance:approve": Row(make=_asked, GET=expect(200), POST=expect(403, **_PRESSED)),
    "governance:reject": Row(make=_asked, GET=expect(200), POST=expect(403, **_PRESSED, body=_WHY)),
    "governance:withdraw": Row(make=_asked, GET=expect(200), POST=expect(403, operator=303)),
}
