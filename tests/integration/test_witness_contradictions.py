"""What a witness says that cannot be so: which of its answers raise the alarm, and how long it
stays; and that settling what one said touches no other's row."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from ledger.models import Countersignature, TreeWitness
from ledger.tenancy import system_scope, tenant_scope
from ledger.tree import witnessing
from ledger.tree.cosignatures import read_witness
from ledger.tree.signing_keys import key_ring
from ledger.tree.standing import tree_standing
from ledger.tree.stored_tree import StoredCheckpoint
from ledger.tree.witnessing import WITNESSES, witness_due
from tests import states
from tests.answering import LOOPBACK, Answering, Handler, answering
from tests.sealed import sealed
from tests.witnessed import NAME, FakeWitness
from tests.world import World

OTHER = "witness.example/w2"


@pytest.fixture
def witness() -> FakeWitness:
    return FakeWitness(*key_ring().publics)


@pytest.fixture
def server(witness: FakeWitness, settings: Any) -> Iterator[Answering]:
    """Where one witness answers. The other is only ever named."""
    with answering(witness) as server:
        settings.AMENDS_EGRESS_ALLOW = [LOOPBACK]
        keys = [witness.verifier_key(), FakeWitness().verifier_key(OTHER)]
        settings.AMENDS_WITNESSES = [read_witness(f"{k} {server.url('/submit')}") for k in keys]
        settings.AMENDS_WITNESS_SECONDS = 0
        yield server


def row(tenant: uuid.UUID, name: str = NAME) -> TreeWitness:
    with system_scope("seal"):
        return TreeWitness.objects.get(tenant_id=tenant, name=name)


def shown(tenant: uuid.UUID) -> TreeWitness:
    """Let it be shown now, and return how the row stands then."""
    with system_scope("seal"):
        WITNESSES.put_back(tenant, row(tenant).id, 0.0)
    assert witness_due(tenant, row(tenant).id) is True
    return row(tenant)


def signed_once(world: World, witness: FakeWitness) -> tuple[int, int]:
    """Let a first checkpoint be signed and a second be sealed; return both sizes."""
    tenant = world.system.tenant_id
    first = shown_first(tenant)
    states.new_item(world.analyst)
    second = sealed(tenant).size
    assert second > first
    witness.requests.clear()
    return first, second


def shown_first(tenant: uuid.UUID) -> int:
    size = sealed(tenant).size
    assert shown(tenant).size == size
    return size


def test_silence_takes_no_contradiction_back(
    world: World, server: Answering, witness: FakeWitness
) -> None:
    tenant = world.system.tenant_id
    size = shown_first(tenant)
    witness.instead = lambda handler, _text: handler.answer(409, raw=b"%d\n" % (size + 7))
    trouble = shown(tenant).trouble
    assert trouble.startswith(f"ROLLBACK: {NAME} says that it has signed {size + 7} entries")
    for status in (403, 503, 409):
        witness.instead = lambda handler, _text, status=status: handler.answer(status)
        if status == 409:
            # Nothing was signed of it, and no size is said of it either.
            states.new_item(world.analyst)
            sealed(tenant)
        kept = shown(tenant)
        assert (kept.trouble, f"it answered {status}" in kept.last_error) == (trouble, True)
        with tenant_scope(tenant):
            standing = tree_standing(tenant)
        assert standing is not None
        assert (standing.trouble, standing.last_error) == (trouble, f"{NAME}: {kept.last_error}")
    # What it signs, it has seen to go on from what it knew.
    witness.instead = None
    kept = shown(tenant)
    assert (kept.trouble, kept.last_error, kept.size > size) == ("", "", True)


def test_a_conflict_about_an_older_tree_is_a_refusal(
    world: World, server: Answering, witness: FakeWitness
) -> None:
    """It was never told another root of that size, so it cannot have signed one."""
    tenant = world.system.tenant_id
    first, _second = signed_once(world, witness)
    for said in (b"", b"x\n", b"%d\n" % first):
        witness.instead = lambda handler, _text, said=said: handler.answer(409, raw=said)
        kept = shown(tenant)
        assert (kept.trouble, kept.size) == ("", first)
        assert f"{NAME} does not sign: it answered 409" in kept.last_error
    # Asked once each time: it named nothing else to go on from.
    assert [old for old, _, _ in witness.requests] == [first] * 3


def test_another_tree_of_the_newest_size_is_seen_whatever_it_was_shown_first(
    world: World, server: Answering, witness: FakeWitness
) -> None:
    tenant = world.system.tenant_id
    first, second = signed_once(world, witness)
    (origin,) = witness.seen
    witness.seen[origin] = (second, b"\1" * 32)
    kept = shown(tenant)
    assert kept.trouble == f"REWRITTEN: {NAME} has signed another tree of this size"
    assert (kept.size, kept.last_error) == (first, kept.trouble)
    assert [old for old, _, _ in witness.requests] == [first, second]


def test_less_than_was_signed_is_a_rollback_and_nobody_is_asked(
    world: World, server: Answering, witness: FakeWitness
) -> None:
    tenant = world.system.tenant_id
    size = shown_first(tenant)
    with system_scope("seal"):
        TreeWitness.objects.filter(tenant_id=tenant, name=NAME).update(size=size + 2)
    witness.requests.clear()
    kept = shown(tenant)
    assert kept.trouble == (
        f"ROLLBACK: {NAME} has signed {size + 2} entries, in the database there are {size}"
    )
    assert (kept.last_error, kept.attempts, witness.requests) == (kept.trouble, 1, [])


def test_settling_touches_its_own_row_alone(
    world: World, server: Answering, witness: FakeWitness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two that settle at once, each holding its own row and wanting the other's, would wait for one
    another; and the sealer takes all of them in their order."""
    tenant = world.system.tenant_id
    first = sealed(tenant)
    asked = witnessing._asked  # noqa: SLF001  -- where the sealer comes between

    def meanwhile(found: TreeWitness, newest: StoredCheckpoint) -> Countersignature | None:
        states.new_item(world.analyst)
        assert sealed(tenant).size > newest.size == first.size
        with system_scope("seal"):
            WITNESSES.put_back(tenant, row(tenant, OTHER).id, 3600.0)
        later.append(row(tenant, OTHER).due_at)
        return asked(found, newest)

    later: list[dt.datetime] = []
    monkeypatch.setattr(witnessing, "_asked", meanwhile)
    kept = shown(tenant)
    assert kept.size == first.size
    # Its own is due at once, since more was sealed.
    assert kept.due_at < later[0]
    assert [row(tenant, OTHER).due_at] == later


def test_after_weeks_too_its_pause_is_a_number(
    world: World, server: Answering, witness: FakeWitness
) -> None:
    tenant = world.system.tenant_id
    sealed(tenant)
    with system_scope("seal"):
        TreeWitness.objects.filter(tenant_id=tenant, name=NAME).update(attempts=5000)

    def refusing(handler: Handler, _text: str) -> None:
        handler.answer(403)

    witness.instead = refusing
    kept = shown(tenant)
    assert (kept.attempts, "it answered 403" in kept.last_error) == (5001, True)
    assert kept.asked_at is not None
    assert dt.timedelta(minutes=14) < kept.due_at - kept.asked_at < dt.timedelta(minutes=16)
