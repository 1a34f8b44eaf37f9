"""A verb that is only declared has its route, its OpenAPI, its offer, its button and its page."""

from __future__ import annotations

import types
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client, override_settings
from django.urls import path
from drf_spectacular.generators import SchemaGenerator

from config import urls
from json_values.characters import NOT_BLANK
from ledger import selectors as ledger
from ledger.tenancy import tenant_scope
from tests.clients import api, browser
from tests.integration.planted_verbs import planted, urlconf
from tests.integration.workitems_made import entries, opened, page, stored
from tests.integration.workitems_over_rest import JSON, ROOT, post, read
from tests.pages import form_of, text_of
from tests.world import World
from verbs import catalogue
from verbs.call import Call
from web.verb_pages import page_of
from workitems import actions

pytestmark = pytest.mark.django_db(transaction=True)
REASON = {"reason": "Waits for the bank"}


@pytest.fixture(autouse=True)
def conf() -> Iterator[types.ModuleType]:
    with planted() as found, override_settings(ROOT_URLCONF=found):
        yield found


def standing(world: World, item_id: uuid.UUID) -> tuple[str, int, list[str]]:
    """Return status, version and entries of an item: what a refused verb must have left alone."""
    row = stored(world, item_id)
    return str(row.status), row.version, entries(world, item_id)


UNTOUCHED = ("PENDING", 1, ["created"])
PARKED = ("SUSPENDED", 2, ["created", "parked"])


def offered(answer: dict[str, Any], action: str) -> dict[str, Any]:
    [found] = [each for each in answer["available_actions"] if each["action"] == action]
    return dict(found)


# --- the route


def test_the_route_moves_the_item_with_one_entry(world: World) -> None:
    item = opened(world)
    answer = post(api(world.operator), f"/{item.id}/park", REASON)
    assert answer.status_code == 200, answer.content
    shown = answer.json()
    assert (shown["id"], shown["status"], shown["version"]) == (str(item.id), "SUSPENDED", 2)
    assert answer["ETag"] == '"v2"'
    assert "Location" not in answer
    assert standing(world, item.id) == PARKED
    with tenant_scope(world.operator.tenant_id):
        entry = ledger.entries_of(item.tenant_id, "work_item", item.id)[-1]
        assert (entry.from_status, entry.to_status) == ("PENDING", "SUSPENDED")
        assert entry.actor_id == world.operator.actor_id
        assert entry.payloads == {"reason": "Waits for the bank"}


def test_a_bystander_is_refused_before_anything_else(world: World) -> None:
    item = opened(world)
    answer = post(api(world.bystander), f"/{item.id}/park", {}, **{"If-Match": '"v9"'})
    assert (answer.status_code, answer.json()["code"]) == (403, "not_permitted")
    assert answer.json()["current_status"] == "PENDING"
    assert offered(answer.json(), "park") == {
        "action": "park", "allowed": False, "reason": "not_operator",
    }  # fmt: skip
    assert standing(world, item.id) == UNTOUCHED


def test_what_is_not_there_is_404(world: World) -> None:
    item = opened(world)
    for client, id_ in ((api(world.operator), uuid.uuid4()), (api(world.outsider), item.id)):
        answer = post(client, f"/{id_}/park", REASON)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert standing(world, item.id) == UNTOUCHED


def test_another_status_is_409_and_says_what_is_possible(world: World) -> None:
    item = opened(world)
    post(api(world.operator), f"/{item.id}/park", REASON)
    answer = post(api(world.operator), f"/{item.id}/park", {})
    assert (answer.status_code, answer.json()["code"]) == (409, "illegal_state")
    assert answer.json()["current_status"] == "SUSPENDED"
    assert offered(answer.json(), "park")["reason"] == "wrong_state"
    assert offered(answer.json(), "unpark") == {
        "action": "unpark", "allowed": True, "reason": None,
    }  # fmt: skip
    assert standing(world, item.id) == PARKED


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({}, "/reason", "required"),
        ({"reason": ""}, "/reason", "blank"),
        ({"reason": 7}, "/reason", "invalid"),
        ({"reason": "a\x00b"}, "/reason", "nul"),
        ({**REASON, "colour": "red"}, "/colour", "unknown_field"),
        (["reason"], "", "invalid"),
    ],
    ids=["missing", "blank", "number", "nul", "unknown", "list"],
)
def test_a_broken_body_is_422_with_its_pointer(
    world: World, body: Any, pointer: str, code: str
) -> None:
    item = opened(world)
    answer = api(world.operator).post(f"{ROOT}/{item.id}/park", body, content_type=JSON)
    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert (error["pointer"], error["code"]) == (pointer, code)
    assert standing(world, item.id) == UNTOUCHED


