"""`verify.py` looks at what witnesses and authorities of time stamps have signed of a pack's
checkpoints, of those whom its reader trusts."""

from __future__ import annotations

import datetime as dt
import uuid
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from ledger.models import Countersignature
from ledger.tenancy import system_scope
from ledger.tree.der import one
from ledger.tree.stored_tree import StoredCheckpoint
from ledger.tree.timestamps import query
from tests import states
from tests.bare_python import Files, Verifier, put_bare
from tests.integration.test_evidence import exported
from tests.integration.test_signatures import made_anew
from tests.sealed import sealed
from tests.stamping import Authority, certificate
from tests.witnessed import NAME, FakeWitness
from tests.world import World

AT = dt.datetime(2026, 11, 27, 20, 0, 0, tzinfo=dt.UTC)


@pytest.fixture
def verifier(tmp_path: Path) -> Verifier:
    (tmp_path / "packages").mkdir()
    return Verifier(put_bare(tmp_path / "packages"), tmp_path)


def text_of(note: str) -> str:
    return note.partition("\n\n")[0] + "\n"


def kept(world: World, newest: StoredCheckpoint, name: str, kind: str, said: bytes) -> None:
    with system_scope("seal"):
        Countersignature.objects.create(
            tenant_id=world.system.tenant_id, size=newest.size, name=name, kind=kind, said=said,
            at=AT,
        )  # fmt: skip


def token_of(authority: Authority, text: str) -> bytes:
    answer = authority.answer(query(text, 7))
    return one(answer).inside(0x30)[1].whole


def certificates(folder: Path, authority: Authority) -> str:
    path = folder / f"{uuid.uuid4()}.pem"
    path.write_bytes(authority.issuer[0].public_bytes(Encoding.PEM))
    return str(path)


@pytest.fixture
def decided(world: World) -> uuid.UUID:
    """A decision that is sealed."""
    return uuid.UUID(str(states.completed(world.analyst).id))


def told(verifier: Verifier, files: Files, *more: str) -> list[str]:
    code, said = verifier.run(files, *more)
    assert code == 0, said
    return verifier.printed[1:]


def test_a_witness_that_is_trusted_is_told(
    world: World, decided: uuid.UUID, verifier: Verifier
) -> None:
    newest, witness, other = sealed(world.system.tenant_id), FakeWitness(), FakeWitness()
    line = witness.line(text_of(newest.note), at=AT.timestamp())
    kept(world, newest, NAME, "witness", line.removesuffix("\n").encode())
    files = exported(world, f"subject=work_item:{decided}")
    said = f"Witness {NAME} signed 1 of 1 checkpoints; that of {newest.size} entries at"
    assert f"{said} 2026-11-27T20:00:00Z." in told(
        verifier, files, "--witness", witness.verifier_key()
    )
    # Nobody trusts it, or trusts another key of the same name: nothing is told as if it were so.
    assert not [each for each in told(verifier, files) if "Witness" in each]
    assert f"Witness {NAME} has signed none of its checkpoints." in told(
        verifier, files, "--witness", other.verifier_key()
    )
    assert verifier.run(files, "--witness", "no key")[0] == 1


def test_a_cosignature_that_does_not_hold_breaks_a_pack(
    world: World, decided: uuid.UUID, verifier: Verifier
) -> None:
    newest, witness = sealed(world.system.tenant_id), FakeWitness()
    tomorrow = dt.datetime.now(dt.UTC).timestamp() + 86_400
    key = witness.verifier_key()
    for line, because in [
        (witness.line("another text\n"), "is not of this checkpoint"),
        (witness.line(text_of(newest.note), at=tomorrow), "is of a time to come"),
    ]:
        files = exported(world, f"subject=work_item:{decided}")
        name = f"checkpoints/{newest.size}"
        files[name] += line.encode()
        made_anew(files, name)
        assert verifier.run(files)[0] == 0
        code, said = verifier.run(files, "--witness", key)
        assert code == 1
        assert f"because the checkpoint of {newest.size} entries: the cosignature of" in said
        assert said.endswith(f"{because} (forged)")


