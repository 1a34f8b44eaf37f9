"""Every page: twelve queries at most, as many with much data as with little.

Every statement counts: session, user, membership, roles, the counts of the navigation, and settings
too. Only what frames a transaction does not: BEGIN with the tenant's setting, COMMIT, savepoints.

Pages are found from the addresses: a new one is checked by itself, and one with arguments must be
told here what it may show. Those of Django's admin are found from the kinds of rows it has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django.contrib.admin import site
from django.db import connection, reset_queries
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django.plugin import DjangoDbBlocker

from tests.draining import leave_behind
from tests.much_or_little import LITTLE, MUCH, Seen, Told, tell
from tests.security.matrix import Route, routes
from workitems.inbox_tabs import TABS

MOST = 12
FRAMING = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")
# What answers a browser's GET and is no page: it leads somewhere, is a button, or a file.
NO_PAGES = {"home", "demo:story", "workitems:attachment"}


@pytest.fixture(scope="module")
def told(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[tuple[Told, Told]]:
    """Tell it once with little and once with much."""
    with django_db_blocker.unblock():
        leave_behind()
        yield tell(LITTLE), tell(MUCH)


def pages() -> list[Route]:
    """Return every page of the application; the admin's are found by its kinds of rows."""
    return [
        route
        for route in routes()
        if not route.is_api
        and not route.pattern.startswith("admin/")
        and route.methods & {"GET", "*"}
        and route.name not in NO_PAGES
    ]


def seen_at(route: Route, told: Told) -> Seen:
    """Return what a page may show, by what is seen there."""
    if not route.has_arguments:
        return {"": {}}
    by_prefix = {
        "work-items/<": told.items,
        "work-items/templates/": told.templates,
        "work-items/schedules/": told.schedules,
        "cases/definitions/": {"": {"namespace": "tests", "name": "long", "version": "1.0.0"}},
        "cases/": told.cases,
        "executions/": told.executions,
        "batches/": told.batches,
        "approvals/": told.approvals,
        "policies/": told.policies,
        "compensation-runs/<uuid:id>/steps/": told.steps,
        "compensation-runs/": told.runs,
        "compensation-plans/": told.plans,
        "compensation-requests/": told.requests,
        "ledger/entries/": told.entries,
        "ledger/subjects/": told.subjects,
        "ledger/erasures/": told.erasures,
        "ledger/legal-holds/": told.holds,
        "ledger/retention/": told.retention,
        "notifications/": told.notices,
        "events/": told.events,
        "substitutions/": told.absences,
        "signature-keys/": told.keys,
        "members/": {"one": {"id": told.world.analyst.actor_id}},
    }
    found = next((each for start, each in by_prefix.items() if route.pattern.startswith(start)), {})
    assert found, f"nobody has said what {route.pattern} shows"
    return found


def urls(told: Told) -> dict[tuple[str, str], str]:
    """Return the addresses of every page, by its name and what is seen there."""
    found = {
        (route.name, name): reverse(route.name, kwargs=kwargs)
        for route in pages()
        for name, kwargs in seen_at(route, told).items()
    }
    found |= {("workitems:inbox", tab.key): f"/inbox/?tab={tab.key}" for tab in TABS}
    found |= {("search", text): f"/search/?q={text}" for text in ("1", "done", "the")}
    about, plan = (told.cases["done"]["id"], told.plans["open"]["id"])
    found["compensation:rollback-case", "again"] = f"/cases/{about}/rollback/?plan={plan}"
    found["workitems:detail", "all around"] = (
        f"/work-items/{told.items['with much around']['id']}/?around=all"
    )
    found["workitems:all", "narrowed"] = (
        f"/work-items/?case={told.cases['fresh']['id']}&label=label+0&kind=TASK"
    )
    found["cases:detail", "problems"] = f"/cases/{told.cases['stuck']['id']}/?problems=1"
    found["compensation:runs", "live"] = "/compensation-runs/?show=live"
    found |= {
        ("governance:approvals", view): f"/approvals/?show={view}" for view in ("asked", "all")
    }
    found["compensation:requests", "all"] = "/compensation-requests/?show=all"
    found["audit:entries", "filtered"] = "/ledger/?type=work_item&action=completed"
    found["audit:report", "asked"] = "/ledger/report/?since=2000-01-01"
    found["cases:start", "chosen"] = "/cases/new/?definition=tests/long"
    return found


def cost(told: Told, url: str, enough: int = 0) -> tuple[int, int]:
    """Return the status of a page and its queries. A process reads a definition once: a page that
    takes more than `enough` the first time is asked for again, and that counts."""
    found = _sent(told, url)
    return found if found[1] <= enough else _sent(told, url)


def _sent(told: Told, url: str) -> tuple[int, int]:
    reset_queries()
    with CaptureQueriesContext(connection) as captured:
        status = told.client.get(url).status_code
    sent = [each["sql"] for each in captured.captured_queries]
    return status, len([sql for sql in sent if not sql.startswith(FRAMING)])


@pytest.mark.parametrize("name", sorted(route.name for route in pages()))
def test_a_page_takes_twelve_queries_and_no_more_the_more_there_is(
    told: tuple[Told, Told], name: str
) -> None:
    with_little, with_much = (
        {key: url for key, url in urls(each).items() if key[0] == name} for each in told
    )
    little = {key: cost(told[0], url) for key, url in with_little.items()}
    much = {key: cost(told[1], url, min(MOST, little[key][1])) for key, url in with_much.items()}
    assert {key: status for key, (status, _n) in little.items()} == {
        key: status for key, (status, _n) in much.items()
    }
    assert {status for status, _n in much.values()} & {200, 303}
    assert {key: number for key, (_status, number) in much.items() if number > MOST} == {}
    grown = {
        key: (number, much[key][1])
        for key, (_status, number) in little.items()
        if much[key][1] > number
    }
    assert grown == {}


@pytest.mark.parametrize("kind", ["", *sorted(each._meta.label_lower for each in site._registry)])  # noqa: SLF001  -- Django's documented name
def test_a_page_of_the_admin_takes_twelve_queries(told: tuple[Told, Told], kind: str) -> None:
    """Much is more rows than that: a query for each would show."""
    for each in told:
        listed = reverse(f"admin:{kind.replace('.', '_')}_changelist" if kind else "admin:index")
        html = each.client.get(listed).content.decode()
        rows = re.findall(rf'"({listed}[^/"]+)/change/[^"]*"', html)[:1]
        assert rows or not kind, "nothing is listed"
        urls = [listed, *(f"{row}/{page}/" for row in rows for page in ("change", "history"))]
        found = {url: cost(each, url, MOST) for url in urls}
        assert {status for status, _number in found.values()} == {200}
        assert {url: number for url, (_status, number) in found.items() if number > MOST} == {}
