"""Addresses that libraries serve, by rule: the admin, the OpenAPI document and its explorer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib import admin
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from pytest_django.plugin import DjangoDbBlocker

from ledger.ids import new_id
from tests.clients import browser
from tests.world import CAST, World, make_world

# Who looks at which app's rows in the admin. Nobody adds, changes or deletes.
WORK = frozenset({"operator", "auditor", "admin"})
ALL = frozenset({"auditor", "admin"})
READERS = {
    "workitems": WORK,
    "executions": WORK,
    "cases": WORK,
    "compensation": WORK,
    "governance": WORK,
    "events": WORK,
    "accounts": ALL,
    "notifications": ALL,
    "audit": ALL,
    "ledger": ALL,
}
MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)  # noqa: SLF001  -- no other way to ask


@pytest.fixture(scope="module")
def cast(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    """One tenant for all rules: nothing is changed."""
    with django_db_blocker.unblock():
        yield make_world()


def admin_url(model: type[Model], page: str, *arguments: object) -> str:
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}"
    return reverse(name, args=arguments)


def answers(world: World, url: str, method: str = "get") -> dict[str, int]:
    """Return what everyone of the cast gets."""
    people = (*CAST, "outsider")
    return {who: getattr(browser(world.of(who)), method)(url).status_code for who in people}


def test_nothing_but_rows_of_ours_is_registered() -> None:
    assert {model._meta.app_label for model in MODELS} <= set(READERS)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_rows_are_looked_at_by_role_and_touched_by_nobody(cast: World, model: type[Model]) -> None:
    readers = READERS[model._meta.app_label]
    # The outsider is an operator: of another tenant, and sees that one.
    expected = {
        who: 200 if who in readers or (who == "outsider" and "operator" in readers) else 403
        for who in (*CAST, "outsider")
    }
    assert answers(cast, admin_url(model, "changelist")) == expected
    assert set(answers(cast, admin_url(model, "add")).values()) == {403}
    assert set(answers(cast, admin_url(model, "add"), "post").values()) == {403}
    assert browser(cast.outsider).get("/admin/").status_code == 200


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_a_missing_row_gets_the_stock_answer(cast: World, model: type[Model]) -> None:
    key = new_id() if model._meta.pk.get_internal_type() == "UUIDField" else "0"
    client = browser(cast.admin)
    for page in ("change", "history"):
        response = client.get(admin_url(model, page, key))
        assert (response.status_code, response["Location"]) == (302, "/admin/")
    # Whether it exists is not even asked.
    assert client.get(admin_url(model, "delete", key)).status_code == 403


def test_a_visitor_is_led_to_the_one_login_page() -> None:
    for model in MODELS:
        url = admin_url(model, "changelist")
        response = Client().get(url, follow=True)
        assert response.redirect_chain[-1] == (f"/accounts/login/?next={url}", 302)


def test_the_document_of_the_api_and_its_explorer_are_for_everyone(cast: World) -> None:
    for url in ("/api/v1/schema/", "/api/v1/docs/"):
        assert Client().get(url).status_code == 200
        assert set(answers(cast, url).values()) == {200}
        assert Client().post(url).status_code == 405
