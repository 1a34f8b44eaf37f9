"""Notifications are one's own; deliveries are for those who look after them."""

from __future__ import annotations

from ledger.tenancy import tenant_scope
from notifications.models import Delivery
from tests.draining import drain
from tests.security.matrix import Row, expect
from tests.world import World
from verbs.call import Call
from workitems import actions


def analysts_own(world: World) -> dict[str, object]:
    """Tell the analyst something and return which notification that is."""
    item = actions.create_work_item(
        call=Call(world.operator), title="Check the file", assignee=world.analyst.username
    )
    drain()
    with tenant_scope(world.analyst.tenant_id):
        told = Delivery.objects.get(subject_id=item.id, channel="in_app")
    return {"id": told.id}


ROWS = {
    "notifications:list": Row(GET=expect(200)),
    "notifications:read-all": Row(POST=expect(303)),
    "notifications:open": Row(make=analysts_own, GET=expect(404, analyst=303)),
    "notifications:read": Row(make=analysts_own, POST=expect(404, analyst=303)),
    "notifications-api:list": Row(GET=expect(200)),
    "notifications-api:read": Row(make=analysts_own, POST=expect(404, analyst=200)),
    "notifications-api:deliveries": Row(
        GET=expect(403, operator=200, auditor=200, admin=200),
    ),
}
