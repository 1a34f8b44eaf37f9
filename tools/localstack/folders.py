"""Folders and files of the local servers, and which operating-system user owns them.

PostgreSQL refuses to run as root. Started by root it runs as another user, who may not be able to
enter the clone (a folder under /root, say), so its programs and data then live in a folder of that
user outside the clone, and ``var/postgres`` is a link to it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pwd
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tools.localstack import LocalServerError

#: The root of this checkout: the folder that holds manage.py.
PROJECT: Final = Path(__file__).resolve().parent.parent.parent

#: A unix socket's path may have 107 bytes, and PostgreSQL appends ``/.s.PGSQL.5432``.
_LONGEST_SOCKET_FOLDER: Final = 90
_SYSTEM_STATE: Final = Path("/var/lib")
_OPEN_TO_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, kw_only=True)
class ServerUser:
    """The operating-system user that runs PostgreSQL."""

    name: str
    uid: int
    gid: int

    @property
    def is_other(self) -> bool:
        """Whether processes of this user must be started by root on its behalf."""
        return self.uid != os.geteuid()


def invoking_user() -> ServerUser:
    """The user of this process. Raises LocalServerError if it has no name in the user list."""
    return _user_by_id(os.geteuid())


def server_user(owned: Path | None = None) -> ServerUser:
    """Who runs PostgreSQL: this user; for root the owner of ``owned``, else postgres, else nobody.

    Later starts must use the user of the first, because the data belong to it.
    """
    if os.geteuid() != 0:
        return invoking_user()
    if owned is not None and owned.exists():
        owner = owned.stat().st_uid
        if owner != 0:
            return _user_by_id(owner)
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return _user(pwd.getpwnam(name))
    raise LocalServerError(
        "PostgreSQL does not run as root, and this system has neither a user postgres nor nobody;"
        " start as an ordinary user"
    )


def private_folder(path: Path, owner: ServerUser) -> Path:
    """Make or check a folder that only ``owner`` may enter, and return it.

    Names in the system temp folder can be taken by somebody else first, so an existing one is
    looked at without following links. Raises LocalServerError if it is not exactly that folder.
    """
    try:
        path.mkdir(mode=0o700, parents=False)
    except FileExistsError:
        pass
    else:
        if owner.is_other:
            os.chown(path, owner.uid, owner.gid)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner.uid:
        raise LocalServerError(f"{path} must be a folder of user {owner.name}; remove it")
    if found.st_mode & _OPEN_TO_OTHERS:
        raise LocalServerError(f"{path} must be closed to other users (chmod 700)")
    return path


def clone_mark(root: Path) -> str:
    """A short name for this clone, the same on every start: a hash of its real path."""
    return hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:12]


def socket_folder(label: str, owner: ServerUser) -> Path:
    """A short private folder in the system temp folder for sockets."""
    name = f"amends-{os.geteuid()}-{label}"
    temp = Path(tempfile.gettempdir())
    fits = len(os.fsencode(temp / name)) <= _LONGEST_SOCKET_FOLDER
    # PostgreSQL reads its socket folders as a list separated by commas.
    if not fits or set(str(temp)) & set(",'\"\\"):
        temp = Path("/tmp")  # noqa: S108 - checked by private_folder, whoever made it
    return private_folder(temp / name, owner)


def server_home(var: Path, root: Path) -> Path:
    """The folder for PostgreSQL's programs and data, made if it is missing.

    An ordinary user has it at ``var/postgres``; for root that is a link to a folder of the server's
    user under the system's state folder. A real folder there (made by an ordinary user before) is
    used as it is, by its owner.
    """
    place = var / "postgres"
    if place.exists() and not place.is_symlink():
        return private_folder(place, server_user(place))
    if os.geteuid() != 0:
        if place.is_symlink():
            raise LocalServerError(
                f"{place} belongs to a start by root; start as root again, or remove that link to"
                " begin with an empty database"
            )
        return private_folder(place, invoking_user())
    home = _SYSTEM_STATE / f"amends-{clone_mark(root)}"
    private_folder(home, server_user(home))
    if not place.is_symlink() or place.readlink() != home:
        place.unlink(missing_ok=True)
        place.symlink_to(home)
    return home


def write_private(path: Path, content: object) -> None:
    """Write ``content`` as JSON, readable by this user alone, whole or not at all."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
    Path(name).replace(path)


def _user_by_id(uid: int) -> ServerUser:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError as error:
        raise LocalServerError(
            f"user id {uid} has no name on this system, and PostgreSQL's initdb wants one;"
            " set DATABASE_URL to a server of your own"
        ) from error
    return _user(entry)


def _user(entry: pwd.struct_passwd) -> ServerUser:
    return ServerUser(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid)
