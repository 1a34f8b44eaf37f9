"""Tenant admins erase people and hold things; auditors read of it, and nobody else does."""

from __future__ import annotations

from audit.actions.keeping_payloads import end_policy, set_policy
from ledger.erasure.retention import retentions
from ledger.tenancy import tenant_scope
from tests import states
from tests.erasing import counted_erasure, one_more, placed_hold
from tests.security.matrix import Kwargs, Row, expect
from tests.world import World
from verbs.call import Call


def _erasure(world: World) -> dict[str, object]:
    """An erasure that waits to be confirmed."""
    return {"id": counted_erasure(world)}


def _hold(world: World) -> dict[str, object]:
    """A hold of a task."""
    return {"id": placed_hold(world)}


def _somebody(world: World, _kwargs: Kwargs) -> dict[str, object]:
    """Somebody is to be erased."""
    return {"person": one_more(world).username, "reason": "They asked for it"}


def _of_a_task(world: World, _kwargs: Kwargs) -> dict[str, object]:
    """A finished task is to be held."""
    item = states.completed(world.operator)
    return {"subject": {"type": "work_item", "id": str(item.id)}, "reason": "A claim is pending"}


def _policy(world: World) -> dict[str, object]:
    """A policy that keeps messages for long; one before it has ended."""
    with tenant_scope(world.admin.tenant_id):
        found = list(retentions(world.admin.tenant_id).filter(ended_at=None))
    for each in found:
        end_policy(each.id, call=Call(world.admin))
    return {"id": set_policy(call=Call(world.admin), kind="MESSAGE", keep="P900D").id}


def _another(world: World, _kwargs: Kwargs) -> dict[str, object]:
    """Messages are to be kept for long."""
    end_policy(_policy(world)["id"], call=Call(world.admin))
    return {"kind": "MESSAGE", "keep": "P900D"}


_WHY = {"reason": "The claim is settled"}

ROWS = {
    "audit:erasures": Row(
        GET=expect(403, auditor=200, admin=200), POST=expect(403, admin=303, body=_somebody)
    ),
    "audit:erasure": Row(make=_erasure, GET=expect(403, auditor=200, admin=200)),
    "audit:erasure-confirm": Row(make=_erasure, GET=expect(200),
                                 POST=expect(403, admin=303)),
    "audit:erasure-withdraw": Row(make=_erasure, POST=expect(403, admin=303)),
    "audit:hold-lift": Row(make=_hold, GET=expect(200),
                           POST=expect(403, admin=303, body=_WHY)),
    "audit:retentions": Row(
        GET=expect(403, auditor=200, admin=200), POST=expect(403, admin=303, body=_another)
    ),
    "audit:retention-end": Row(make=_policy, POST=expect(403, admin=303)),
    "audit-api:retention-list": Row(
        GET=expect(403, auditor=200, admin=200), POST=expect(403, admin=201, body=_another)
    ),
    "audit-api:retention-detail": Row(
        make=_policy, GET=expect(403, auditor=200, admin=200), DELETE=expect(403, admin=200)
    ),
    "audit-api:erasure-list": Row(
        GET=expect(403, auditor=200, admin=200), POST=expect(403, admin=201, body=_somebody)
    ),
    "audit-api:erasure-detail": Row(make=_erasure, GET=expect(403, auditor=200, admin=200)),
    "audit-api:erasure-confirm": Row(make=_erasure, POST=expect(403, admin=202)),
    "audit-api:erasure-withdraw": Row(make=_erasure, POST=expect(403, admin=200)),
    "audit-api:legal_hold-list": Row(
        GET=expect(403, auditor=200, admin=200), POST=expect(403, admin=201, body=_of_a_task)
    ),
    "audit-api:legal_hold-detail": Row(make=_hold, GET=expect(403, auditor=200, admin=200)),
    "audit-api:legal_hold-lift": Row(make=_hold, POST=expect(403, admin=200, body=_WHY)),
}  # fmt: skip
