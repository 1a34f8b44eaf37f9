"""What `make run` says when everything runs: where it is, and who can log in."""

from __future__ import annotations

import time
from typing import Final

from tools.localstack.terminal import Console

#: Names of the people of the demo (tenant demo; outsider belongs to tenant other).
DEMO_LOGINS: Final = (
    "analyst surveyor underwriter compliance operator approver auditor bystander admin",
    "outsider (of another tenant, sees nothing of this one)",
)
DEMO_PASSWORD: Final = "amends-demo"  # noqa: S105 - printed at every start, for invented people
#: After so long without a line the start is over.
_QUIET_SECONDS: Final = 2.0


class Greeting:
    """Said when the first page answers, and once more when the parts have said their first lines:
    by then it has scrolled by."""

    def __init__(self, url: str, console: Console, *, demo: bool) -> None:
        """Prepare it."""
        self._url, self._console, self._demo = url, console, demo
        self._said_at = float("inf")
        self._is_over = False

    def say(self) -> None:
        """Print it."""
        lines = ["", f"  Amends is running at  {self._url}/", ""]
        if self._demo:
            lines += [f"  Log in as  {DEMO_LOGINS[0]}"]
            lines += [f"        or   {other}" for other in DEMO_LOGINS[1:]]
            lines += [f"  Password   {DEMO_PASSWORD}", ""]
            lines += ["  The first page says what each of them does, and can load a story.", ""]
        lines += ["  Ctrl-C stops everything.", ""]
        self._console.plain("\n".join(lines) + "\n")
        self._said_at = time.monotonic()

    def say_again_when_quiet(self) -> None:
        """Print it once more, if something was printed since and nothing is any longer."""
        quiet = self._console.silent_for()
        spoken_since = time.monotonic() - quiet > self._said_at
        if not self._is_over and spoken_since and quiet >= _QUIET_SECONDS:
            self._is_over = True
            self.say()
