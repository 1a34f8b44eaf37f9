"""A witness as C2SP tlog-witness says, with none of the project's own code; it can lie."""

from __future__ import annotations

import base64
import hashlib
import threading
import time
from collections.abc import Callable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from tests.answering import Handler, Heard
from tests.notes import read_checkpoint, read_note

NAME = "witness.example/w1"


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


def roots(first: int, second: int, root: bytes, path: list[bytes]) -> tuple[bytes, bytes]:
    """Return both roots that a consistency proof gives (RFC 9162 §2.1.4.2, word for word)."""
    if first & (first - 1) == 0:
        path = [root, *path]
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        assert sn
        if fn & 1 or fn == sn:
            fr, sr = node(c, fr), node(c, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node(sr, c)
        fn, sn = fn >> 1, sn >> 1
    assert sn == 0
    return fr, sr


class FakeWitness:
    """Answers `add-checkpoint`. What it has seen last of each tree is kept in `seen`."""

    def __init__(self, *publics: bytes) -> None:
        self.key = Ed25519PrivateKey.generate()
        self.publics = publics
        self.seen: dict[str, tuple[int, bytes]] = {}
        #: What it does instead, given the text that it should sign.
        self.instead: Callable[[Handler, str], None] | None = None
        self.clock: Callable[[], float] = time.time
        self.requests: list[tuple[int, list[bytes], str]] = []
        self._lock = threading.Lock()

    def verifier_key(self, name: str = NAME) -> str:
        said = b"\x04" + self.key.public_key().public_bytes_raw()
        id_ = hashlib.sha256(name.encode() + b"\n" + said).digest()[:4]
        return f"{name}+{id_.hex()}+{base64.b64encode(said).decode()}"

    def line(self, text: str, name: str = NAME, at: float | None = None) -> str:
        """Return a cosignature of a text."""
        seconds = int(self.clock() if at is None else at)
        said = b"\x04" + self.key.public_key().public_bytes_raw()
        id_ = hashlib.sha256(name.encode() + b"\n" + said).digest()[:4]
        signature = self.key.sign(f"cosignature/v1\ntime {seconds}\n{text}".encode())
        encoded = base64.b64encode(id_ + seconds.to_bytes(8, "big") + signature).decode()
        return f"\N{EM DASH} {name} {encoded}\n"

    def __call__(self, handler: Handler, heard: Heard) -> None:
        with self._lock:
            self._answer(handler, heard)

    def _answer(self, handler: Handler, heard: Heard) -> None:
        assert heard.path == "/submit/add-checkpoint"
        head, _, note = heard.body.decode().partition("\n\n")
        first, *hashes = head.split("\n")
        assert first.startswith("old ")
        old, path = int(first[4:]), [base64.b64decode(each, validate=True) for each in hashes]
        self.requests.append((old, path, note))
        text, signatures = read_note(note)
        if self.instead is not None:
            self.instead(handler, text)
            return
        origin, size, root = read_checkpoint(note)
        if not self._signed(text, signatures):
            handler.answer(403)
            return
        known, known_root = self.seen.get(origin, (0, b""))
        if old != known or (old == size and known_root != root):
            handler.answer(409, raw=f"{known}\n".encode(), content_type="text/x.tlog.size")
            return
        if 0 < old < size and roots(old, size, known_root, path) != (known_root, root):
            handler.answer(422)
            return
        self.seen[origin] = (size, root)
        handler.answer(200, raw=self.line(text).encode())

    def _signed(self, text: str, signatures: list[tuple[str, bytes, bytes]]) -> bool:
        for _name, _id, signature in signatures:
            for public in self.publics:
                try:
                    Ed25519PublicKey.from_public_bytes(public).verify(signature, text.encode())
                except InvalidSignature:
                    continue
                return True
        return False
