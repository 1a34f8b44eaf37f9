"""A page to look at: who does, where, and what is done there first."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from http import HTTPStatus

from playwright.sync_api import Page

from accounts.acting import ActingUser


@dataclasses.dataclass(frozen=True, slots=True)
class Visit:
    """A page at `path`, as `who` sees it (None: signed out).

    `status` is what it answers; `then` brings it into the state that is looked at.
    """

    who: ActingUser | None
    path: str
    status: int = HTTPStatus.OK
    then: Callable[[Page], object] | None = None


def fold_out(page: Page) -> None:
    """Open whatever can be opened inside the page."""
    page.evaluate("() => document.querySelectorAll('main details').forEach(it => it.open = true)")
