"""Checking a pack that somebody brings: by its own verifier, in a process that may use so much.

Whoever sends a pack chooses what is in it. It is looked at in memory, by one process at a time,
and nothing of it is kept.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import logging
import marshal
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Final

from audit.export.evidence import MOST_ENTRIES
from audit.export.one_file import verifier_source
from ledger.tree.signed_notes import verifier_key
from ledger.tree.signing_keys import NoKey, key_ring

log = logging.getLogger(__name__)
#: So many bytes of a zip are taken, and so many of what is in it.
MAX_BYTES: Final = 10 * 1024 * 1024
_UNPACKED: Final = 256 * 1024 * 1024
_MEMORY: Final = 1024 * 1024 * 1024
_CPU_SECONDS: Final = 30
_WALL_SECONDS: Final = 60.0
#: No more is read of what the child says, in bytes.
_MOST_SAID: Final = 100_000
_CHILD: Final = Path(__file__).with_name("checked_in_child.py")
_VALID: Final = re.compile(r"valid with (?:(\d+) erased payloads|(\d+) payloads that are gone)")
# Of one server process; each may use as much memory as is said above.
_one_at_a_time = threading.Lock()


class Busy(Exception):
    """Another pack is being looked at."""


@dataclasses.dataclass(frozen=True, slots=True)
class Checked:
    """What a pack is: `valid` (with so many payloads erased, or `gone` where it does not show that
    they were erased), `broken` (at `entry`, where it is one's fault, because of `because`), or
    `unknown`, where it could not be told why not.

    `lines` is what the verifier says of a valid one. `signed_by`: `us`, `others`, or `unknown` for
    one that bears our name where there is no key of ours to hold it against.
    """

    outcome: str
    because: str = ""
    entry: str = ""
    kind: str = ""
    erased: int = 0
    gone: int = 0
    lines: tuple[str, ...] = ()
    signed_by: str = ""


def check_pack(content: bytes, origin: str) -> Checked:
    """Check a pack. `origin` is the name of the tree of whoever asks: one of that name counts only
    with our own keys. Raises Busy while another one is looked at."""
    if not _one_at_a_time.acquire(blocking=False):
        raise Busy
    try:
        return _checked(content, origin)
    finally:
        _one_at_a_time.release()


def _checked(content: bytes, origin: str) -> Checked:
    limits = (_CPU_SECONDS, _MEMORY, _UNPACKED, MOST_ENTRIES)
    program = _program()
    command = [sys.executable, "-I", str(_CHILD), str(len(program)), origin]
    said, wrong = _answer([*command, *map(str, limits), *_keys(origin)], program + content)
    if len(said) > _MOST_SAID:
        return Checked("unknown", because="size")
    try:
        return _read(json.loads(said))
    except ValueError:
        # It was ended for what it used, or for what no Python survives.
        log.warning("a pack could not be checked: %s", wrong[-300:])
        return Checked("unknown", because="time")


@functools.cache
def _program() -> bytes:
    """Return the verifier as it is in packs, compiled: what compiling takes is not the child's."""
    return marshal.dumps(compile(verifier_source(), "verify.py", "exec"))


def _answer(command: list[str], content: bytes) -> tuple[bytes, bytes]:
    """Return what the child says, and what is wrong with it, of each one byte more than is taken at
    most. It reads all before it says anything; one that does not is ended when its time is over.
    """
    with subprocess.Popen(  # noqa: S603  -- a program of ours; what was sent is on its stdin
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={}, cwd="/",
    ) as child:  # fmt: skip
        if child.stdin is None or child.stdout is None or child.stderr is None:
            raise RuntimeError("the child has no pipes")
        clock = threading.Timer(_WALL_SECONDS, child.kill)
        clock.start()
        try:
            # It may have been ended before it had read all.
            with contextlib.suppress(BrokenPipeError), child.stdin as given:
                given.write(content)
            said = child.stdout.read(_MOST_SAID + 1)
            if len(said) > _MOST_SAID:
                child.kill()
            return said, child.stderr.read(_MOST_SAID + 1)
        finally:
            clock.cancel()
            child.kill()


def _keys(origin: str) -> list[str]:
    try:
        return [verifier_key(origin, each) for each in key_ring().publics]
    except (NoKey, OSError):
        return []


def _read(said: dict[str, Any]) -> Checked:
    if said["outcome"] == "too_large":
        return Checked("unknown", because="size")
    if said["outcome"] == "broken":
        return Checked("broken", said["because"], said["entry"], said["kind"])
    lines, found = tuple(said["lines"]), _VALID.match(said["lines"][0])
    erased, gone = (int(each or 0) for each in found.groups()) if found else (0, 0)
    return Checked("valid", erased=erased, gone=gone, lines=lines, signed_by=said["signed_by"])
