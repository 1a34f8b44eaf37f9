"""The keys that checkpoints are signed with: a file of PEM blocks that `AMENDS_LEDGER_KEY` names.

Every private key in it signs, the first being today's; a public key is one that used to. To change
keys, put the new one before the old: checkpoints then carry both signatures, so that who trusts the
old one learns the new. Later the old one is replaced by its public half.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import re
import tempfile
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings

_BLOCK = re.compile(rb"-----BEGIN ([A-Z ]+)-----.*?-----END \1-----", re.DOTALL)


class NoKey(Exception):
    """There is no usable key where the settings say."""


@dataclasses.dataclass(frozen=True, slots=True)
class KeyRing:
    """What signs, the first first, and every public key whose signature is ours."""

    signing: tuple[Ed25519PrivateKey, ...]
    publics: tuple[bytes, ...]


def key_ring() -> KeyRing:
    """Return the keys of this deployment. Raises NoKey where there are none to be read.

    Where settings allow it (a developer's machine, tests) a file that is missing is made.
    """
    path = Path(settings.AMENDS_LEDGER_KEY)
    if settings.AMENDS_LEDGER_KEY_MADE and not path.exists():
        make_key(path)
    try:
        return _read(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise NoKey(f"{path} cannot be read: {error.strerror}") from error


def check_key_file(path: Path) -> None:
    """Raise NoKey unless a file has a key that signs."""
    try:
        _read(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise NoKey(f"{path} cannot be read: {error.strerror}") from error


@functools.lru_cache(maxsize=8)
def _read(path: Path, _changed: int) -> KeyRing:
    signing, publics = [], []
    for block in _BLOCK.finditer(path.read_bytes()):
        key = _key(path, block.group(0), private=b"PRIVATE" in block.group(1))
        if isinstance(key, Ed25519PrivateKey):
            signing.append(key)
            key = key.public_key()
        publics.append(key.public_bytes_raw())
    if not signing:
        raise NoKey(f"{path} holds no private Ed25519 key in PEM")
    return KeyRing(tuple(signing), tuple(publics))


def _key(path: Path, block: bytes, *, private: bool) -> Ed25519PrivateKey | Ed25519PublicKey:
    try:
        key = (
            serialization.load_pem_private_key(block, None)
            if private
            else serialization.load_pem_public_key(block)
        )
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise NoKey(f"{path} holds a key that cannot be read") from error
    if not isinstance(key, Ed25519PrivateKey | Ed25519PublicKey):
        raise NoKey(f"{path} holds a key that is not Ed25519")
    return key


def make_key(path: Path) -> None:
    """Make a key at `path`, for its owner alone; where another process was faster, leave its."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    descriptor, name = tempfile.mkstemp(dir=path.parent)
    written = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
        # Unlike a rename, a link never replaces what is there.
        path.hardlink_to(written)
    except FileExistsError:
        pass
    finally:
        written.unlink()
