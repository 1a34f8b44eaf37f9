"""Checkpoints and keys against a reader written from the text of C2SP, and forged ones."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ledger.tree import signing_keys
from ledger.tree.signed_notes import (
    Forged,
    SignedTree,
    key_id,
    opened,
    proof_file,
    signed,
    verifier_key,
)
from ledger.tree.signing_keys import NoKey, key_ring
from tests.notes import read_note, read_proof

OLD, NEW = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2))
TREE = SignedTree("amends.example/ledger/1", 20_852_163, hashlib.sha256(b"root").digest())


def public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


def pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def public_pem(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def test_the_published_key_and_signature_are_understood() -> None:
    # The example of C2SP signed-note.
    key = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    name, id_, said = key.split("+")
    decoded = base64.b64decode(said)
    assert decoded[:1] == b"\x01"
    assert key_id(name, decoded[1:]).hex() == id_
    assert verifier_key(name, decoded[1:]) == key


def test_a_checkpoint_is_what_the_standard_says() -> None:
    note = signed(TREE, [NEW])
    text, signatures = read_note(note)
    assert text.split("\n") == [
        "amends.example/ledger/1",
        "20852163",
        base64.b64encode(TREE.root).decode(),
        "",
    ]
    ((name, id_, signature),) = signatures
    assert name == TREE.origin
    formula = name.encode() + b"\n\x01" + public(NEW)
    assert id_ == hashlib.sha256(formula).digest()[:4]
    Ed25519PublicKey.from_public_bytes(public(NEW)).verify(signature, text.encode())
    assert opened(note, [public(NEW)]) == TREE


def test_a_new_key_is_introduced_by_the_old_one() -> None:
    note = signed(TREE, [NEW, OLD])
    assert len(read_note(note)[1]) == 2
    assert opened(note, [public(OLD)]) == TREE
    assert opened(note, [public(NEW)]) == TREE


NOTE = signed(TREE, [NEW])


@pytest.mark.parametrize(
    "note",
    [
        NOTE.replace("20852163", "20852164"),
        NOTE.replace("amends.example", "amends.exemple", 1),
        NOTE.replace("\n\n", "\n"),
        NOTE.replace("20852163", "020852163"),
        NOTE.replace("20852163", "-1"),
        NOTE.replace("\N{EM DASH}", "-"),
        NOTE[:-12] + NOTE[-12:].replace("=", "!"),
        signed(TREE, [OLD]),
        "",
        "\n\n",
        "a\n1\n*\n\n",
    ],
    ids=range(11),
)
def test_a_note_that_is_not_ours_is_refused(note: str) -> None:
    with pytest.raises(Forged):
        opened(note, [public(NEW)])


def test_a_wrong_signature_beside_a_right_one_is_refused() -> None:
    text, _, lines = signed(TREE, [NEW, OLD]).partition("\n\n")
    first, second, _ = lines.split("\n")
    name, _, said = second.removeprefix("\N{EM DASH} ").partition(" ")
    decoded = bytearray(base64.b64decode(said))
    decoded[9] ^= 1
    wrong = f"\N{EM DASH} {name} {base64.b64encode(bytes(decoded)).decode()}"
    note = f"{text}\n\n{first}\n{wrong}\n"
    # Who does not know the old key passes it over.
    assert opened(note, [public(NEW)]) == TREE
    with pytest.raises(Forged, match="signature is not of its text"):
        opened(note, [public(NEW), public(OLD)])


def test_a_proof_file_is_what_the_standard_says() -> None:
    path = [hashlib.sha256(bytes([n])).digest() for n in range(3)]
    assert read_proof(proof_file(5, path, NOTE)) == (5, path, NOTE)
    assert read_proof(proof_file(0, [], NOTE)) == (0, [], NOTE)


def test_a_key_that_is_missing_is_made_once_where_that_is_allowed(
    settings: Any, tmp_path: Path
) -> None:
    settings.AMENDS_LEDGER_KEY = str(tmp_path / "new" / "key.pem")
    settings.AMENDS_LEDGER_KEY_MADE = False
    with pytest.raises(NoKey, match="cannot be read"):
        key_ring()
    settings.AMENDS_LEDGER_KEY_MADE = True
    made = key_ring()
    assert len(made.signing) == len(made.publics) == 1
    path = Path(settings.AMENDS_LEDGER_KEY)
    assert path.stat().st_mode & 0o777 == 0o600
    signing_keys.make_key(path)
    assert key_ring() == made
    assert [each.name for each in path.parent.iterdir()] == ["key.pem"]


def test_keys_are_read_in_their_order_with_the_old_ones(settings: Any, tmp_path: Path) -> None:
    path = tmp_path / "keys.pem"
    settings.AMENDS_LEDGER_KEY = str(path)
    path.write_bytes(pem(NEW) + b"since May\n" + pem(OLD))
    ring = key_ring()
    assert [public(each) for each in ring.signing] == [public(NEW), public(OLD)] == [*ring.publics]
    path.write_bytes(pem(NEW) + public_pem(OLD))
    ring = key_ring()
    assert [public(each) for each in ring.signing] == [public(NEW)]
    assert ring.publics == (public(NEW), public(OLD))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        public_pem(OLD),
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
    ],
    ids=range(4),
)
def test_a_file_without_a_key_that_signs_is_refused(
    settings: Any, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "keys.pem"
    path.write_bytes(content)
    settings.AMENDS_LEDGER_KEY = str(path)
    with pytest.raises(NoKey):
        key_ring()
    with pytest.raises(NoKey):
        signing_keys.check_key_file(path)
