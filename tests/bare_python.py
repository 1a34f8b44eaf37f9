"""Runs the verifier of an evidence pack in a Python that has nothing but `cryptography`."""

from __future__ import annotations

import subprocess
import sys
import uuid
from pathlib import Path

import cryptography

Files = dict[str, bytes]


def put_bare(folder: Path) -> Path:
    """Put into a folder of packages what `cryptography` needs, and nothing else."""
    site = Path(cryptography.__file__).parents[1]
    wanted = ["cryptography", "cffi", "_cffi_backend*", "pycparser", "typing_extensions.py"]
    for pattern in wanted:
        for found in site.glob(pattern):
            (folder / found.name).symlink_to(found)
    return folder


class Verifier:
    """Runs the verifier of a pack away from the project."""

    def __init__(self, bare: Path, folder: Path) -> None:
        self._bare = bare
        self._folder = folder
        self.printed: list[str] = []

    def run(self, files: Files, *more: str) -> tuple[int, str]:
        """Unpack the files, run their verify.py, and return its exit code and first line."""
        return self.of(self.unpacked(files) / "verify.py", *more)

    def unpacked(self, files: Files) -> Path:
        """Return a new folder with the files."""
        pack = self._folder / str(uuid.uuid4())
        for name, content in files.items():
            path = pack / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return pack

    def of(self, *arguments: str | Path) -> tuple[int, str]:
        """Run a verify.py; -I and -S: no folder but the standard library's and the bare one."""
        program, *more = map(str, arguments)
        code = (
            f"import runpy, sys; sys.path.append({str(self._bare)!r});"
            f" sys.argv = {[program, *more]!r}; runpy.run_path({program!r}, run_name='__main__')"
        )
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", code],
            cwd=self._folder, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.stderr == ""
        self.printed = done.stdout.splitlines()
        return done.returncode, self.printed[0]
