"""What other organisations ask to have undone: everybody reads it, operators and tenant admins
decide."""

from __future__ import annotations

from typing import Any

from tests.outside import asked_from_outside
from tests.security.matrix import Row, expect
from tests.world import World


def _asked(world: World) -> dict[str, object]:
    return {"id": asked_from_outside(world).id}


_WHY = {"reason": "R"}
_DECIDED: dict[str, Any] = {"operator": 200, "admin": 200}
_PRESSED: dict[str, Any] = {"operator": 303, "admin": 303}

ROWS = {
    "compensation-api:requests": Row(GET=expect(200)),
    "compensation-api:request": Row(make=_asked, GET=expect(200)),
    "compensation-api:request-approve": Row(make=_asked, POST=expect(403, **_DECIDED)),
    "compensation-api:request-reject": Row(make=_asked, POST=expect(403, **_DECIDED, body=_WHY)),
    "compensation:requests": Row(GET=expect(200)),
    "compensation:request": Row(make=_asked, GET=expect(200)),
    "compensation:request-approve": Row(make=_asked, GET=expect(200), POST=expect(403, **_PRESSED)),
    "compensation:request-reject": Row(
        make=_asked, GET=expect(200), POST=expect(403, **_PRESSED, body=_WHY)
    ),
}
