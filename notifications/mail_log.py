"""Mails that were written to files instead of being sent (Django's file backend): a copy of what
people were told, which is erased with them. What a mail server logs is that server's."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from django.conf import settings

from ledger.erasure.naming import Names
from ledger.erasure.personal_data import Outside

#: What Django puts behind each mail of a file.
_BETWEEN: Final = b"-" * 79 + b"\n"


def count(texts: Sequence[str], apply: bool) -> int:  # noqa: FBT001  -- the shape of all copies
    """Return in how many mails one of the texts stands; with `apply` remove these mails."""
    folder = getattr(settings, "EMAIL_FILE_PATH", None)
    if folder is None or not Path(folder).is_dir():
        return 0
    names, found = Names("", "", texts), 0
    for path in sorted(Path(folder).iterdir()):
        mails = path.read_bytes().split(_BETWEEN)
        kept = [mail for mail in mails if not _names(mail, names)]
        found += len(mails) - len(kept)
        if apply and len(kept) < len(mails):
            path.write_bytes(_BETWEEN.join(kept))
    return found


def _names(mail: bytes, names: Names) -> bool:
    read = email.message_from_bytes(mail.lstrip(), policy=email.policy.default)
    said = [mail.decode("utf-8", errors="replace"), *(str(value) for value in read.values())]
    texts = (part for part in read.walk() if part.get_content_maintype() == "text")
    said += [str(part.get_content()) for part in texts]
    return any(map(names.names, said))


MAILS: Final = Outside("mails", count)
