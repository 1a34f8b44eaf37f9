"""What scenarios stand on: the people's connections, waiting with a deadline, the transcript."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from accounts.actions import create_token
from accounts.selectors import acting_as
from config.demo.client import Client, require_loopback
from config.demo.demo_people import CAST
from ledger.broken import Broken
from ledger.verify import verify

TENANT = "demo"
#: Who of the cast is of another tenant, and of which.
_ELSEWHERE = {
    player.username: player.organisation.slug
    for player in CAST
    if player.organisation.slug != TENANT
}
#: Longest wait for one thing to happen, and how often the server is asked about it.
WAIT_SECONDS = 60.0
ASK_SECONDS = 0.1

Found = TypeVar("Found")


class ScenarioFailed(Exception):
    """The story cannot go on; the message says why."""


class Transcript:
    """A story to follow: writes lines, and keeps count of the checks that failed."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._chapters = 0
        self.failed: list[str] = []

    def title(self, text: str) -> None:
        """Say what is about to be shown."""
        self._write(text)

    def chapter(self, text: str) -> None:
        """Begin a numbered part of the story."""
        self._chapters += 1
        self._write(f"\n{self._chapters}. {text}")

    def say(self, text: str = "") -> None:
        """Say one thing that happened."""
        self._write(f"   {text}".rstrip())

    def did(self, who: str, what: str) -> None:
        """Say who did what, with the names in one column."""
        self.say(f"{who:<12} {what}")

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Print rows under heads, each column as wide as its widest cell."""
        cells = [list(heads), *([str(cell) for cell in row] for row in rows)]
        widths = [max(len(row[column]) for row in cells) for column in range(len(heads))]
        for number, row in enumerate(cells):
            line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            self.say(line)
            if number == 0:
                self.say("  ".join("-" * width for width in widths))

    def check(self, what: str, *, expected: object, found: object) -> None:
        """Compare, and say so; a difference is kept in `failed` and the story goes on."""
        if expected == found:
            self.say(f"ok    {what}")
            return
        self.failed.append(what)
        self.say(f"WRONG {what}")
        self.say(f"      expected {expected}")
        self.say(f"      found    {found}")


class Stage:
    """A running server, the people who use it, and what is told about it."""

    def __init__(
        self, url: str, clients: Mapping[str, Client], tenant_id: uuid.UUID, tell: Transcript
    ) -> None:
        self.url = url
        self.tenant_id = tenant_id
        self.tell = tell
        self._clients = clients

    def client(self, username: str) -> Client:
        """Return a person's connection."""
        return self._clients[username]

    def until(
        self, what: str, look: Callable[[], Found | None], *, seconds: float = WAIT_SECONDS
    ) -> Found:
        """Return the first thing `look` finds. Raises ScenarioFailed after `seconds`."""
        deadline = time.monotonic() + seconds
        while (found := look()) is None:
            if time.monotonic() > deadline:
                raise ScenarioFailed(f"waited {seconds:.0f} s for this, in vain: {what}")
            time.sleep(ASK_SECONDS)
        return found

    def work(
        self,
        username: str,
        item_id: str,
        *,
        outcome: str | None,
        resolution: Mapping[str, object] | None = None,
        reason: str = "",
    ) -> dict[str, Any]:
        """Let a person claim, start and complete a work item; return it as it is then."""
        client = self.client(username)
        item = client.get(f"work-items/{item_id}")
        if item["status"] == "PENDING":
            item = client.post(f"work-items/{item_id}/claim")
        if item["status"] == "ASSIGNED":
            client.post(f"work-items/{item_id}/start")
        answer: dict[str, object] = {} if outcome is None else {"outcome": outcome}
        if resolution is not None:
            answer["resolution"] = resolution
        if reason:
            answer["reason"] = reason
        done: dict[str, Any] = client.post(f"work-items/{item_id}/complete", answer)
        return done


@contextlib.contextmanager
def opened(url: str, usernames: tuple[str, ...], tell: Transcript) -> Iterator[Stage]:
    """Connect as each of `usernames`, of the demo tenant or wherever the cast says, with a token
    made as `create_token` does.

    Raises ScenarioFailed if one of them does not exist, NotLoopback for a foreign URL.
    """
    address = require_loopback(url)
    with contextlib.ExitStack() as stack:
        clients: dict[str, Client] = {}
        tenant_id: uuid.UUID | None = None
        for username in usernames:
            slug = _ELSEWHERE.get(username, TENANT)
            acting = acting_as(username, tenant_slug=slug)
            if acting is None:
                raise ScenarioFailed(
                    f"there is no user {username!r} in tenant {slug!r}: is the demo data loaded?"
                )
            tenant_id = acting.tenant_id if slug == TENANT else tenant_id
            token = create_token(acting, name="scenario")
            client = Client(address, username=username, token=token)
            clients[username] = stack.enter_context(contextlib.closing(client))
        if tenant_id is None:
            raise ScenarioFailed("a scenario needs at least one person")
        yield Stage(address, clients, tenant_id, tell)


def check_ledger(stage: Stage) -> None:
    """Check every chain of the ledger, as `manage.py verify_ledger` does."""
    try:
        report = verify()
    except Broken as broken:
        stage.tell.check("the ledger holds", expected="every hash as stored", found=str(broken))
        return
    stage.tell.check(
        f"the ledger holds: {report.entries} entries in {report.chains} chains",
        expected=True,
        found=report.entries > 0,
    )
