"""Reads signed notes and proofs as the text of C2SP says, with none of the project's own code."""

from __future__ import annotations

import base64
import re

_SIGNATURE = re.compile("\N{EM DASH} ([^ +]+) ([A-Za-z0-9+/]+={0,2})")


def read_note(note: str) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    """Return the text of a note, which ends with a newline, and (key, key id, signature) of each
    signature."""
    at = note.rindex("\n\n")
    text, lines = note[: at + 1], note[at + 2 :]
    assert lines.endswith("\n")
    found = []
    for line in lines[:-1].split("\n"):
        match = _SIGNATURE.fullmatch(line)
        assert match, line
        said = base64.b64decode(match[2], validate=True)
        found.append((match[1], said[:4], said[4:]))
    return text, found


def read_checkpoint(note: str) -> tuple[str, int, bytes]:
    """Return origin, size and root of a checkpoint."""
    origin, size, root, rest = read_note(note)[0].split("\n")
    assert rest == ""
    assert re.fullmatch(r"0|[1-9][0-9]*", size)
    return origin, int(size), base64.b64decode(root, validate=True)


def read_proof(proof: str) -> tuple[int, list[bytes], str]:
    """Return index, hashes and checkpoint of a tlog-proof."""
    head, _, checkpoint = proof.partition("\n\n")
    version, index, *hashes = head.split("\n")
    assert version == "c2sp.org/tlog-proof@v1"
    match = re.fullmatch(r"index (0|[1-9][0-9]*)", index)
    assert match
    path = [base64.b64decode(each, validate=True) for each in hashes]
    assert {len(each) for each in path} <= {32}
    return int(match[1]), path, checkpoint
