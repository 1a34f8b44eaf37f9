"""A pack holds the older checkpoints by which it was first said that its entries are there, and its
verifier sees that each is of the same tree."""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.export import evidence
from ledger.models import Countersignature
from ledger.tenancy import system_scope
from ledger.tree.signed_notes import SignedTree, signed
from ledger.tree.signing_keys import key_ring
from tests import states
from tests.bare_python import Files, Verifier, put_bare
from tests.integration.test_evidence import exported
from tests.integration.test_sealing import recorded
from tests.sealed import sealed
from tests.world import World
from verbs.call import Call
from workitems import actions


@pytest.fixture
def verifier(tmp_path: Path) -> Verifier:
    (tmp_path / "packages").mkdir()
    return Verifier(put_bare(tmp_path / "packages"), tmp_path)


@pytest.fixture
def grown(world: World) -> tuple[uuid.UUID, list[int]]:
    """A work item whose entries were sealed one after the other, among others, and the sizes."""
    tenant = world.system.tenant_id
    item = actions.create_work_item(
        call=Call(world.analyst), title="Check", candidate_groups=["analysts"]
    ).id
    sizes = [sealed(tenant).size]
    for act in (actions.start, actions.stop, actions.start):
        recorded(world, 150)
        act(item, call=Call(world.analyst))
        sizes.append(sealed(tenant).size)
    # Of these nothing is in the pack.
    recorded(world, 10)
    sealed(tenant)
    states.new_item(world.analyst)
    sizes.append(sealed(tenant).size)
    return item, sizes


def kept(files: Files) -> list[int]:
    return sorted(int(n.split("/")[1]) for n in files if n.startswith("checkpoints/"))


def test_they_are_there_and_hold(
    world: World, grown: tuple[uuid.UUID, list[int]], verifier: Verifier
) -> None:
    item, sizes = grown
    files = exported(world, f"subject=work_item:{item}")
    assert kept(files) == sizes
    assert verifier.run(files)[0] == 0
    size, origin = sizes[1], json.loads(files["manifest.json"])["origin"]
    name = f"checkpoints/{size}"
    text, _, lines = files[name].decode().partition("\n\n")
    root = base64.b64decode(text.split("\n")[2])

    def signed_otherwise(tree: SignedTree, key: Ed25519PrivateKey | None = None) -> Files:
        """Put another note in its place, and sign the pack anew: a forger who has our key."""
        return resealed({**files, name: signed(tree, [key or key_ring().signing[0]]).encode()})

    other = hashlib.sha256(b"other").digest()
    for changed, kind in [
        (signed_otherwise(SignedTree(origin, size, root)), ""),
        (signed_otherwise(SignedTree(origin, size, other)), "checkpoint"),
        (signed_otherwise(SignedTree(origin, size + 1, root)), "checkpoint"),
        (signed_otherwise(SignedTree(f"{origin}0", size, root)), "forged"),
        (signed_otherwise(SignedTree(origin, size, root), Ed25519PrivateKey.generate()), "forged"),
        (resealed({**files, "checkpoints/99999": files[name]}), "checkpoint"),
    ]:
        code, said = verifier.run(changed)
        assert (code, said.endswith(f"({kind})")) == (1 if kind else 0, bool(kind)), said
    assert lines


def resealed(files: Files) -> Files:
    """Return the pack with its manifest made anew and signed."""
    manifest = json.loads(files["manifest.json"])
    for each in files:
        if not each.startswith("manifest."):
            manifest["files"][each] = hashlib.sha256(files[each]).hexdigest()
    said = json.dumps(manifest).encode()
    tree = SignedTree(f"{manifest['origin']}/export", 1, hashlib.sha256(said).digest())
    note = signed(tree, key_ring().signing).encode()
    return {**files, "manifest.json": said, "manifest.note": note}


def test_of_too_many_some_are_chosen(
    world: World,
    grown: tuple[uuid.UUID, list[int]],
    verifier: Verifier,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    item, sizes = grown
    monkeypatch.setattr(evidence, "MOST_CHECKPOINTS", 2)
    files = exported(world, f"subject=work_item:{item}")
    assert kept(files) == [sizes[0], sizes[2], sizes[-1]]
    assert verifier.run(files)[0] == 0


def test_what_others_signed_is_beside_them(
    world: World, grown: tuple[uuid.UUID, list[int]], verifier: Verifier
) -> None:
    item, sizes = grown
    tenant = world.system.tenant_id
    line = f"\N{EM DASH} witness.example/w1 {base64.b64encode(b'x' * 76).decode()}"
    with system_scope("seal"):
        Countersignature.objects.bulk_create(
            Countersignature(
                tenant_id=tenant, size=size, name=name, kind=kind, said=said, at="2026-11-27T20:00Z"
            )
            for size, name, kind, said in [
                (sizes[0], "witness.example/w1", "witness", line.encode()),
                # Of before such were refused.
                (sizes[1], "witness.example/w1", "witness", f"{line} junk".encode()),
                (sizes[3], "rfc3161", "timestamp", b"a token"),
                # Stamped since, though nothing of the pack was sealed with it.
                (sizes[3] + 10, "rfc3161", "timestamp", b"another"),
            ]
        )
    files = exported(world, f"subject=work_item:{item}")
    assert kept(files) == sorted({*sizes, sizes[3] + 10})
    assert files[f"checkpoints/{sizes[0]}"].decode().endswith(f"\n{line}\n")
    stamps = {name: files[name] for name in files if name.startswith("timestamps/")}
    assert stamps == {
        f"timestamps/{sizes[3]}.tst": b"a token", f"timestamps/{sizes[3] + 10}.tst": b"another",
    }  # fmt: skip
    # What is no line at all is not given out.
    assert "junk" not in files[f"checkpoints/{sizes[1]}"].decode()
    assert verifier.run(files)[0] == 0
