"""Every list of the API and every page of the browser is measured, or it is said why it is not."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
import yaml
from django.urls import URLPattern, URLResolver, get_resolver, resolve

from benchmarks.list_pages import DEEP_PAGES, PAGES
from web.verb_pages import VerbPage

OPENAPI = Path(__file__).resolve().parents[2] / "docs/reference/openapi.yaml"
#: Not ours, or not read: what serves files, signs in, or is Django's.
ELSEWHERE = ("accounts/", "admin/", "static/", "api/")
A_FORM = "a form"
A_FILE = "a file about one thing, whole"
NO_LIST = "one thing; what it shows of others does not grow with the tenant"
NOT_MEASURED = {
    "": "leads to another page",
    "demo/story/": "makes a story, for demonstrations",
    "settings/": A_FORM,
    "notifications/<uuid:id>/open/": "leads to another page",
    "undo-figures/": "figures of a period, not rows",
    **dict.fromkeys(
        [
            "batches/<uuid:id>/rollback/", "cases/<uuid:id>/rollback/",
            "executions/<uuid:id>/rollback/", "work-items/<uuid:id>/rollback/",
            "work-items/new/", "work-items/<uuid:id>/spawn/",
            "work-items/schedules/<uuid:id>/edit/", "work-items/templates/<uuid:id>/new-version/",
        ],
        A_FORM,
    ),
    **dict.fromkeys(
        [
            "cases/<uuid:id>/causal-chain.svg", "cases/<uuid:id>/causal-chain.dot",
            "work-items/<uuid:id>/causal-chain.svg", "work-items/<uuid:id>/causal-chain.dot",
            "work-items/<uuid:id>/attachments/<uuid:attachment>/",
        ],
        A_FILE,
    ),
    **dict.fromkeys(
        [
            "cases/definitions/<str:namespace>/<str:name>/<str:version>/",
            "compensation-plans/<uuid:id>/", "compensation-runs/<uuid:id>/steps/<int:n>/",
            "events/<uuid:id>/", "ledger/entries/<uuid:id>/", "ledger/erasures/<uuid:id>/",
            "work-items/templates/<uuid:id>/",
        ],
        NO_LIST,
    ),
    "ledger/check/": "what the check of the ledger does at the moment",
    "ledger/check-export/": A_FORM,
    "ledger/health/": "figures, not rows",
}  # fmt: skip


def addresses() -> Iterator[str]:
    """Yield what is measured."""
    words: dict[str, UUID] = defaultdict(lambda: UUID(int=7))
    for each in (*PAGES.values(), *DEEP_PAGES.values()):
        yield each.format_map(words).partition("?")[0]


def measured() -> set[str]:
    """Return the routes of what is measured, as the resolver writes them."""
    return {resolve(each).route for each in addresses()}


def pages(
    patterns: list[URLPattern | URLResolver] | None = None, before: str = ""
) -> Iterator[str]:
    """Yield the route of every page of the browser, but for those that ask for one verb's input."""
    for each in get_resolver().url_patterns if patterns is None else patterns:
        route = f"{before}{each.pattern}"
        if isinstance(each, URLResolver):
            yield from pages(each.url_patterns, route)
        elif not route.startswith(ELSEWHERE):
            view = getattr(each.callback, "view_class", None)
            if view is None or (hasattr(view, "get") and not issubclass(view, VerbPage)):
                yield route


def api_lists() -> set[str]:
    """Return the routes of every operation that answers with a page of a list."""
    described = yaml.safe_load(OPENAPI.read_text(encoding="utf-8"))["paths"]
    return {
        address.removeprefix("/")
        for address, operations in described.items()
        if any(each["name"] == "limit" for each in operations.get("get", {}).get("parameters", ()))
    }


def test_every_list_of_the_api_is_measured() -> None:
    found = {re.sub(r"<\w+:(\w+)>", r"{\1}", each) for each in measured()}
    assert sorted(api_lists() - found) == []


def test_every_page_is_measured_or_it_is_said_why_not() -> None:
    assert sorted({*pages()} - measured() - set(NOT_MEASURED)) == []


def test_what_is_not_measured_is_there_and_is_not_measured() -> None:
    assert sorted(set(NOT_MEASURED) - {*pages()}) == []
    assert sorted(set(NOT_MEASURED) & measured()) == []


@pytest.mark.parametrize("route", ["api/v1/approvals", "api/v1/work-items/{id}/notes"])
def test_lists_are_known_by_their_limit(route: str) -> None:
    assert route in api_lists()


@pytest.mark.parametrize("route", ["events/", "compensation-runs/<uuid:id>/", "ledger/"])
def test_pages_are_known_by_their_routes(route: str) -> None:
    assert route in {*pages()}


def test_no_name_of_a_page_is_that_of_a_deep_one() -> None:
    assert not {f"api {name} deep" for name in DEEP_PAGES} & set(PAGES)
