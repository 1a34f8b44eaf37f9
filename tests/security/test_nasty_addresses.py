"""No address that anybody can type ends in a fault of ours: what has no such text is not found."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.test import Client
from django.urls import reverse
from pytest_django.plugin import DjangoDbBlocker

from tests.clients import api, browser
from tests.security.matrix import routes, written
from tests.world import World, make_world

ROWS = written()
READ = {route.name: route for route in routes() if "GET" in route.methods}
PARAMETERS = (
    "q status kind compensation_state assignee candidate case definition capability cursor limit"
    " subject type actor action since until tab show step unread channel event problems next"
).split()
NUL, STRANGE = "a\x00b", "\x1b\u202e\x7f\ufffe\uffff\n"
PATHS = [
    "/api/v1/case-definitions/{0}/b/1.0.0",
    "/api/v1/case-definitions/a/{0}/1.0.0/graph",
    "/api/v1/case-definitions/a/b/{0}",
    "/api/v1/problems/{0}",
    "/api/v1/work-items/{0}",
    "/api/v1/{0}",
    "/cases/definitions/{0}/b/1.0.0/",
    "/work-items/{0}/",
    "/ledger/subjects/{0}/x/",
    "/{0}",
    "/admin/workitems/workitem/{0}/change/",
    "/admin/cases/case/{0}/history/",
    "/admin/{0}/",
]
ADMIN = ["workitems/workitem", "cases/case", "cases/casedefinition", "executions/execution",
         "compensation/compensationrun"]  # fmt: skip


@pytest.fixture(scope="module")
def cast(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    """One tenant for all of them: nothing is changed."""
    with django_db_blocker.unblock():
        yield make_world()


@pytest.mark.parametrize("name", sorted(READ))
def test_no_query_is_a_fault(cast: World, name: str) -> None:
    client = (api if READ[name].is_api else browser)(cast.operator)
    client.raise_request_exception = False
    url = reverse(name, kwargs=ROWS[name].make(cast))
    assert client.get(f"{url}?{urlencode({'q': NUL})}").status_code in {404, 422}
    assert client.get(f"{url}?{quote(NUL)}=1").status_code in {404, 422}
    for each in [] if READ[name].has_arguments else PARAMETERS:
        answer = client.get(f"{url}?{urlencode({each: STRANGE})}")
        assert answer.status_code < 500, each
    assert client.get(f"{url}?{urlencode(dict.fromkeys(PARAMETERS, STRANGE))}").status_code < 500


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("text", [NUL, STRANGE, "%ff", "\u200b"])
def test_no_path_is_a_fault(cast: World, path: str, text: str) -> None:
    client = (api if path.startswith("/api/") else browser)(cast.admin)
    client.raise_request_exception = False
    answer = client.get(path.format(quote(text)), follow=True)
    assert answer.status_code == (200 if answer.redirect_chain else 404)


@pytest.mark.parametrize("table", ADMIN)
@pytest.mark.parametrize("text", [NUL, STRANGE])
def test_no_filter_of_the_admin_is_a_fault(cast: World, table: str, text: str) -> None:
    client = browser(cast.admin)
    client.raise_request_exception = False
    for name in ("q", "status__exact", "definition__name", "namespace", "p", "o", "id__exact"):
        answer = client.get(f"/admin/{table}/?{urlencode({name: text})}", follow=True)
        assert answer.status_code < 500, name


def changelists() -> list[tuple[str, Any]]:
    """Return the address of each list of the admin, with its model admin."""
    return [
        (reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"), owner)
        for model, owner in admin.site._registry.items()  # noqa: SLF001  -- Django offers no other way
    ]


@pytest.mark.parametrize(("url", "owner"), changelists(), ids=str)
def test_no_lookup_of_the_admin_is_a_fault(cast: World, url: str, owner: Any) -> None:
    client = browser(cast.admin)
    client.raise_request_exception = False
    assert client.get(url).status_code == 200
    names = [field.name for field in owner.model._meta.concrete_fields]
    asked = [f"{name}__year" for name in names]
    for lookup in (*asked, "id__in", "id__gt", "created_at__week_day", f"{names[-1]}__regex"):
        assert client.get(url, {lookup: "99999"}).status_code == 400, lookup
    asked = [f"{path}{how}" for path in owner.list_filter for how in ("", "__exact", "__isnull")]
    for name in (*asked, "p", "o", "e", "all"):
        for value in ("9" * 30, "(", ""):
            assert client.get(url, {name: value}).status_code in {200, 302}, (name, value)


@pytest.mark.parametrize("table", ADMIN)
@pytest.mark.parametrize(
    "chosen", [["abc"], ["a\x00"], [""], ["9" * 40], ["abc", str(uuid.uuid4())]]
)
def test_no_choice_in_the_admin_is_a_fault(cast: World, table: str, chosen: list[str]) -> None:
    client = browser(cast.operator)
    client.raise_request_exception = False
    url = f"/admin/{table}/"
    found = actions_of(client.get(url).content.decode())
    assert bool(found) is (table in {"workitems/workitem", "cases/case"})
    for action in found:
        sent = {"action": action, "index": "0", ACTION_CHECKBOX_NAME: chosen}
        assert client.post(url, sent).status_code == 400
    for index in ("9", "-9", "x"):
        sent = {"action": "gone", "index": index, ACTION_CHECKBOX_NAME: chosen}
        assert client.post(url, sent).status_code < 500


def actions_of(page: str) -> list[str]:
    """Return the actions that a list of the admin offers."""
    found = re.search(r'<select name="action"(.*?)</select>', page, re.DOTALL)
    return re.findall(r'value="([^"]+)"', found[1]) if found else []


@pytest.mark.parametrize("name", ["sessionid", "csrftoken", "messages", "django_language"])
@pytest.mark.parametrize("path", ["/", "/inbox/", "/accounts/login/", "/api/v1/work-items"])
@pytest.mark.django_db
def test_no_cookie_is_a_fault(name: str, path: str) -> None:
    client = Client(raise_request_exception=False)
    plain = client.get(path).status_code
    for text in ("\\000bcdefghijk", "\\012\\033bcdefghijk", "\\177\\377bcdefghijk"):
        answer = client.get(path, headers={"Cookie": f'{name}="{text}"'})
        assert answer.status_code == plain < 500


def test_the_other_cookies_are_kept(cast: World) -> None:
    client = browser(cast.operator)
    cookies = f'other="\\000"; sessionid={client.cookies["sessionid"].value}'
    assert client.get("/inbox/", headers={"Cookie": cookies}).status_code == 200


def test_the_parameter_is_named(cast: World) -> None:
    answer = api(cast.operator).get("/api/v1/work-items", {"assignee": NUL})
    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert (error["pointer"], error["message"]) == ("assignee", "assignee: may not contain NUL")
