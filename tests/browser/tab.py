"""A watched browser tab: whatever a page should not do is kept, and fails the test at its end."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, Response, WebError

SERVER_ERROR = 500
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_AXE = {
    "runOnly": {"type": "tag", "values": _RULES},
    # Not among the defaults of its tag.
    "rules": {"target-size": {"enabled": True}},
    "resultTypes": ["violations"],
    # Loading style sheets a second time would itself break the content security policy.
    "preload": False,
}
_IS_THERE = "() => 'axe' in window"
# What else axe found out about every node would only be carried over to be dropped.
_VIOLATIONS = "options => axe.run(options).then(found => found.violations)"
#: The rules that find another answer in other colours.
_COLOURS = ["color-contrast", "link-in-text-block"]
_ON_VIOLATION = """
document.addEventListener('securitypolicyviolation', (event) => {
  window.amendsPolicyViolation(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
});
"""
_OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
_STATUS = re.compile(r"responded with a status of (\d+)")


@dataclasses.dataclass
class Tab:
    """One tab of one person, in a context of its own.

    `expected` are the HTTP error statuses that the test provokes on purpose; Chromium reports each
    as an error in the console.
    """

    context: BrowserContext
    page: Page
    url: str
    expected: set[int] = dataclasses.field(default_factory=set)
    problems: list[str] = dataclasses.field(default_factory=list)

    def go(self, path: str) -> Page:
        """Open a page of the application."""
        self.page.goto(f"{self.url}{path}")
        return self.page

    @property
    def path(self) -> str:
        """Where the tab is."""
        return self.page.url.removeprefix(self.url)

    def violations(self, *, colours_only: bool = False) -> list[str]:
        """Return what axe finds wrong with the page as it is now, one line each."""
        if not self.page.evaluate(_IS_THERE):
            self.page.evaluate(AXE_SCRIPT)
        colours = _AXE | {"runOnly": {"type": "rule", "values": _COLOURS}, "rules": {}}
        found: list[dict[str, Any]] = self.page.evaluate(
            _VIOLATIONS, colours if colours_only else _AXE
        )
        return [
            f"{rule['id']} at {' '.join(map(str, node['target']))}: {node['failureSummary']}"
            for rule in found
            for node in rule["nodes"]
        ]

    def overflow(self) -> int:
        """Return by how many CSS pixels the page is wider than its window."""
        return int(self.page.evaluate(_OVERFLOW))

    def watch(self, *, javascript: bool) -> None:
        """Start to keep problems."""
        self.context.on("weberror", self._web_error)
        self.context.on("request", self._request)
        self.context.on("response", self._response)
        self.page.on("console", self._console)
        if javascript:
            self.context.expose_binding("amendsPolicyViolation", self._policy)
            self.context.add_init_script(_ON_VIOLATION)

    def _web_error(self, error: WebError) -> None:
        self.problems.append(f"script error: {error.error}")

    def _request(self, request: Request) -> None:
        if not request.url.startswith((f"{self.url}/", "data:")):
            self.problems.append(f"foreign request: {request.url}")

    def _response(self, response: Response) -> None:
        if response.status >= SERVER_ERROR and response.status not in self.expected:
            self.problems.append(f"{response.status}: {response.url}")

    def _console(self, message: ConsoleMessage) -> None:
        if message.type not in {"error", "warning"}:
            return
        status = _STATUS.search(message.text)
        if status is None or int(status[1]) not in self.expected:
            self.problems.append(f"console {message.type}: {message.text} {message.location}")

    def _policy(self, _source: Any, text: str) -> None:
        self.problems.append(f"content security policy: {text}")
