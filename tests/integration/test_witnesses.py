"""Witnesses: checkpoints shown to a server outside, which signs, refuses, is away, or lies."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import ProgrammingError, connection

from ledger.dispatch import runner
from ledger.models import Countersignature, LedgerTree, TreeWitness
from ledger.tenancy import system_scope, tenant_scope
from ledger.tree.cosignatures import read_witness
from ledger.tree.sealer import seal_due
from ledger.tree.signing_keys import key_ring
from ledger.tree.standing import tree_standing
from ledger.tree.witnessing import WITNESSES, witness_due
from tests import states
from tests.answering import LOOPBACK, Answering, Handler, answering
from tests.clients import api
from tests.notes import read_note
from tests.sealed import sealed
from tests.witnessed import NAME, FakeWitness
from tests.world import World


@pytest.fixture
def witness() -> FakeWitness:
    return FakeWitness(*key_ring().publics)


@pytest.fixture
def server(witness: FakeWitness, settings: Any) -> Iterator[Answering]:
    """Where the witness answers."""
    with answering(witness) as server:
        settings.AMENDS_EGRESS_ALLOW = [LOOPBACK]
        said = f"{witness.verifier_key()} {server.url('/submit')}"
        settings.AMENDS_WITNESSES = [read_witness(said)]
        settings.AMENDS_WITNESS_SECONDS = 0
        yield server


def row(tenant: uuid.UUID, name: str = NAME) -> TreeWitness:
    with system_scope("seal"):
        return TreeWitness.objects.get(tenant_id=tenant, name=name)


def shown(tenant: uuid.UUID) -> TreeWitness:
    """Let it be shown now, and return how the row stands then."""
    found = row(tenant)
    with system_scope("seal"):
        WITNESSES.put_back(tenant, found.id, 0.0)
    assert runner.work_row("ledger_witnessing", tenant, found.id) is True
    return row(tenant)


def is_due(tenant: uuid.UUID) -> bool:
    return tenant in {each[1] for each in WITNESSES.due(["upkeep"], limit=100_000)}


def lines(tenant: uuid.UUID) -> dict[int, str]:
    """Return the cosignature lines that are kept, by the size they are of."""
    with system_scope("seal"):
        found = Countersignature.objects.filter(tenant_id=tenant, kind="witness")
        return {each.size: bytes(each.said).decode() for each in found}


def test_a_checkpoint_is_cosigned_and_the_next_goes_on_from_it(
    world: World, server: Answering, witness: FakeWitness
) -> None:
    tenant = world.system.tenant_id
    first = sealed(tenant)
    assert is_due(tenant)
    found = row(tenant)
    assert witness_due(tenant, found.id) is True
    assert not is_due(tenant)
    kept = row(tenant)
    assert (kept.size, kept.attempts, kept.last_error, kept.trouble) == (first.size, 0, "", "")
    assert kept.signed_at is not None
    # Looked at before its time it is nobody's.
    assert witness_due(tenant, found.id) is False
    states.new_item(world.analyst)
    second = sealed(tenant)
    assert is_due(tenant)
    assert shown(tenant).size == second.size
    assert [old for old, _, _ in witness.requests] == [0, first.size]
    assert {*lines(tenant)} == {first.size, second.size}
    (seen,) = witness.seen.values()
    assert seen == (second.size, second.root)
    # Whoever asks for the checkpoint or a proof gets it with the cosignature.
    note = api(world.auditor).get("/api/v1/ledger/checkpoint").content.decode()
    assert [name for name, _, _ in read_note(note)[1]][1:] == [NAME]
    assert note == second.note + lines(tenant)[second.size] + "\n"


def test_what_the_witness_knew_otherwise_is_shown_from_there(
    world: World, server: Answering, witness: FakeWitness
) -> None:
    """It has lost what it saw, or its last answer was lost on the way: 409 with its size."""
    tenant = world.system.tenant_id
    first = sealed(tenant)
    shown(tenant)
    witness.seen.clear()
    states.new_item(world.analyst)
    second = sealed(tenant)
    assert shown(tenant).size == second.size
    assert [old for old, _, _ in witness.requests] == [0, first.size, 0]
    assert row(tenant).trouble == ""


def _refusing(handler: Handler, _text: str) -> None:
    handler.answer(403)


def _silent(handler: Handler, _text: str) -> None:
    handler.close_connection = True
    handler.connection.close()


def _nothing(handler: Handler, _text: str) -> None:
    handler.answer(200, raw=b"")


def _endless(handler: Handler, _text: str) -> None:
    handler.answer(200, raw=b"x" * 300_000)


def _nonsense(handler: Handler, _text: str) -> None:
    handler.answer(200, raw=f"\N{EM DASH} {NAME} AAAA\n\xff".encode("latin-1", "replace"))


TROUBLES: list[tuple[Callable[[Handler, str], None], str]] = [
    (_refusing, "it answered 403"),
    (_silent, "no whole answer"),
    (_nothing, "no cosignature of witness.example/w1"),
    (_endless, "more than 200000 bytes"),
    (_nonsense, "no cosignature of witness.example/w1"),
]


@pytest.mark.parametrize(("instead", "said"), TROUBLES, ids=range(len(TROUBLES)))
def test_one_that_does_not_sign_is_asked_again_and_holds_nothing_up(  # noqa: PLR0917  -- fixtures
    world: World,
    server: Answering,
    witness: FakeWitness,
    instead: Callable[[Handler, str], None],
    said: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    tenant = world.system.tenant_id
    witness.instead = instead
    sealed(tenant)
    failed = shown(tenant)
    assert said in failed.last_error
    assert (failed.size, failed.attempts, failed.trouble) == (0, 1, "")
    assert f"{NAME} has not signed the tree of tenant {tenant}" in caplog.text
    with tenant_scope(tenant):
        standing = tree_standing(tenant)
    assert standing is not None
    assert (standing.last_error, standing.anchored_at) == (f"{NAME}: {failed.last_error}", None)
    assert lines(tenant) == {}
    # Not before its pause, though more is sealed meanwhile, as ever.
    assert not is_due(tenant)
    states.new_item(world.analyst)
    assert seal_due(tenant) is True
    assert not is_due(tenant)
    witness.instead = None
    again = shown(tenant)
    assert (again.attempts, again.last_error) == (0, "")
    assert {*lines(tenant)} == {again.size} != {0}


def test_one_that_is_away_is_asked_again(world: World, server: Answering, settings: Any) -> None:
    tenant = world.system.tenant_id
    sealed(tenant)
    server.shutdown()
    server.server_close()
    failed = shown(tenant)
    assert "no connection" in failed.last_error
    assert failed.attempts == 1
    # And one that is not to be reached at all.
    settings.AMENDS_EGRESS_ALLOW = []
    failed = shown(tenant)
    assert "AMENDS_EGRESS_ALLOW" in failed.last_error
    assert failed.attempts == 2


def test_signatures_that_are_not_of_it_are_not_kept(
    world: World, server: Answering, witness: FakeWitness
) -> None:
    tenant = world.system.tenant_id
    sealed(tenant)
    other = FakeWitness()

    def of_another_text(handler: Handler, text: str) -> None:
        handler.answer(200, raw=witness.line(text.replace("\n", "\n1", 1)).encode())

    def of_another_key(handler: Handler, text: str) -> None:
        handler.answer(200, raw=other.line(text).encode())

    def to_come(handler: Handler, text: str) -> None:
        handler.answer(200, raw=witness.line(text, at=time.time() + 3600).encode())

    for instead, said in [
        (of_another_text, "not of this checkpoint"),
        (of_another_key, "no cosignature"),
        (to_come, "of a time to come"),
    ]:
        witness.instead = instead
        assert said in shown(tenant).last_error
    assert lines(tenant) == {}

    def beside_another(handler: Handler, text: str) -> None:
        handler.answer(200, raw=(other.line(text) + witness.line(text)).encode())

    witness.instead = beside_another
    assert shown(tenant).last_error == ""
    (line,) = lines(tenant).values()
    assert line.startswith(f"\N{EM DASH} {NAME} ")


def test_one_that_knows_more_than_there_is_raises_the_alarm_and_stops_nobody(
    world: World, server: Answering, witness: FakeWitness, caplog: pytest.LogCaptureFixture
) -> None:
    """As after an old copy was put back; but a number that nobody signed proves nothing."""
    tenant = world.system.tenant_id
    newest = sealed(tenant)
    shown(tenant)
    (origin,) = witness.seen
    witness.seen[origin] = (newest.size + 7, b"\1" * 32)
    found = shown(tenant)
    assert found.trouble == found.last_error
    assert found.trouble.startswith(f"ROLLBACK: {NAME} says that it has signed {newest.size + 7} ")
    assert "ROLLBACK" in caplog.text
    # Whoever looks after the ledger sees it as any trouble of the tree.
    with tenant_scope(tenant):
        standing = tree_standing(tenant)
    assert standing is not None
    assert standing.trouble == found.trouble
    witness.seen[origin] = (newest.size, b"\1" * 32)
    assert shown(tenant).trouble.startswith(f"REWRITTEN: {NAME} has signed another tree")
    # It has no size to say at all, or none that is one.
    for said in (b"", b"x\n", b"-1\n", b"007\n", b"9" * 40):
        witness.instead = lambda handler, _text, said=said: handler.answer(409, raw=said)
        assert shown(tenant).trouble.startswith("REWRITTEN: ")
    witness.instead = None
    states.new_item(world.analyst)
    assert seal_due(tenant) is True
    witness.seen[origin] = (newest.size, newest.root)
    found = shown(tenant)
    assert (found.trouble, found.last_error, found.size > newest.size) == ("", "", True)


def test_a_tree_in_trouble_is_shown_to_nobody(
    world: World, server: Answering, witness: FakeWitness
) -> None:
    tenant = world.system.tenant_id
    sealed(tenant)
    with system_scope("seal"):
        LedgerTree.objects.filter(tenant_id=tenant).update(trouble="ROLLBACK: so it is")
    assert shown(tenant).size == 0
    assert witness.requests == []
    # Nor looked at again and again: whoever puts it right lets it be shown.
    assert not is_due(tenant)


def test_nobody_is_asked_more_often_than_was_said(
    world: World, server: Answering, witness: FakeWitness, settings: Any
) -> None:
    settings.AMENDS_WITNESS_SECONDS = 3600
    tenant = world.system.tenant_id
    sealed(tenant)
    shown(tenant)
    states.new_item(world.analyst)
    sealed(tenant)
    assert not is_due(tenant)
    settings.AMENDS_WITNESSES = []
    assert shown(tenant).last_error == ""
    assert len(witness.requests) == 1


def test_what_was_said_is_written_by_the_sealer_alone_and_stays(
    world: World, server: Answering
) -> None:
    tenant = world.system.tenant_id
    sealed(tenant)
    shown(tenant)
    kept = lines(tenant)
    table = "ledger_countersignature"
    for change in (f"UPDATE {table} SET size = 9", f"DELETE FROM {table}", f"TRUNCATE {table}"):  # noqa: S608  -- own words
        for scope in (system_scope("seal"), tenant_scope(tenant)):
            with pytest.raises(ProgrammingError, match="permission denied"), scope:
                connection.cursor().execute(change)
    assert lines(tenant) == kept != {}
