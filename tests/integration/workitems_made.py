"""Work items as verbs make them, and pages as a browser reads them, for the tests of the pages."""

from __future__ import annotations

import re
import uuid
from typing import Any

from django.test import Client

from ledger import selectors as ledger
from ledger.tenancy import tenant_scope
from tests.world import World
from verbs.call import Call
from workitems import actions
from workitems.models import WorkItem


def opened(world: World, **wanted: Any) -> WorkItem:
    return actions.create_work_item(
        call=Call(world.operator), **{"title": "Check the payslip", **wanted}
    )


def done(world: World, **wanted: Any) -> WorkItem:
    """Return an item that the analyst has completed."""
    item = opened(world, assignee=world.analyst.username, **wanted)
    actions.start(item.id, call=Call(world.analyst))
    return actions.complete(
        item.id, call=Call(world.analyst), outcome="APPROVED", resolution={"score": 7}
    )


def undo_task(world: World, **wanted: Any) -> WorkItem:
    """Return the undo task of an item that the analyst completed; it is assigned to the analyst."""
    answer = actions.compensate(
        done(world, **wanted).id, call=Call(world.operator), reason="It was forged"
    )
    return stored(world, answer.attempt.compensation_id)


def faulted(world: World) -> WorkItem:
    """Return an original whose undo task ended CANNOT_REVERSE."""
    task = undo_task(world)
    actions.start(task.id, call=Call(world.analyst))
    actions.complete(task.id, call=Call(world.analyst), outcome="CANNOT_REVERSE", reason="Gone")
    assert task.compensates_id is not None
    return stored(world, task.compensates_id)


def stored(world: World, item_id: uuid.UUID) -> WorkItem:
    with tenant_scope(world.operator.tenant_id):
        return WorkItem.objects.get(id=item_id)


def entries(world: World, item_id: uuid.UUID) -> list[str]:
    with tenant_scope(world.operator.tenant_id):
        found = ledger.entries_of(world.operator.tenant_id, "work_item", item_id)
        return [each.action for each in found]


def page(client: Client, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, (answer.status_code, answer.headers)
    return answer.content.decode()


def titles(html: str) -> list[str]:
    return re.findall(r'class="row-title"[^>]*>([^<]+)</a>', html)
