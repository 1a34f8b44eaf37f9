"""The key that signs checkpoints is changed: the new one is introduced by the old one, what the old
one signed still counts, and without its public half it does not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pytest_django.plugin import DjangoDbBlocker

from ledger.broken import Broken
from ledger.tenancy import tenant_scope
from ledger.tree.sealer import seal_due
from ledger.tree.signed_notes import key_id, verifier_key
from ledger.tree.stored_tree import checkpoints
from ledger.verify import Report, verify_tenant
from tests import states
from tests.bare_python import Verifier, put_bare
from tests.integration.test_evidence import exported
from tests.notes import read_note
from tests.sealed import sealed
from tests.world import World, make_world

OLD, NEW = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (11, 12))


def private(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


@pytest.fixture
def keys(settings: Any, tmp_path: Path) -> Path:
    settings.AMENDS_LEDGER_KEY = str(tmp_path / "keys.pem")
    path = tmp_path / "keys.pem"
    path.write_bytes(private(OLD))
    return path


@pytest.fixture
def alone(own_database: None, django_db_blocker: DjangoDbBlocker, keys: Path) -> Iterator[World]:
    """A database of its own: nobody else's checkpoints are signed with these keys."""
    with django_db_blocker.unblock():
        yield make_world()


def test_a_key_is_changed_for_another(alone: World, keys: Path, tmp_path: Path) -> None:
    tenant = alone.system.tenant_id
    item = states.in_progress(alone.analyst).id
    sealed(tenant)
    keys.write_bytes(private(NEW) + private(OLD))
    states.new_item(alone.analyst)
    sealed(tenant)
    keys.write_bytes(private(NEW) + public(OLD))
    states.new_item(alone.analyst)
    newest = sealed(tenant)
    with tenant_scope(tenant):
        signers = [{id_ for _, id_, _ in read_note(each.note)[1]} for each in checkpoints(tenant)]
    origin = newest.note.split("\n")[0]
    old, new = (key_id(origin, each.public_key().public_bytes_raw()) for each in (OLD, NEW))
    assert signers == [{old}, {old, new}, {new}]
    report = verify_tenant(tenant, Report())
    assert report.sealed == report.entries == newest.size
    # A pack of today is believed by either key's line, the checkpoints of then among it.
    verifier = Verifier(put_bare(tmp_path), tmp_path)
    files = exported(alone, f"subject=work_item:{item}")
    assert len([name for name in files if name.startswith("checkpoints/")]) == 2
    line = verifier_key(origin, NEW.public_key().public_bytes_raw())
    assert verifier.run(files, "--key", line)[0] == 0
    # Who forgets the old key does not know what it has signed.
    keys.write_bytes(private(NEW))
    with pytest.raises(Broken, match="no known key has signed it") as told:
        verify_tenant(tenant, Report())
    assert told.value.kind == "forged"
    # And an unknown one does not go on from what is not its own.
    keys.write_bytes(private(Ed25519PrivateKey.generate()))
    states.new_item(alone.analyst)
    assert seal_due(tenant) is False
