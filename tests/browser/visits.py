"""A page to look at: who does, where, and what is done there first."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from http import HTTPStatus

import pytest
from playwright.sync_api import Page

from accounts.acting import ActingUser


@dataclasses.dataclass(frozen=True, slots=True)
class Visit:
    """A page at `path`, as `who` sees it (None: signed out).

    `status` is what it answers; `then` brings it into the state that is looked at; `lent` is what
    stands in for parts of the server while it is asked for, by their names.
    """

    who: ActingUser | None
    path: str
    status: int = HTTPStatus.OK
    then: Callable[[Page], object] | None = None
    lent: Mapping[str, object] = dataclasses.field(default_factory=dict)

    def to(self, page: Page, url: str) -> int:
        """Go there and return what was answered, before `then`."""
        with pytest.MonkeyPatch.context() as patch:
            for name, part in self.lent.items():
                patch.setattr(name, part)
            answer = page.goto(f"{url}{self.path}")
        assert answer is not None, self.path
        return answer.status


def fold_out(page: Page) -> None:
    """Open whatever can be opened inside the page."""
    page.evaluate("() => document.querySelectorAll('main details').forEach(it => it.open = true)")
