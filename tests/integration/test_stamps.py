"""Checkpoints stamped with the time (RFC 3161) by a server outside, which may refuse or lie."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from ledger.clock import now
from ledger.models import Countersignature, TreeWitness
from ledger.tenancy import system_scope
from ledger.tree import witnessing
from ledger.tree.stored_tree import StoredCheckpoint
from ledger.tree.witnessing import STAMPS, WITNESSES, witness_due
from tests import states
from tests.answering import LOOPBACK, Answering, Handler, Heard, answering
from tests.sealed import sealed
from tests.stamping import Authority
from tests.world import World


@pytest.fixture
def authority() -> Authority:
    return Authority(at=f"{now():%Y%m%d%H%M%SZ}")


@pytest.fixture
def server(authority: Authority, settings: Any, tmp_path: Path) -> Iterator[Answering]:
    """Where the authority answers."""

    def reply(handler: Handler, heard: Heard) -> None:
        assert heard.headers["content-type"] == "application/timestamp-query"
        handler.answer(200, raw=authority.answer(heard.body))

    path = tmp_path / "ca.pem"
    path.write_bytes(authority.issuer[0].public_bytes(Encoding.PEM))
    with answering(reply) as server:
        settings.AMENDS_EGRESS_ALLOW = [LOOPBACK]
        settings.AMENDS_TIMESTAMP_URL = server.url("/stamp")
        settings.AMENDS_TIMESTAMP_CA = str(path)
        yield server


def shown(tenant: uuid.UUID) -> TreeWitness:
    """Ask now, and return how the row stands then."""
    with system_scope("seal"):
        row = TreeWitness.objects.get(tenant_id=tenant, name=STAMPS)
        WITNESSES.put_back(tenant, row.id, 0.0)
    assert witness_due(tenant, row.id) is True
    with system_scope("seal"):
        return TreeWitness.objects.get(tenant_id=tenant, name=STAMPS)


def stamps(tenant: uuid.UUID) -> list[int]:
    with system_scope("seal"):
        rows = Countersignature.objects.filter(tenant_id=tenant, kind="timestamp")
        return sorted(rows.values_list("size", flat=True))


def test_a_checkpoint_is_stamped_once(world: World, server: Answering) -> None:
    tenant = world.system.tenant_id
    newest = sealed(tenant)
    kept = shown(tenant)
    assert (kept.size, kept.last_error, kept.attempts) == (newest.size, "", 0)
    assert stamps(tenant) == [newest.size]
    # What is stamped is not stamped again, and what is newer not before its time.
    assert shown(tenant).last_error == ""
    assert len(server.heard) == 1
    states.new_item(world.analyst)
    newer = sealed(tenant)
    assert tenant not in {each[1] for each in WITNESSES.due(["upkeep"], limit=100_000)}
    assert shown(tenant).size == newer.size
    assert stamps(tenant) == [newest.size, newer.size]


def test_what_is_sealed_while_nothing_was_to_be_stamped_is_stamped_in_time(
    world: World, server: Answering, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.AMENDS_TIMESTAMP_SECONDS = 1800
    tenant = world.system.tenant_id
    first = sealed(tenant)
    shown(tenant)
    asked = witnessing._asked  # noqa: SLF001  -- where the sealer comes between

    def meanwhile(row: TreeWitness, newest: StoredCheckpoint) -> Countersignature | None:
        states.new_item(world.analyst)
        assert sealed(tenant).size > newest.size == first.size
        return asked(row, newest)

    monkeypatch.setattr(witnessing, "_asked", meanwhile)
    kept = shown(tenant)
    assert (kept.size, len(server.heard)) == (first.size, 1)
    assert kept.asked_at is not None
    assert kept.due_at == kept.asked_at + dt.timedelta(seconds=1800)


def test_a_stamp_of_more_than_there_is_raises_the_alarm(world: World, server: Answering) -> None:
    tenant = world.system.tenant_id
    newest = sealed(tenant)
    shown(tenant)
    with system_scope("seal"):
        TreeWitness.objects.filter(tenant_id=tenant).update(size=newest.size + 3)
    kept = shown(tenant)
    assert kept.trouble == (
        f"ROLLBACK: rfc3161 has signed {newest.size + 3} entries, in the database there are"
        f" {newest.size}"
    )
    assert (kept.last_error, kept.attempts) == (kept.trouble, 1)
    assert (len(server.heard), stamps(tenant)) == (1, [newest.size])


def test_what_is_no_stamp_of_it_is_not_kept(
    world: World, server: Answering, authority: Authority, settings: Any, tmp_path: Path
) -> None:
    tenant = world.system.tenant_id
    sealed(tenant)
    authority.status = 2
    assert "refused, with status 2" in shown(tenant).last_error
    authority.status, authority.flipped = 0, True
    assert "does not hold" in shown(tenant).last_error
    authority.flipped = False
    other = tmp_path / "other.pem"
    other.write_bytes(Authority().issuer[0].public_bytes(Encoding.PEM))
    settings.AMENDS_TIMESTAMP_CA = str(other)
    assert "nobody who is trusted" in shown(tenant).last_error
    settings.AMENDS_TIMESTAMP_CA = str(tmp_path / "nowhere.pem")
    failed = shown(tenant)
    assert "No such file" in failed.last_error
    assert (failed.size, failed.attempts) == (0, 4)
    server.reply = lambda handler, _heard: handler.answer(503)
    assert "it answered 503" in shown(tenant).last_error
    assert stamps(tenant) == []


def test_it_is_off_unless_somebody_says_where(world: World, settings: Any) -> None:
    assert settings.AMENDS_TIMESTAMP_URL == ""
    tenant = world.system.tenant_id
    sealed(tenant)
    with system_scope("seal"):
        assert not TreeWitness.objects.filter(tenant_id=tenant).exists()
