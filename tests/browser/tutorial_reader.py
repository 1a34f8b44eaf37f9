"""Somebody who does what the tutorial says, and nothing else: a browser window for each person, and
a terminal."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Literal, TypeVar, get_args

from playwright.sync_api import Browser, Locator, Page, Response
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from tests.browser.tab import Tab
from tests.browser.tutorial_text import Act, Sentence
from tests.subprocesses import manage

Found = TypeVar("Found")

Role = Literal["button", "link", "radio", "checkbox"]
PRESSED: tuple[Role, ...] = get_args(Role)
#: What is said of a page that is not as it should be.
_SHOWN = 1500
_MANAGE = [".venv/bin/python", "manage.py"]
_START = "make run"
#: So long what was seen a moment ago is looked for by its name.
_STILL_THERE_MS = 1000
#: What the browser says of an element that was renewed meanwhile.
_GONE = "not attached to the DOM"


class Lie(AssertionError):
    """A sentence of the tutorial says what is not so."""


class Reader:
    """Reads sentence after sentence and does what each says, at the pages at `url`.

    `patience`: for so many seconds what is named may take to be there. No page is loaded again for
    it: it renews itself, as the tutorial says.
    """

    def __init__(self, browser: Browser, url: str, *, patience: float) -> None:
        self._browser, self._url, self._patience = browser, url, patience
        self._tabs: dict[str, Tab] = {}
        self._who = self._password = ""
        self._printed: list[str] = []
        self._do: dict[str, Callable[[Act], None]] = {
            "as": self._go_on_as,
            "password": self._remember,
            "press": self._press,
            "fill": self._fill,
            "open": self._open,
            "see": self._see,
            "run": self._run,
            "printed": self._was_printed,
        }

    def follow(self, sentences: Iterable[Sentence]) -> None:
        """Do all that is said. Raises Lie with the sentence that is not so."""
        for sentence in sentences:
            for act in sentence.acts:
                try:
                    self._do[act.kind](act)
                except Exception as error:
                    raise Lie(f"{sentence}\n  {act.kind} {act.what!r}: {error}") from error

    def close(self) -> list[str]:
        """Close every window and return what pages did that they should not."""
        for tab in self._tabs.values():
            tab.context.close()
        return [f"{who}: {each}" for who, tab in self._tabs.items() for each in tab.problems]

    @property
    def _page(self) -> Page:
        return self._tabs[self._who].page

    def _go_on_as(self, act: Act) -> None:
        self._who = act.what
        if self._who in self._tabs:
            # The browser tells a page that its window is looked at again.
            self._page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
            return
        context = self._browser.new_context(
            viewport={"width": 1280, "height": 900}, reduced_motion="reduce",
            locale="en-GB", timezone_id="UTC",
        )  # fmt: skip
        tab = Tab(context, context.new_page(), self._url)
        tab.watch(javascript=True)
        self._tabs[self._who] = tab
        page = tab.go("/")
        page.get_by_label("Username").fill(self._who)
        page.get_by_label("Password").fill(self._password)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url(f"{self._url}/inbox/")

    def _remember(self, act: Act) -> None:
        self._password = act.what

    def _press(self, act: Act) -> None:
        deadline = time.monotonic() + self._patience
        while not self._pressed(act.what):
            if time.monotonic() > deadline:
                raise LookupError(f"{act.what!r} is renewed again and again, and cannot be pressed")

    def _pressed(self, name: str) -> bool:
        """Press what bears this name. Return whether it was still in the page.

        The element is held, not its name: news may come between the look and the press and make
        “Inbox” “Inbox 1”, and whoever waits for the old name waits in vain.
        """
        role, found = self._await(name, lambda: next(self._pressable(name), None))
        try:
            held = found.element_handle(timeout=_STILL_THERE_MS)
        except PlaywrightTimeout:
            return False
        try:
            held.check() if role in {"radio", "checkbox"} else held.click()
        except PlaywrightError as error:
            if _GONE in str(error):
                return False
            raise
        self._page.wait_for_load_state()
        return True

    def _pressable(self, name: str) -> Iterator[tuple[Role, Locator]]:
        """Yield what a reader may mean: of that very name first, in the page before its frame."""
        begins = re.compile(rf"^\s*{re.escape(name)}(?!\w)")
        places = (self._page.get_by_role("main"), self._page.locator("body"))
        for wanted in (re.compile(rf"^\s*{re.escape(name)}\s*$"), begins):
            for place in places:
                for role in PRESSED:
                    found = place.get_by_role(role, name=wanted).filter(visible=True)
                    if found.count():
                        yield role, found.first
        folded = self._page.locator("summary", has=self._page.get_by_text(name, exact=True))
        if folded.filter(visible=True).count():
            yield "button", folded.filter(visible=True).first

    def _fill(self, act: Act) -> None:
        named = re.compile(rf"^\s*{re.escape(act.what)}")
        page = self._page

        def look() -> Locator | None:
            # By what is shown of the name first: of some fields it changes with the answer above.
            for found in (
                page.get_by_role("textbox", name=named),
                page.get_by_role("combobox", name=named),
                page.get_by_label(named),
            ):
                if found.filter(visible=True).count():
                    return found.filter(visible=True).first
            return None

        field = self._await(act.what, look)
        if field.evaluate("element => element.tagName") == "SELECT":
            field.select_option(label=act.value)
        else:
            field.fill(act.value)

    def _open(self, act: Act) -> None:
        self._tabs[self._who].go(act.what)

    def _see(self, act: Act) -> None:
        self._await(act.what, lambda: act.what in self._text() or None)

    def _text(self) -> str:
        return " ".join(self._page.locator("body").inner_text().split())

    def _await(self, what: str, look: Callable[[], Found | None]) -> Found:
        deadline = time.monotonic() + self._patience
        while (found := look()) is None:
            if not self._renewed(deadline - time.monotonic()):
                text = self._text()[:_SHOWN]
                raise LookupError(
                    f"{what!r} is not at {self._page.url}, where {self._who} reads: {text}"
                )
        return found

    def _renewed(self, seconds: float) -> bool:
        """Wait until the page has asked for its news once more, or show those behind its bar."""
        if seconds <= 0:
            return False
        page, more = self._page, self._page.locator("[data-live-show]")
        if more.is_visible():
            more.click()
            return True
        try:
            with page.expect_response(_is_news, timeout=seconds * 1000):
                pass
        except PlaywrightTimeout:
            return False
        page.wait_for_function("() => !document.querySelector('#live.htmx-request')")
        return True

    def _run(self, act: Act) -> None:
        words = shlex.split(act.what)
        if act.what == _START:
            # What it starts runs already: the pages at `url`.
            return
        if words[:2] != _MANAGE:
            raise LookupError("this command is not known here")
        done = manage(*words[2:], AMENDS_URL=self._url)
        if done.returncode != 0:
            raise AssertionError(f"it exits {done.returncode}:\n{done.stdout}\n{done.stderr}")
        self._printed = [line.rstrip() for line in done.stdout.splitlines()]

    def _was_printed(self, act: Act) -> None:
        """Find the shown lines one below the other; … stands for any number of others."""
        place, anywhere = 0, True
        for line in filter(None, map(str.rstrip, act.what.splitlines())):
            if line.strip() == "…":
                anywhere = True
                continue
            rest = self._printed[place:] if anywhere else self._printed[place : place + 1]
            if line not in rest:
                raise LookupError(
                    f"{line!r} is not printed there, but:\n" + "\n".join(self._printed)
                )
            place, anywhere = place + rest.index(line) + 1, False


def _is_news(answer: Response) -> bool:
    return "amends-live" in answer.request.headers
