"""Whether any worker is there: asked of the database every few seconds, for all pages together."""

from __future__ import annotations

import time

from django.conf import settings

from ledger.dispatch.beats import unheard

_ASK_EVERY_SECONDS = 3.0


class _Heard:
    """The last answer of this process, and when it was given."""

    def __init__(self) -> None:
        self._asked = float("-inf")
        self._answer = True

    def is_silent(self) -> bool:
        """Whether some queue has no worker that answered for as long as is set; 0 is never."""
        seconds = settings.AMENDS_WORKERS_SILENT_SECONDS
        if not seconds:
            return False
        if time.monotonic() - self._asked > _ASK_EVERY_SECONDS:
            self._answer = not unheard(seconds)
            self._asked = time.monotonic()
        return not self._answer


_heard = _Heard()


def workers_are_silent() -> bool:
    """Whether people should know that nothing is done at the moment: no worker answers."""
    return _heard.is_silent()
