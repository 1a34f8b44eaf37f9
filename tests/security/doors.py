"""Tools for trying the database's doors: act, be refused, see that nothing changed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.utils import Error as DatabaseError

from ledger.record import ActorRef, Change
from ledger.tenancy import set_tenant
from tests import states
from tests.world import World
from workitems.models import WorkItem


@contextlib.contextmanager
def refused(text: str, *errors: type[DatabaseError]) -> Iterator[None]:
    """The body must end in a refusal of the database that says `text`."""
    with pytest.raises(errors or (DatabaseError,)) as caught:
        yield
    assert text in str(caught.value), caught.value


@contextlib.contextmanager
def acting_in(world: World) -> Iterator[None]:
    """One committed transaction bound to the world's tenant."""
    with transaction.atomic(durable=True):
        set_tenant(world.system.tenant_id)
        yield


def entry(world: World, item: WorkItem, **more: Any) -> Change:
    values: dict[str, Any] = {
        "tenant_id": item.tenant_id,
        "subject_type": "work_item",
        "subject_id": item.id,
        "version": item.version + 1,
        "action": "edited",
        "actor": ActorRef(world.operator.actor_id, "HUMAN", "operator"),
        "from_status": str(item.status),
        "to_status": "COMPLETED",
        **more,
    }
    return Change(**values)


def execute(statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        return list(cursor.fetchall()) if cursor.description else []


def unchanged(world: World, item: WorkItem) -> None:
    row = states.stored(world, item.id)
    assert (row.status, row.version) == (item.status, item.version)
    assert len(states.history(world, "work_item", item.id)) == item.version
