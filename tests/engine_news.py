"""News as the engine hears it, or fails to, for tests that hand it over themselves."""

from __future__ import annotations

import uuid

from django.db import transaction

from cases.events import ENGINE_NEWS
from compensation.actions import run_stopping
from ledger.dispatch.consumer_registry import Event
from ledger.models import LedgerEntry
from ledger.tenancy import set_tenant, tenant_scope
from tests.world import World


def event_of(entry: LedgerEntry) -> Event:
    """Return an entry as its consumers see it."""
    return Event(
        entry.id, bytes(entry.hash), entry.tenant_id,
        f"amends.{entry.subject_type}.{entry.action}.v1", entry.action, entry.subject_type,
        entry.subject_id, entry.subject_version, entry.case_id, entry.from_status,
        entry.to_status, entry.actor_id, entry.correlation_id, entry.at,
    )  # fmt: skip


def news_of(world: World, subject_id: uuid.UUID) -> Event:
    """Return the newest entry about something that the engine wants to hear of."""
    with tenant_scope(world.operator.tenant_id):
        entries = LedgerEntry.objects.filter(subject_id=subject_id).order_by("-subject_seq")
        return next(event for event in map(event_of, entries) if event.type in ENGINE_NEWS)


def stop_run(world: World, run_id: uuid.UUID) -> None:
    """Let the news that a rollback of loose work has begun die."""
    with transaction.atomic(durable=True):
        set_tenant(world.operator.tenant_id)
        begun = LedgerEntry.objects.get(subject_id=run_id, action="compensation_started")
        run_stopping.stopped(event_of(begun), "It broke")