def test_a_stamp_of_a_trusted_authority_is_told_and_another_breaks_a_pack(
    world: World, decided: uuid.UUID, verifier: Verifier, tmp_path: Path
) -> None:
    newest = sealed(world.system.tenant_id)
    authority, stranger = Authority(), Authority(issuer=certificate("Other", usage=None))
    kept(world, newest, "rfc3161", "timestamp", token_of(authority, text_of(newest.note)))
    files = exported(world, f"subject=work_item:{decided}")
    said = f"Time stamp: the tree of {newest.size} entries was there at 2026-11-27T20:00:00Z."
    trusted = ("--timestamp-ca", certificates(tmp_path, authority))
    assert said in told(verifier, files, *trusted)
    assert not [each for each in told(verifier, files) if "stamp" in each]
    code, wrong = verifier.run(files, "--timestamp-ca", certificates(tmp_path, stranger))
    assert (code, wrong.endswith("is of nobody who is trusted (forged)")) == (1, True)
    # A stamp of something else, and one that is none.
    name = f"timestamps/{newest.size}.tst"
    for token, because in [
        (token_of(authority, "another text\n"), "of something else than this checkpoint"),
        (b"a token", "it is no time stamp"),
    ]:
        changed = {**files, name: token}
        made_anew(changed, name)
        assert verifier.run(changed)[0] == 0
        code, wrong = verifier.run(changed, *trusted)
        assert code == 1
        assert f"the stamp of the checkpoint of {newest.size} entries: " in wrong
        assert because in wrong


def test_without_stamps_that_is_said(
    world: World, decided: uuid.UUID, verifier: Verifier, tmp_path: Path
) -> None:
    sealed(world.system.tenant_id)
    files = exported(world, f"subject=work_item:{decided}")
    trusted = ("--timestamp-ca", certificates(tmp_path, Authority()))
    assert "No checkpoint of it has a time stamp." in told(verifier, files, *trusted)


def test_a_checkpoint_under_another_name_is_none_and_breaks_a_pack(
    world: World, decided: uuid.UUID, verifier: Verifier, tmp_path: Path
) -> None:
    newest, witness, authority = sealed(world.system.tenant_id), FakeWitness(), Authority()
    files = exported(world, f"subject=work_item:{decided}")
    # What was signed of another ledger: neither its root nor its key is looked at.
    before = f"elsewhere\n{newest.size}\n{'A' * 43}=\n"
    note = f"{before}\n{witness.line(before, at=AT.timestamp())}".encode()
    trusted = (
        "--witness", witness.verifier_key(), "--timestamp-ca", certificates(tmp_path, authority),
    )  # fmt: skip
    assert verifier.run(files, *trusted)[0] == 0
    arabic = str(newest.size).translate({ord("0") + n: 0x660 + n for n in range(10)})
    notes = [
        f"checkpoints/{newest.size}.tst", f"checkpoints/{arabic}", "checkpoints/0",
        f"checkpoints/0{newest.size}", f"checkpoints/more/{newest.size}", "checkpoints/" + "9" * 20,
    ]  # fmt: skip
    stamps = [
        f"timestamps/{newest.size}", f"timestamps/{arabic}.tst", f"timestamps/0{newest.size}.tst",
        f"timestamps/{newest.size}.tst.tst",
    ]  # fmt: skip
    for name in notes + stamps:
        held = {**files, name: note if name in notes else token_of(authority, text_of(newest.note))}
        made_anew(held, name)
        folder = name.partition("/")[0]
        said = f"broken because {name} is not how anything in {folder} is named (file)"
        for more in ((), trusted):
            assert verifier.run(held, *more) == (1, said)
            assert len(verifier.printed) == 1
