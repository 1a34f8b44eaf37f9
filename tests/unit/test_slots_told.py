"""Whoever has had a slot tells of what may have found none meanwhile."""

from __future__ import annotations

import uuid

import pytest

from config import tasks
from ledger.dispatch import hints, runner
from ledger.dispatch.consumer_registry import is_short, runs_programs, sources
from ledger.dispatch.hints import RowWork, Work
from ledger.ids import new_id

OWN, ANOTHER = new_id(), new_id()


def waits(source: str, tenant_id: uuid.UUID, *, overtakes: bool = False) -> RowWork:
    """The row of a tenant that waits longest of a source."""
    id_ = uuid.uuid5(tenant_id, source)
    return RowWork("upkeep", source, tenant_id, id_, 60, overtakes=overtakes)


def told_after(monkeypatch: pytest.MonkeyPatch, source: str) -> list[Work]:
    """Return what is told when a row of the tenant's own has been done that had a slot; rows of two
    tenants wait in every source."""
    told: list[Work] = []
    monkeypatch.setattr(hints, "_publish", told.extend)
    monkeypatch.setattr(
        runner, "longest_waiting", lambda name, _queues: [waits(name, OWN), waits(name, ANOTHER)]
    )
    tasks._tell_who_found_none(waits(source, OWN))  # noqa: SLF001  -- what a task does at its end
    return told


def test_mail_tells_of_the_upkeep_of_its_tenant_before_more_mail(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tasks, "_told_at", float("-inf"))
    mail = "notifications.deliveries"
    told = told_after(monkeypatch, mail)
    others = [each.name for each in sources() if not (each.short or each.programs)]
    assert {mail, "ledger_sealing", "undo_checks"} <= set(others)
    assert not any(is_short(name) or runs_programs(name) for name in others)
    assert told == [
        waits(mail, OWN), waits(mail, ANOTHER),
        *(waits(name, OWN, overtakes=True) for name in others if name != mail),
    ]  # fmt: skip
    # A moment later it is no hurry: only of its own kind.
    assert told_after(monkeypatch, mail) == [waits(mail, OWN), waits(mail, ANOTHER)]


def test_a_program_tells_of_programs_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "_told_at", float("-inf"))
    assert told_after(monkeypatch, "executions") == [
        waits("executions", OWN), waits("executions", ANOTHER),
    ]  # fmt: skip