def test_text_that_is_no_json_is_400_after_permission(world: World) -> None:
    item = opened(world)
    at = f"{ROOT}/{item.id}/park"
    assert api(world.operator).post(at, b"{", content_type=JSON).status_code == 400
    assert api(world.bystander).post(at, b"{", content_type=JSON).status_code == 403
    assert standing(world, item.id) == UNTOUCHED


def test_if_match_names_the_versions_that_will_do(world: World) -> None:
    client, item = api(world.operator), opened(world)
    for tag in ('"v2"', 'W/"v1"', "nonsense", '"v7", "v8"'):
        answer = post(client, f"/{item.id}/park", {}, **{"If-Match": tag})
        assert (answer.status_code, answer.json()["code"]) == (412, "stale_version"), tag
        assert offered(answer.json(), "park")["allowed"] is True
    assert standing(world, item.id) == UNTOUCHED
    answer = post(client, f"/{item.id}/park", REASON, **{"If-Match": '"v7", "v1"'})
    assert answer.status_code == 200
    answer = post(client, f"/{item.id}/unpark", **{"If-Match": "*"})
    assert (answer.status_code, answer.json()["status"]) == (200, "PENDING")


def test_an_idempotency_key_gives_the_first_answer_again(world: World) -> None:
    client, item, key = api(world.operator), opened(world), {"Idempotency-Key": "once"}
    first = post(client, f"/{item.id}/park", REASON, **key)
    again = post(client, f"/{item.id}/park", REASON, **key)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json()
    assert (first.get("Idempotency-Replayed"), again["Idempotency-Replayed"]) == (None, "true")
    other = post(client, f"/{item.id}/park", {"reason": "Another"}, **key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert standing(world, item.id) == PARKED
    bad = post(client, f"/{item.id}/unpark", **{"Idempotency-Key": "a b"})
    assert (bad.status_code, bad.json()["code"]) == (422, "idempotency_key_invalid")
    assert standing(world, item.id) == PARKED


def test_the_detail_offers_it_with_the_reason_why_not(world: World) -> None:
    item = opened(world)
    mine = read(api(world.operator), str(item.id))
    assert mine["available_actions"] == [
        {"action": "park", "allowed": True, "reason": None},
        {"action": "unpark", "allowed": False, "reason": "wrong_state"},
        {"action": "rename", "allowed": True, "reason": None},
        {"action": "weigh", "allowed": True, "reason": None},
    ]
    theirs = read(api(world.bystander), str(item.id))
    assert offered(theirs, "park")["reason"] == "not_operator"
    assert offered(theirs, "unpark")["reason"] == "not_operator"


# --- what shares an address with reading, what needs a key, what needs a digest


def test_a_patch_is_beside_reading(world: World) -> None:
    client, item = api(world.operator), opened(world)
    at = f"{ROOT}/{item.id}"
    stale = client.patch(at, {"title": "New"}, content_type=JSON, headers={"If-Match": '"v2"'})
    assert stale.status_code == 412
    answer = client.patch(at, {"title": "New"}, content_type=JSON, headers={"If-Match": '"v1"'})
    assert (answer.status_code, answer.json()["title"]) == (200, "New")
    assert read(client, str(item.id))["title"] == "New"
    assert standing(world, item.id) == ("PENDING", 2, ["created", "edited"])


def test_creating_needs_its_key_and_says_where_it_is(world: World) -> None:
    client, body = api(world.analyst), {"title": "Planted"}
    without = post(client, "", body)
    assert (without.status_code, without.json()["code"]) == (428, "idempotency_key_required")
    answer = post(client, "", body, **{"Idempotency-Key": "once"})
    assert answer.status_code == 201
    made = answer.json()
    assert answer["Location"] == f"{ROOT}/{made['id']}"
    assert answer["ETag"] == '"v1"'
    again = post(client, "", body, **{"Idempotency-Key": "once"})
    assert (again.json()["id"], again["Location"]) == (made["id"], answer["Location"])
    assert standing(world, uuid.UUID(made["id"])) == UNTOUCHED
    assert (stored(world, uuid.UUID(made["id"])).title) == "Planted"


def test_a_digest_takes_the_place_of_versions(world: World) -> None:
    client, item = api(world.analyst), opened(world)
    at = f"/{item.id}/scales/weigh"
    without = post(client, at)
    assert (without.status_code, without.json()["code"]) == (428, "precondition_required")
    for tag in ('"other"', "broken", 'W/"seen"'):
        assert post(client, at, **{"If-Match": tag}).status_code == 412
    answer = post(client, at, **{"If-Match": '"seen"'})
    assert (answer.status_code, answer.json()) == (202, {"id": str(item.id), "weight": 7})
    assert (answer["ETag"], answer["Location"]) == ('"feather"', "/scales/7")
    assert standing(world, item.id) == UNTOUCHED


# --- OpenAPI


def test_openapi_has_it(conf: types.ModuleType) -> None:
    document = SchemaGenerator(urlconf=conf).get_schema(public=True)  # type: ignore[no-untyped-call]  # drf-spectacular
    paths, schemas = document["paths"], document["components"]["schemas"]
    park = paths["/api/v1/work-items/{id}/park"]["post"]
    assert park["description"] == "Put it away until somebody wants it again."
    asked = park["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    reason = schemas[asked.rpartition("/")[2]]
    assert reason["required"] == ["reason"]
    assert reason["additionalProperties"] is False
    assert reason["properties"]["reason"] == {
        "maxLength": 4000, "minLength": 1, "pattern": NOT_BLANK, "title": "Reason",
        "type": "string",
    }  # fmt: skip
    answered = park["responses"]["200"]["content"]["application/json"]["schema"]
    assert answered == {"$ref": "#/components/schemas/WorkItemSchema"}
    assert headers(park) == {"Idempotency-Key": False, "If-Match": False}
    assert {"403", "409", "412", "422"} <= set(park["responses"])
    assert "428" not in park["responses"]

    unpark = paths["/api/v1/work-items/{id}/unpark"]["post"]
    assert "requestBody" not in unpark
    weigh = paths["/api/v1/work-items/{id}/scales/weigh"]["post"]
    assert headers(weigh) == {"Idempotency-Key": False, "If-Match": True}
    assert "428" in weigh["responses"]
    plant = paths["/api/v1/work-items"]["post"]
    assert headers(plant) == {"Idempotency-Key": True}
    assert plant["responses"]["201"]["description"] == ""
    item = paths["/api/v1/work-items/{id}"]
    assert {"get", "patch"} <= set(item)
    assert headers(item["patch"]) == {"If-Match": False}


def headers(operation: dict[str, Any]) -> dict[str, bool]:
    return {
        each["name"]: each.get("required", False)
        for each in operation["parameters"]
        if each["in"] == "header"
    }


# --- button, form and page


def test_a_button_leads_to_a_page_that_asks(world: World) -> None:
    item = opened(world)
    at, client = f"/work-items/{item.id}/", browser(world.operator)
    html = page(client, f"{at}buttons/")
    assert f'<a class="btn btn-danger" href="{at}park/">' in html
    assert "Unpark" not in html
    asked = page(client, f"{at}park/")
    shown = text_of(asked.encode())
    assert "Park: Check the payslip" in shown
    assert "It waits." in shown
    assert "Mind." in shown
    assert "Why it can wait" in shown
    assert "Others read this." in shown
    assert "Priority" in shown
    assert "Park it" in shown
    assert f'<a class="btn" href="{at}">Cancel</a>' in asked
    assert '<textarea name="reason" cols="40" rows="3" maxlength="4000" required' in asked
    fields = form_of(asked.encode(), f"{at}park/")
    assert fields["version"] == "1"
    answer = client.post(f"{at}park/", {**REASON, "version": "1"})
    assert (answer.status_code, answer["Location"]) == (303, at)
    assert standing(world, item.id) == PARKED
    assert "It is parked." in page(client, at)


def test_a_button_that_asks_nothing_acts_at_once(world: World) -> None:
    item = opened(world)
    post(api(world.operator), f"/{item.id}/park", REASON)
    at, client = f"/work-items/{item.id}/", browser(world.operator)
    html = page(client, f"{at}buttons/")
    assert f"{at}park/" not in html
    assert form_of(html.encode(), f"{at}unpark/")["version"] == "2"
    assert client.get(f"{at}unpark/")["Location"] == at
    stale = client.post(f"{at}unpark/", {"version": "1"})
    assert stale.status_code == 412
    assert "You changed this yourself, in another tab" in stale.content.decode()
    assert standing(world, item.id) == PARKED
    answer = client.post(f"{at}unpark/", {"version": "2"})
    assert (answer.status_code, answer["Location"]) == (303, at)
    assert standing(world, item.id)[0] == "PENDING"
    assert "It is back." in page(client, at)


def test_others_read_why_not_and_cannot_all_the_same(world: World) -> None:
    item = opened(world)
    at, client = f"/work-items/{item.id}/", browser(world.bystander)
    html = page(client, f"{at}buttons/")
    assert f"{at}park/" not in html
    assert "Park : only an operator may" in text_of(html.encode()).replace("Park:", "Park :")
    answer = client.post(f"{at}park/", REASON)
    assert answer.status_code == 403
    assert "only an operator may" in answer.content.decode()
    assert client.post(f"{at}unpark/").status_code == 403
    assert standing(world, item.id) == UNTOUCHED


def test_a_refused_form_keeps_what_was_typed(world: World) -> None:
    item = opened(world)
    at, client = f"/work-items/{item.id}/park/", browser(world.operator)
    empty = client.post(at, {"reason": " ", "version": "1"})
    assert empty.status_code == 422
    assert "This field is required." in empty.content.decode()
    stale = client.post(at, {**REASON, "version": "7"})
    assert stale.status_code == 412
    assert "Somebody changed this while you looked at it." in stale.content.decode()
    assert "Waits for the bank" in stale.content.decode()
    assert standing(world, item.id) == UNTOUCHED
    actions.claim(item.id, call=Call(world.analyst))
    late = client.post(at, {"reason": "", "version": "2"})
    assert late.status_code == 409
    assert "That is no longer possible: It is now “Taken”." in late.content.decode()
    assert client.post(f"/work-items/{uuid.uuid4()}/park/", REASON).status_code == 404
    assert client.get(f"/work-items/{uuid.uuid4()}/park/").status_code == 404
    assert browser(world.outsider).get(at).status_code == 404
    assert standing(world, item.id) == ("ASSIGNED", 2, ["created", "claimed"])


def test_a_form_may_stand_on_the_page_of_the_thing(world: World) -> None:
    item = opened(world)
    at, client = f"/work-items/{item.id}/here/park/", browser(world.operator)
    html = page(client, f"/work-items/{item.id}/buttons/")
    assert "<h2>It can wait.</h2>" in html
    assert 'id="park_reason"' in html
    assert "OPEN" not in html
    assert client.get(at)["Location"] == f"/work-items/{item.id}/"
    broken = client.post(at, {"reason": "", "version": "1"})
    assert broken.status_code == 422
    assert "OPEN Park it" in broken.content.decode()
    assert "This field is required." in broken.content.decode()
    stale = client.post(at, {**REASON, "version": "3"})
    assert stale.status_code == 412
    assert "Waits for the bank" in stale.content.decode()
    assert standing(world, item.id) == UNTOUCHED
    assert client.post(at, REASON).status_code == 303
    assert standing(world, item.id) == PARKED
    with pytest.raises(ValueError, match="park: nobody shows its form again"):
        page_of(catalogue.find("work_item", "park"), on_page=True)


def test_without_a_page_to_show_a_button_says_why_on_its_own(world: World) -> None:
    item = opened(world)
    view = page_of(catalogue.find("work_item", "unpark")).as_view()
    alone = types.ModuleType("alone")
    one = path("unpark/<uuid:id>/", view)
    alone.urlpatterns = [one, *urls.urlpatterns]  # type: ignore[attr-defined]  # Django's name
    with override_settings(ROOT_URLCONF=alone):
        answer = browser(world.operator).post(f"/unpark/{item.id}/")
        assert answer.status_code == 409
        # In words: the constants that the API answers with are none of this page's.
        assert 'data-state="PENDING"' in answer.content.decode()
        assert "not from PENDING" not in answer.content.decode()
        assert f'href="/work-items/{item.id}/"' in answer.content.decode()
    assert standing(world, item.id) == UNTOUCHED


def test_nobody_signed_out_gets_at_it(world: World) -> None:
    item = opened(world)
    answer = Client().post(f"/work-items/{item.id}/park/", REASON)
    assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/accounts/login/")
    assert standing(world, item.id) == UNTOUCHED


def test_what_is_withdrawn_is_gone(world: World, conf: types.ModuleType) -> None:
    park = catalogue.find("work_item", "park")
    catalogue.withdraw(park)
    try:
        shown = read(api(world.operator), str(opened(world).id))
        names = [each["action"] for each in shown["available_actions"]]
        assert names == ["unpark", "rename", "weigh"]
        with override_settings(ROOT_URLCONF=urlconf()):
            assert post(api(world.operator), f"/{shown['id']}/park", REASON).status_code == 404
    finally:
        catalogue.declare(park)
