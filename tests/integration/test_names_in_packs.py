"""`verify.py` reads the files of a pack, whatever its manifest names beside them."""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from pathlib import Path

import pytest

from ledger.tree.signed_notes import SignedTree, signed
from ledger.tree.signing_keys import key_ring
from tests import states
from tests.bare_python import Files, Verifier, put_bare
from tests.integration.test_evidence import exported
from tests.sealed import sealed
from tests.world import World

SAID = b"It is not of the pack"


@pytest.fixture
def verifier(tmp_path: Path) -> Verifier:
    (tmp_path / "packages").mkdir()
    return Verifier(put_bare(tmp_path / "packages"), tmp_path)


@pytest.fixture
def files(world: World) -> Files:
    """A pack of a decision, which is valid."""
    item = uuid.UUID(str(states.completed(world.analyst).id))
    sealed(world.system.tenant_id)
    return exported(world, f"subject=work_item:{item}")


def naming(files: Files, name: str, content: bytes) -> Files:
    """Return the pack whose manifest, signed by its maker, names one file more."""
    manifest = json.loads(files["manifest.json"])
    manifest["files"][name] = hashlib.sha256(content).hexdigest()
    said = json.dumps(manifest).encode()
    tree = SignedTree(f"{manifest['origin']}/export", 1, hashlib.sha256(said).digest())
    note = signed(tree, key_ring().signing).encode()
    return {**files, "manifest.json": said, "manifest.note": note}


def missing(verifier: Verifier, folder: Path, name: str) -> None:
    said = f"broken because {name} is not in the pack (file)"
    assert verifier.of(folder / "verify.py") == (1, said)
    assert len(verifier.printed) == 1


def test_what_is_elsewhere_is_not_read(files: Files, verifier: Verifier, tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_bytes(SAID)
    # The first never ends; each of the others is there, as it was signed.
    for name in ("/dev/zero", "../outside.txt", "tiles/../../outside.txt", str(outside)):
        missing(verifier, verifier.unpacked(naming(files, name, SAID)), name)


def test_nor_is_a_pipe_or_a_link_that_stands_in_its_folder(
    files: Files, verifier: Verifier, tmp_path: Path
) -> None:
    outside = tmp_path / "elsewhere" / "outside.txt"
    outside.parent.mkdir()
    outside.write_bytes(SAID)
    folder = verifier.unpacked(naming(files, "more.txt", SAID))
    os.mkfifo(folder / "more.txt")
    missing(verifier, folder, "more.txt")
    folder = verifier.unpacked(naming(files, "more.txt", SAID))
    (folder / "more.txt").symlink_to(outside)
    missing(verifier, folder, "more.txt")
    folder = verifier.unpacked(naming(files, "more/outside.txt", SAID))
    (folder / "more").symlink_to(outside.parent)
    missing(verifier, folder, "more/outside.txt")
    # What is no file of it by any name, too, where it stands in place of one that is always read.
    folder = verifier.unpacked(files)
    (folder / "manifest.note").unlink()
    os.mkfifo(folder / "manifest.note")
    missing(verifier, folder, "manifest.note")


def test_a_file_that_is_there_and_named_is_read(files: Files, verifier: Verifier) -> None:
    folder = verifier.unpacked(naming(files, "more.txt", SAID))
    (folder / "more.txt").write_bytes(SAID)
    assert verifier.of(folder / "verify.py")[0] == 0
    (folder / "more.txt").write_bytes(b"Something else")
    said = "broken because more.txt is not as it was when the pack was made (file)"
    assert verifier.of(folder / "verify.py") == (1, said)
