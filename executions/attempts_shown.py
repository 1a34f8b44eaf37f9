"""The attempts at one execution as people read them, told from its entries. Pure."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext_lazy as _

from ledger.selectors import Entry
from verbs.words import Text

#: By the entry that ended an attempt: what happened, and the tone of its badge.
_ENDS: dict[str, tuple[Text, str]] = {
    "succeeded": (_("Done"), "done"),
    "retried": (_("Failed for now; it is tried again"), "bad"),
    "failed": (_("Failed; nothing happened"), "bad"),
    "outcome_unknown": (_("Nobody knows whether it happened"), "bad"),
}
#: The worker that ran it was not heard of again, and another one took over.
_SILENT: tuple[Text, str] = (_("The worker fell silent; it may have happened"), "bad")
_UNDER_WAY: tuple[Text, str] = (_("Under way"), "act")


@dataclasses.dataclass(slots=True)
class AttemptShown:
    """One attempt; `error` is technical and stands in the fold only."""

    number: int
    at: dt.datetime
    words: Text = _UNDER_WAY[0]
    tone: str = _UNDER_WAY[1]
    ended_at: dt.datetime | None = None
    error: str = ""

    @property
    def seconds(self) -> float | None:
        """How long it took, None as long as it is under way."""
        return None if self.ended_at is None else (self.ended_at - self.at).total_seconds()

    def end(self, how: tuple[Text, str], at: dt.datetime, error: Any) -> None:
        """Say how it ended."""
        self.words, self.tone = how
        self.ended_at, self.error = at, str(error or "")

    @classmethod
    def told(cls, entries: Iterable[Entry]) -> list[AttemptShown]:
        """Return the attempts that entries, oldest first, tell of; the newest first."""
        found: list[AttemptShown] = []
        for entry in entries:
            is_open = found and found[-1].ended_at is None
            said = entry.payloads
            if is_open and entry.action in _ENDS:
                error = said.get("error") or said.get("detail")
                found[-1].end(_ENDS[entry.action], entry.at, error)
            if entry.action == "dispatched":
                if is_open:
                    found[-1].end(_SILENT, entry.at, said.get("error"))
                found.append(cls(int(said.get("attempt", len(found) + 1)), entry.at))
        return found[::-1]
