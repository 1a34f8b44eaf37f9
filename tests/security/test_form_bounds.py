"""Whatever a page is sent, it reads little of it and shows less of it again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import resolve, reverse
from pytest_django.plugin import DjangoDbBlocker

from json_values.limits import PAYLOAD_BYTES
from tests.clients import browser
from tests.security.matrix import Route, Row, routes, written
from tests.world import World, make_world
from web.form_size import FORM_BYTES

ROWS = written()
PAGES = [route for route in routes() if not route.is_api and "POST" in route.methods]
FORM = "application/x-www-form-urlencoded"
LOG_IN = "/accounts/login/"
# A page without what was typed, and each character of that as HTML writes the longest.
PAGE, ESCAPED = 96 * 1024, 6


@pytest.fixture(scope="module")
def cast(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    """One tenant for all of them."""
    with django_db_blocker.unblock():
        yield make_world()


def sent(client: Client, url: str, body: str) -> Any:
    return client.post(url, body, content_type=FORM)


@pytest.mark.parametrize("route", PAGES, ids=[route.name for route in PAGES])
def test_a_page_takes_no_longer_form_than_it_can_use(cast: World, route: Route) -> None:
    row: Row = ROWS[route.name]
    client = browser(cast.operator)
    client.raise_request_exception = False
    kwargs = row.make(cast)
    url = reverse(route.name, kwargs=kwargs)
    page: Any = getattr(resolve(url).func, "view_class")  # noqa: B009  -- Django's
    room: int = page.largest_form() if hasattr(page, "largest_form") else FORM_BYTES
    # A file is longer than any text; it is read once, and shown nowhere.
    assert room < (11 if getattr(page, "takes_file", False) else 4) * 1024 * 1024
    refused = sent(client, url, "x" * (room + 1))
    assert refused.status_code == 413
    assert len(refused.content) < PAGE
    expected = row.expectation("POST")
    assert expected is not None
    good = expected.body(cast, kwargs) if callable(expected.body) else expected.body
    for name in {*good, "reason", "version"}:
        others = urlencode({key: value for key, value in good.items() if key != name})
        answer = sent(client, url, f"{others}&{name}=" + '"' * (room - len(others) - len(name) - 2))
        assert answer.status_code < 500, name
        assert len(answer.content) < PAGE + ESCAPED * PAYLOAD_BYTES, name


@pytest.mark.django_db
def test_a_log_in_shows_no_long_name_again() -> None:
    assert sent(Client(), LOG_IN, "username=" + "&" * (16 * 1024)).status_code == 413
    shown = sent(Client(), LOG_IN, "username=" + '"' * (15 * 1024))
    assert shown.status_code == 200
    assert shown.content.count(b"&quot;") == 150


@pytest.mark.django_db
def test_no_page_takes_a_file() -> None:
    def answer_to(size: int) -> Any:
        file = SimpleUploadedFile("a", b"x" * size)
        return Client().post(LOG_IN, {"username": "a", "password": "b", "file": file})

    assert answer_to(3 * 1024 * 1024).status_code == 413
    passed_over = answer_to(1024)
    assert passed_over.status_code == 200
    assert not passed_over.wsgi_request.FILES


def test_the_admin_takes_no_long_form_either(cast: World) -> None:
    client = browser(cast.admin)
    url = "/admin/workitems/workitem/"
    assert sent(client, url, "x" * (FORM_BYTES + 1)).status_code == 413
    assert sent(client, url, "x" * FORM_BYTES).status_code in {200, 302}
