"""Run by `bounded_check` in a process of its own: a pack comes on stdin, and what its verifier
finds goes to stdout as JSON. Nothing is written, and what it may use is limited before it reads.
"""

from __future__ import annotations

import contextlib
import io
import json
import marshal
import resource
import sys
import types
import zipfile
from typing import Any, Final

#: So many characters of a sentence go out, of a line, and so many lines: who made the pack chooses
#: what is in them. In UTF-8 all of it stays below what `bounded_check` takes.
_SENTENCE: Final = 500
_LINE: Final = 240
_LINES: Final = 100


def main() -> None:
    """Answer one pack, and end."""
    length, origin, *said = sys.argv[1:]
    seconds, memory, unpacked, entries = map(int, said[:4])
    program = _program(int(length))
    # Python's own imports are done: no file is opened any more, and none is made.
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    try:
        content = sys.stdin.buffer.read()
        answer = {"outcome": "too_large"}
        if not _too_large(program, content, unpacked, entries):
            answer = _answer(program, content, origin, said[4:])
    except MemoryError:
        answer = {"outcome": "too_large"}
    sys.stdout.buffer.write(json.dumps(answer, ensure_ascii=False).encode())


def _program(length: int) -> Any:
    """Return what `verify.py` is in packs: so many bytes, which come before the pack."""
    program = types.ModuleType("verify")
    # Data classes ask for the module that they are made in.
    sys.modules["verify"] = program
    exec(marshal.loads(sys.stdin.buffer.read(length)), vars(program))  # noqa: S102, S302  -- our own
    return program


def _answer(program: Any, content: bytes, origin: str, keys: list[str]) -> dict[str, Any]:
    try:
        note = program.Pack(io.BytesIO(content)).read("manifest.note")
        ours = note.partition(b"\n")[0] == f"{origin}/export".encode()
        # A pack of ours counts only with our keys; another's keys are known from the pack alone.
        lines = program.check(io.BytesIO(content), keys if ours else []).split("\n")
    except program.Broken as broken:
        told = {"entry": broken.entry, "kind": broken.kind, "because": broken.message}
        said = {name: _cut(program, each, _SENTENCE) for name, each in told.items()}
        return {"outcome": "broken", **said}
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001  -- whatever a pack holds, it is answered
        because = _cut(program, f"it cannot be read: {error}", _SENTENCE)
        return {"outcome": "broken", "entry": "", "kind": "file", "because": because}
    signed_by = "others" if not ours else "us" if keys else "unknown"
    return {"outcome": "valid", "lines": _fewer(program, lines), "signed_by": signed_by}


def _cut(program: Any, said: str, most: int) -> str:
    """Return the beginning of a text, as any page shows it: before it is made longer, and after."""
    shown = str(program.printable(said[:most]))
    return shown if len(shown) <= most and len(said) <= most else shown[: most - 1] + "\u2026"


def _fewer(program: Any, lines: list[str]) -> list[str]:
    """Return the lines, or the first and the last of more than are shown."""
    if len(lines) > _LINES:
        kept = _LINES - 2
        lines = [*lines[:kept], f"and {len(lines) - kept - 1} more lines", lines[-1]]
    return [_cut(program, each, _LINE) for each in lines]


def _too_large(program: Any, content: bytes, unpacked: int, entries: int) -> bool:
    """Whether what is in the zip is more than is looked at. No file gives out more than it says;
    what cannot be read is no pack, which is told later."""
    with contextlib.suppress(zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        with zipfile.ZipFile(io.BytesIO(content)) as pack:
            if sum(each.file_size for each in pack.infolist()) > unpacked:
                return True
        with contextlib.suppress(program.Broken):
            lines = program.Pack(io.BytesIO(content)).read("entries.jsonl")
            return bool(lines.count(b"\n") > entries)
    return False


if __name__ == "__main__":
    main()
