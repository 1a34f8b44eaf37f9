"""What scenarios stand on: the people's connections, waiting with a deadline, the transcript."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from accounts.actions import create_token
from accounts.selectors import acting_as
from config.demo.client import Client, require_loopback
from config.demo.scenarios.transcript import Transcript

TENANT = "demo"
#: Longest wait for one thing to happen, and how often the server is asked about it.
WAIT_SECONDS = 60.0
ASK_SECONDS = 0.1

Found = TypeVar("Found")


class ScenarioFailed(Exception):
    """The story cannot go on; the message says why."""


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
        outcome: str,
        resolution: Mapping[str, object] | None = None,
    ) -> dict[str, Any]:
        """Let a person claim, start and complete a work item; return it as it is then."""
        client = self.client(username)
        item = client.get(f"work-items/{item_id}")
        if item["status"] == "PENDING":
            item = client.post(f"work-items/{item_id}/claim").body
        if item["status"] == "ASSIGNED":
            client.post(f"work-items/{item_id}/start")
        answer: dict[str, object] = {"outcome": outcome}
        if resolution is not None:
            answer["resolution"] = resolution
        done: dict[str, Any] = client.post(f"work-items/{item_id}/complete", answer).body
        return done


@contextlib.contextmanager
def opened(url: str, usernames: tuple[str, ...], tell: Transcript) -> Iterator[Stage]:
    """Connect as each of `usernames` of the demo tenant, with a token made as `create_token` does.

    Raises ScenarioFailed if one of them does not exist, NotLoopback for a foreign URL.
    """
    address = require_loopback(url)
    with contextlib.ExitStack() as stack:
        clients: dict[str, Client] = {}
        tenant_id: uuid.UUID | None = None
        for username in usernames:
            acting = acting_as(username, tenant_slug=TENANT)
            if acting is None:
                raise ScenarioFailed(
                    f"there is no user {username!r} in tenant {TENANT!r}: is the demo data loaded?"
                )
            tenant_id = acting.tenant_id
            token = create_token(acting, name="scenario")
            clients[username] = stack.enter_context(Client(address, username=username, token=token))
        if tenant_id is None:
            raise ScenarioFailed("a scenario needs at least one person")
        yield Stage(address, clients, tenant_id, tell)
