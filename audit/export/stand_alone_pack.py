"""The files of an evidence pack, and no other: whoever made it chose their names."""

from __future__ import annotations

import contextlib
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from audit.export.stand_alone_notes import Broken


class Pack:
    """The files of a pack, in a zip (or a file that is one) or in a folder."""

    def __init__(self, path: Path | IO[bytes]) -> None:
        self._folder = path if isinstance(path, Path) else Path()
        in_one = path is not self._folder or self._folder.is_file()
        self._zip = zipfile.ZipFile(path) if in_one else None
        found = self._zip.namelist() if self._zip else _files_in(self._folder)
        self._names = {each for each in found if not each.endswith("/")}

    def names(self) -> list[str]:
        """Return the names of its files."""
        return sorted(self._names)

    def read(self, name: str) -> bytes:
        """Return one file. Raises Broken where it is not there."""
        missing = Broken("file", f"{name} is not in the pack")
        # Any other name may lead anywhere, or to what never ends.
        if name not in self._names:
            raise missing
        try:
            return self._zip.read(name) if self._zip else (self._folder / name).read_bytes()
        except (KeyError, OSError):
            raise missing from None

    def lines(self, name: str) -> Iterator[dict[str, Any]]:
        """Yield the objects of a file of JSON lines. Raises Broken for what is none."""
        for number, line in enumerate(self.read(name).split(b"\n"), start=1):
            if not line:
                continue
            found = None
            with contextlib.suppress(ValueError, RecursionError):
                found = json.loads(line)
            if not isinstance(found, dict):
                raise Broken("file", f"line {number} of {name} is no JSON object")
            yield found


def _files_in(folder: Path) -> Iterator[str]:
    """Yield the names of the files in a folder: of no link that leads out of it, and no device."""
    for each in folder.rglob("*"):
        if each.is_file() and not each.is_symlink():
            yield each.relative_to(folder).as_posix()
