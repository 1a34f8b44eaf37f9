"""Approvals: everybody reads them, those who approve decide, who asked may withdraw. Policies:
everybody reads them, tenant admins write them."""

from __future__ import annotations

import secrets
from typing import Any

from governance.actions.policy_verbs import add_policy
from tests.approvals import asked
from tests.security.matrix import Row, expect
from tests.world import World
from verbs.call import Call


def _asked(world: World) -> dict[str, object]:
    """An approval that waits: the operator asked for it, approvers and tenant admins decide it."""
    return {"id": asked(world).id}


def _policy(world: World) -> dict[str, object]:
    return {"id": add_policy(call=Call(world.admin), **_new(world, {})).id}


def _new(_world: World, _kwargs: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": secrets.token_hex(8), "priority": 5, "when": "false", "effect": "deny",
        "reason": "R",
    }  # fmt: skip


_WHY = {"reason": "R"}
_DECIDED: dict[str, Any] = {"approver": 200, "admin": 200}
_PRESSED: dict[str, Any] = {"approver": 303, "admin": 303}

ROWS = {
    "governance-api:list": Row(GET=expect(200)),
    "governance-api:detail": Row(make=_asked, GET=expect(200)),
    "governance-api:approve": Row(make=_asked, POST=expect(403, **_DECIDED)),
    "governance-api:reject": Row(make=_asked, POST=expect(403, **_DECIDED, body=_WHY)),
    "governance-api:withdraw": Row(make=_asked, POST=expect(403, operator=200)),
    "governance-api:policies:list": Row(GET=expect(200), POST=expect(403, admin=201, body=_new)),
    "governance-api:policies:detail": Row(
        make=_policy,
        GET=expect(200),
        PATCH=expect(403, admin=200, body={"priority": 7}),
        DELETE=expect(403, admin=200),
    ),
    "governance:policies": Row(GET=expect(200), POST=expect(403, admin=303, body=_new)),
    "governance:policy-edit": Row(
        make=_policy, GET=expect(200), POST=expect(403, admin=303, body={"priority": 7})
    ),
    "governance:policy-end": Row(make=_policy, POST=expect(403, admin=303)),
    "governance:approvals": Row(GET=expect(200)),
    "governance:approval": Row(make=_asked, GET=expect(200)),
    "governance:approve": Row(make=_asked, GET=expect(200), POST=expect(403, **_PRESSED)),
    "governance:reject": Row(make=_asked, GET=expect(200), POST=expect(403, **_PRESSED, body=_WHY)),
    "governance:withdraw": Row(make=_asked, GET=expect(200), POST=expect(403, operator=303)),
}
