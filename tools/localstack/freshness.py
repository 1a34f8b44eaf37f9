"""Whether a preparing step has to run again: fingerprints of what it depends on.

Starting Django for a migration that has nothing to do costs seconds of every start.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psycopg

from tools.localstack.folders import write_private

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_IGNORED: Final = frozenset({".venv", "var", ".git", "node_modules", "__pycache__"})


@dataclass(frozen=True, kw_only=True)
class Migrated:
    """The state in which migrations left a database."""

    #: Number that PostgreSQL gave the cluster when it was made.
    system: str
    #: Rows in the table of applied migrations; somebody may have migrated by hand since.
    applied: int
    #: Fingerprint of the migration files.
    files: str


def migrated_now(superuser_url: str, root: Path, *, demo: bool) -> Migrated | None:
    """The state of the database beside the files as they are; None if it was never migrated."""
    with psycopg.connect(superuser_url) as connection:
        found = connection.execute("SELECT to_regclass('public.django_migrations')").fetchone()
        if found is None or found[0] is None:
            return None
        row = connection.execute(
            "SELECT (SELECT system_identifier::text FROM pg_control_system()),"
            " (SELECT count(*) FROM django_migrations)"
        ).fetchone()
    if row is None:
        return None
    return Migrated(system=row[0], applied=row[1], files=migration_files(root, demo=demo))


def migration_files(root: Path, *, demo: bool) -> str:
    """Fingerprint of every migration of ours and of the versions of everybody else's."""
    ours = (path for path in _files(root, "migrations") if path.suffix == ".py")
    return _fingerprint(root, [*ours, root / "requirements.txt"], f"demo={demo}")


def static_files(root: Path) -> str:
    """Fingerprint of what collectstatic gathers: our files, others' versions, the settings."""
    settings = (root / "config/settings").glob("*.py")
    ours = _files(root, "static")
    return _fingerprint(root, [*ours, *settings, root / "requirements.txt"], "")


def is_fresh(stamp: Path, wanted: object) -> bool:
    """Whether ``stamp`` says exactly ``wanted``."""
    try:
        return bool(json.loads(stamp.read_text(encoding="utf-8")) == wanted)
    except (OSError, ValueError):
        return False


def remember(stamp: Path, state: object) -> None:
    """Write ``state`` for the next start to compare with."""
    write_private(stamp, state)


def as_stamp(state: Migrated) -> dict[str, object]:
    """A state as it is written down."""
    return asdict(state)


def _files(root: Path, folder: str) -> Iterator[Path]:
    """Files anywhere below a folder of that name, without walking through what is not ours."""
    for place, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in _IGNORED]
        if folder in Path(place).relative_to(root).parts:
            yield from (Path(place, name) for name in files)


def _fingerprint(root: Path, paths: Iterable[Path], extra: str) -> str:
    digest = hashlib.sha256(extra.encode())
    for path in sorted(paths):
        if path.is_file():
            digest.update(f"\0{path.relative_to(root)}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
