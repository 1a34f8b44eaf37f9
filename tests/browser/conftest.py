"""A real Chromium in front of the live server."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any, Literal, Protocol

import pytest
from playwright.sync_api import Browser
from pytest_django.live_server_helper import LiveServer

from accounts.acting import ActingUser
from tests.browser.tab import Tab
from tests.clients import browser as signed_in

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
TIMEOUT_MS = 15_000


class OpenTab(Protocol):
    """Opens a watched tab, signed in as `who` (None: signed out)."""

    def __call__(
        self,
        who: ActingUser | None = None,
        *,
        javascript: bool = True,
        scheme: Literal["light", "dark"] = "light",
        width: int = 1280,
    ) -> Tab: ...


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Start the system's Chromium; nothing is downloaded."""
    found = [path for name in CHROMIUM if (path := shutil.which(name))]
    assert found, f"no Chromium on PATH ({', '.join(CHROMIUM)})"
    return {**browser_type_launch_args, "executable_path": found[0], "args": FLAGS}


@pytest.fixture
def open_tab(browser: Browser, live_server: LiveServer) -> Iterator[OpenTab]:
    """Open watched tabs; at the end no tab may have kept a problem."""
    tabs: list[Tab] = []

    def open_one(
        who: ActingUser | None = None,
        *,
        javascript: bool = True,
        scheme: Literal["light", "dark"] = "light",
        width: int = 1280,
    ) -> Tab:
        # Set before the first page: colours in the middle of a change have other contrasts.
        context = browser.new_context(
            java_script_enabled=javascript,
            color_scheme=scheme,
            reduced_motion="reduce",
            viewport={"width": width, "height": 900},
            locale="en-GB",
            timezone_id="UTC",
        )
        context.set_default_timeout(TIMEOUT_MS)
        if who is not None:
            cookie = signed_in(who).cookies["sessionid"]
            context.add_cookies(
                [{"name": "sessionid", "value": cookie.value, "url": live_server.url}]
            )
        tab = Tab(context, context.new_page(), live_server.url)
        tab.watch(javascript=javascript)
        tabs.append(tab)
        return tab

    yield open_one
    problems = [problem for tab in tabs for problem in tab.problems]
    for tab in tabs:
        tab.context.close()
    assert problems == []
