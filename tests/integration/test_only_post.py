"""An address that only takes a form never answers with nothing: it leads to the form's page."""

from __future__ import annotations

import uuid

import pytest

from tests.clients import api, browser
from tests.integration.workitems_made import opened, stored
from tests.world import World
from web.only_post import page_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("method", ["get", "head"])
def test_it_leads_to_its_page(world: World, method: str) -> None:
    item = opened(world)
    at, client = f"/work-items/{item.id}/", browser(world.analyst)
    for path, page in (
        (f"{at}claim/", at),
        (f"{at}complete/", at),
        ("/accounts/logout/", "/"),
        ("/accounts/switch-tenant/", "/"),
    ):
        answer = getattr(client, method)(path)
        assert (answer.status_code, answer["Location"]) == (302, page), path
        assert answer["Cache-Control"] == "no-store"
    assert stored(world, item.id).status == "PENDING"
    assert "_auth_user_id" in client.session


@pytest.mark.parametrize("method", ["get", "head"])
def test_an_address_of_a_function_does_not_lead_to_itself(world: World, method: str) -> None:
    client = browser(world.operator)
    for path, page in (("/demo/story/", "/"), ("/admin/logout/", "/admin/")):
        answer = getattr(client, method)(path)
        assert (answer.status_code, answer["Location"]) == (302, page), path
    assert "_auth_user_id" in client.session


def test_other_methods_are_refused_in_words_with_those_that_are_allowed(world: World) -> None:
    item = opened(world)
    answer = browser(world.analyst).put(f"/work-items/{item.id}/claim/")
    assert answer.status_code == 405
    assert answer["Allow"] == "POST, OPTIONS"
    assert "That does not work here" in answer.content.decode()


def test_the_api_keeps_its_answer(world: World) -> None:
    item = opened(world)
    answer = api(world.analyst).get(f"/api/v1/work-items/{item.id}/claim")
    assert (answer.status_code, answer["Allow"]) == (405, "POST, OPTIONS")
    assert answer.json()["code"] == "method_not_allowed"


def test_a_real_form_is_held_to_its_token_as_before(world: World) -> None:
    item = opened(world)
    client = browser(world.analyst, enforce_csrf_checks=True)
    assert client.post(f"/work-items/{item.id}/claim/").status_code == 403
    assert stored(world, item.id).status == "PENDING"


def test_only_addresses_of_ours_are_led_to() -> None:
    thing = uuid.uuid4()
    assert page_of("//evil.example/claim/") == "/"
    assert page_of("/nowhere/at/all/") == "/"
    assert page_of(f"/work-items/{thing}/claim/") == f"/work-items/{thing}/"
    assert page_of(f"/compensation-runs/{thing}/steps/2/retry/") == (
        f"/compensation-runs/{thing}/steps/2/"
    )
