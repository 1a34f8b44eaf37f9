"""The demo's first page: who can log in, and a story that may be loaded twice."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client

from accounts.acting import ActingUser
from accounts.selectors import acting_as
from cases.selectors import cases
from config.demo import story, views
from config.demo.demo_people import CAST, PASSWORD
from ledger.tenancy import tenant_scope
from tests.clients import browser
from tests.draining import drain
from tests.pages import text_of
from tests.world import World

URL = "/demo/story/"


def person(username: str, slug: str = "demo") -> ActingUser:
    """Return one of the demo's people."""
    found = acting_as(username, tenant_slug=slug)
    assert found is not None
    return found


@pytest.fixture
def demo(own_database: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Load the demo, in which nothing has been told; a worker works while the story waits."""
    call_command("load_demo")
    monkeypatch.setattr("config.demo.story.time.sleep", lambda _seconds: drain())
    yield
    drain()


def told() -> list[tuple[str, str]]:
    """Return the cases of the demo, in which nothing but the story is: id and status."""
    operator = person("operator")
    with tenant_scope(operator.tenant_id):
        rows = cases(operator.tenant_id)
        return [(str(case.id), str(case.status)) for case in rows]


def test_the_first_page_says_who_can_log_in_and_with_what(transactional_db: None) -> None:
    page = text_of(Client().get("/accounts/login/").content)
    for player in CAST:
        assert (f"{player.username} {player.name}" in page) is player.signs_in
    assert PASSWORD in page
    assert "Load the story" in page


def test_without_the_demo_the_first_page_says_nothing_of_it(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.nav._hints", {})
    page = text_of(Client().get("/accounts/login/").content)
    assert PASSWORD not in page
    assert "Load the story" not in page


def test_the_story_is_told_once_and_leads_to_its_case(demo: None) -> None:
    client = Client()
    first = client.post(URL)
    [(case_id, _status)] = told()
    assert (first.status_code, first["Location"]) == (
        302, f"/accounts/login/?next=%2Fcases%2F{case_id}%2F",
    )  # fmt: skip
    assert "The story is there." in text_of(client.get(first["Location"]).content)
    drain()
    assert told() == [(case_id, "COMPLETED")]
    # What the case knows is what a loan knows, as its schema declares it, and nothing of telling.
    page = browser(person("operator")).get(f"/cases/{case_id}/").content
    said = text_of(page).replace("\N{NO-BREAK SPACE}", " ")
    assert "Applicant R. Vega Amount 2,500.00 EUR Adviser You Paid from bank" in said
    assert "Value 310,000.00 EUR" in said
    assert "From balance 7,500.00 EUR" in said
    assert "told" not in said.lower()
    again = browser(person("operator")).post(URL)
    assert (again.status_code, again["Location"]) == (302, f"/cases/{case_id}/")
    drain()
    assert told() == [(case_id, "COMPLETED")]


def test_it_goes_on_where_it_stopped(demo: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "SECONDS", 0.0)
    client = Client()
    said = text_of(client.get(client.post(URL)["Location"]).content)
    assert "0 of 3 steps are told" in said
    drain()
    said = text_of(client.get(client.post(URL)["Location"]).content)
    assert "1 of 3 steps are told" in said
    monkeypatch.setattr(views, "SECONDS", 30.0)
    client.post(URL)
    drain()
    assert [status for _id, status in told()] == ["COMPLETED"]


def test_of_two_at_once_there_is_one_story(demo: None) -> None:
    both, found = threading.Barrier(2), []

    def press() -> None:
        try:
            both.wait(10)
            found.append(story._begin(person("operator")))  # noqa: SLF001  -- the race itself
        finally:
            connection.close()

    threads = [threading.Thread(target=press) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 2
    assert len(set(found)) == 1
    assert [uuid.UUID(case) for case, _status in told()] == [found[0]]


@pytest.mark.parametrize(
    ("username", "slug"), [("analyst", "demo"), ("auditor", "demo"), ("outsider", "other")]
)
def test_who_could_not_open_a_case_there_tells_no_story(
    demo: None, username: str, slug: str
) -> None:
    assert browser(person(username, slug)).post(URL).status_code == 403
    assert told() == []


def test_it_takes_a_form_of_ours_and_only_that(demo: None, world: World) -> None:
    assert Client(enforce_csrf_checks=True).post(URL).status_code == 403
    # An address that is only sent to leads to where that is done.
    assert Client().get(URL).status_code == 302
    assert browser(world.operator).post(URL).status_code == 403
    assert told() == []
