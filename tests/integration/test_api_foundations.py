"""What every endpoint inherits: who gets in, errors, order of checks, keys, tags, pages."""

from __future__ import annotations

import datetime as dt
import logging
import threading
import uuid

import pytest
from django.db import connections
from django.http import HttpResponse
from django.test import Client

from accounts.actions import create_token, create_user
from accounts.models import ApiToken
from ledger.clock import now
from ledger.tenancy import tenant_scope
from people.actions import add_member, deactivate
from tests.clients import api, browser
from tests.integration.foundation_calls import MEMBERS, code, groups_of, join_url, post
from tests.world import World
from verbs.call import Call
from web.models import IdempotencyKey
from web.request_id import RequestIdFormatter

pytestmark = pytest.mark.urls("tests.integration.foundation_views")


# --- who gets in


def test_without_credentials_the_answer_is_401_with_a_challenge(world: World) -> None:
    response = Client().get(MEMBERS)
    assert code(response) == (401, "not_authenticated")
    assert response["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer a b", "Bearer nope", "Bearer ü", "Bearer " + "x" * 300],
    ids=["none", "two", "unknown", "not-ascii", "long"],
)
def test_a_bad_token_is_401_and_does_not_say_why(world: World, header: str) -> None:
    response = Client().get(MEMBERS, headers={"Authorization": header})
    assert code(response) == (401, "invalid_token")
    assert response["WWW-Authenticate"] == "Bearer"


def test_an_expired_token_and_a_deactivated_member_are_401(world: World) -> None:
    client = api(world.analyst)
    assert client.get(MEMBERS).status_code == 200
    assert world.analyst.membership_id is not None
    deactivate(world.analyst.membership_id, call=Call(world.admin))
    assert code(client.get(MEMBERS)) == (401, "invalid_token")

    token = create_token(world.surveyor)
    old = Client(headers={"Authorization": f"Bearer {token}"})
    assert old.get(MEMBERS).status_code == 200
    with tenant_scope(world.surveyor.tenant_id):
        row = ApiToken.objects.get(membership__actor_id=world.surveyor.actor_id)
        row.delete()
        row.expiry = now() - dt.timedelta(seconds=1)
        ApiToken.objects.bulk_create([row])
    assert code(old.get(MEMBERS)) == (401, "invalid_token")


def test_a_token_selects_its_tenant_and_nothing_else_does(world: World) -> None:
    ours, theirs = api(world.analyst).get(MEMBERS).json(), api(world.outsider).get(MEMBERS).json()
    assert len(ours["results"]) == 10
    assert [row["id"] for row in theirs["results"]] == [str(world.outsider.membership_id)]
    hinted = api(world.outsider).get(
        MEMBERS, {"tenant": str(world.analyst.tenant_id)}, headers={"X-Tenant": world.slug}
    )
    assert hinted.json() == theirs


def test_a_browser_may_use_the_api_with_a_csrf_token_only(world: World) -> None:
    client = browser(world.admin, enforce_csrf_checks=True)
    assert client.get(MEMBERS).status_code == 200
    refused = post(client, join_url(world.analyst), {"name": "x"})
    assert code(refused) == (403, "csrf_failed")
    assert groups_of(world.analyst) == ["analysts"]
    client.get("/accounts/login/")
    token = client.cookies["csrftoken"].value
    sent = post(client, join_url(world.analyst), {"name": "x"}, X_CSRFToken=token)
    assert sent.status_code == 201


def test_a_user_without_a_membership_is_signed_in_but_belongs_nowhere(world: World) -> None:
    client = Client()
    client.force_login(create_user(f"nobody-{world.slug}", password="amends-demo"))
    assert code(client.get(MEMBERS)) == (403, "no_membership")


# --- errors


def test_everything_under_api_answers_with_problems(world: World) -> None:
    client = api(world.admin)
    assert code(Client().get("/api/v1/nowhere")) == (404, "not_found")
    assert code(client.get(f"{MEMBERS}/not-a-uuid")) == (404, "not_found")
    assert code(client.get(f"{MEMBERS}/{uuid.uuid4()}")) == (404, "not_found")
    assert code(client.delete(MEMBERS)) == (405, "method_not_allowed")
    assert code(client.options(MEMBERS)) == (405, "method_not_allowed")
    for invented in ("DISPATCH", "ACT", "PAGE", "SCOPE"):
        assert code(client.generic(invented, MEMBERS)) == (405, "method_not_allowed")
    url = join_url(world.analyst)
    assert code(client.post(url, "name=x", content_type="application/x-www-form-urlencoded")) == (
        415, "unsupported_media_type",
    )  # fmt: skip
    away = client.post(MEMBERS + "/away")
    assert code(away) == (503, "unavailable")
    assert away["Retry-After"] == "1"
    moved = client.post(MEMBERS + "/moved")
    assert code(moved) == (409, "illegal_state")
    assert moved.json()["current_status"] == "DONE"
    fault = post(client, MEMBERS)
    assert code(fault) == (500, "internal_error")
    assert "secret" not in fault.content.decode()


def test_the_type_of_a_problem_describes_it(world: World) -> None:
    known = Client().get("/api/v1/problems/last_admin")
    assert known.status_code == 200
    assert (
        known.json()["description"] == "Somebody must be left who can administer the organisation."
    )
    assert code(Client().get("/api/v1/problems/no_such_code")) == (404, "not_found")


def test_a_request_keeps_a_well_formed_name_and_loses_any_other(world: World) -> None:
    kept = Client().get(MEMBERS, headers={"X-Request-ID": "from-the-proxy-1"})
    assert kept["X-Request-ID"] == "from-the-proxy-1"
    replaced = Client().get(MEMBERS, headers={"X-Request-ID": "<script>"})
    assert str(uuid.UUID(replaced["X-Request-ID"])) == replaced["X-Request-ID"]


def test_a_fault_is_logged_with_its_traceback_under_the_quoted_name(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    assert code(post(api(world.outsider), join_url(world.analyst))) == (404, "not_found")
    assert caplog.records == []
    fault = post(api(world.admin), MEMBERS)
    (handler,) = (each for each in logging.getLogger().handlers
                  if isinstance(each.formatter, RequestIdFormatter))  # fmt: skip
    (record,) = caplog.records
    told = handler.format(record)
    assert f"ERROR django.request request_id={fault['X-Request-ID']} " in told
    assert 'raise RuntimeError("a secret of ours")' in told
    plain = logging.LogRecord("ours", logging.ERROR, "", 1, "no request", (), None)
    assert handler.format(plain).endswith("ERROR ours request_id=- no request")


def test_an_address_with_a_slash_at_its_end_is_understood(world: World) -> None:
    assert api(world.admin).get(MEMBERS + "/").status_code == 200
    assert post(api(world.admin), join_url(world.analyst) + "/", {"name": "x"}).status_code == 201
    assert code(api(world.admin).get("/api/v1/nowhere/")) == (404, "not_found")


# --- the order of checks: 401, 404, 403, 428, 412, 409, 422


def test_checks_come_in_the_public_order(world: World) -> None:
    wrong = {"unknown": True}
    url = f"{MEMBERS}/{world.analyst.membership_id}/join-once"
    stale = {"If_Match": '"v99"'}
    admin = api(world.admin)
    assert code(post(Client(), url, wrong, **stale)) == (401, "not_authenticated")
    assert code(post(api(world.outsider), url, wrong, **stale)) == (404, "not_found")
    assert code(post(api(world.analyst), url, wrong, **stale)) == (403, "not_permitted")
    assert code(post(admin, url, wrong, **stale)) == (428, "idempotency_key_required")
    keyed = {"Idempotency_Key": "k"}
    assert code(post(admin, url, wrong, **stale, **keyed)) == (412, "stale_version")
    assert post(admin, join_url(world.analyst), {"name": "closed"}).status_code == 201
    conflict = post(admin, url, wrong, **keyed)
    assert code(conflict) == (409, "illegal_state")
    assert conflict.json()["current_status"] == "CLOSED"  # type: ignore[attr-defined]
    other = f"{MEMBERS}/{world.surveyor.membership_id}/join-once"
    assert code(post(admin, other, wrong, **keyed)) == (422, "invalid")
    assert groups_of(world.surveyor) == ["surveyors"]


# --- ETag, If-Match, If-None-Match


def test_a_detail_has_a_tag_and_304_spares_sending_it_again(world: World) -> None:
    client = api(world.analyst)
    url = f"{MEMBERS}/{world.analyst.membership_id}"
    first = client.get(url)
    # Making the token raised the actor's version.
    assert first["ETag"] == '"v2"'
    assert first.json()["groups"] == ["analysts"]
    assert first["Cache-Control"] == "private, no-cache"
    for held in ('"v2"', 'W/"v2"', '"v1", "v2"', "*"):
        again = client.get(url, headers={"If-None-Match": held})
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", '"v2"')
    assert client.get(url, headers={"If-None-Match": '"v1"'}).status_code == 200


@pytest.mark.parametrize("held", ['"v7"', 'W/"v1"', "v1", '"v7", "v9"', '"digest"', ""])
def test_an_if_match_that_is_not_the_version_is_412(world: World, held: str) -> None:
    response = post(api(world.admin), join_url(world.analyst), {"name": "x"}, If_Match=held)
    assert code(response) == (412, "stale_version")
    assert groups_of(world.analyst) == ["analysts"]


def test_an_if_match_may_list_versions(world: World) -> None:
    admin, url = api(world.admin), join_url(world.analyst)
    none = post(admin, url, {"name": "x"}, If_Match='"v7", W/"v1", "nine"')
    assert code(none) == (412, "stale_version")
    assert groups_of(world.analyst) == ["analysts"]
    assert post(admin, url, {"name": "x"}, If_Match='"v7", "v1","v8"').status_code == 201
    assert code(post(admin, url, {"name": "y"}, If_Match='"v7", "v1"')) == (412, "stale_version")
    assert code(post(admin, url, {"name": 5}, If_Match='"v1", "v2"')) == (422, "invalid")
    assert groups_of(world.analyst) == ["analysts", "x"]


def test_the_right_if_match_lets_one_writer_through(world: World) -> None:
    client = api(world.admin)
    first = post(client, join_url(world.analyst), {"name": "x"}, If_Match='"v1"')
    assert (first.status_code, first["ETag"]) == (201, '"v2"')
    second = post(client, join_url(world.analyst), {"name": "y"}, If_Match='"v1"')
    assert code(second) == (412, "stale_version")
    assert post(client, join_url(world.analyst), {"name": "z"}, If_Match="*").status_code == 201
    assert groups_of(world.analyst) == ["analysts", "x", "z"]


# --- Idempotency-Key


def test_the_same_key_and_body_replay_the_first_answer(world: World) -> None:
    client = api(world.admin)
    first = post(client, join_url(world.analyst), {"name": "x"}, Idempotency_Key="k1")
    again = post(client, join_url(world.analyst), {"name": "x"}, Idempotency_Key="k1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()  # type: ignore[attr-defined]
    assert again["ETag"] == first["ETag"] == '"v2"'
    assert again["Location"] == first["Location"]
    assert not first.has_header("Idempotency-Replayed")
    assert again["Idempotency-Replayed"] == "true"
    assert groups_of(world.analyst) == ["analysts", "x"]


def test_a_key_is_for_one_request_of_one_member(world: World) -> None:
    client = api(world.admin)
    post(client, join_url(world.analyst), {"name": "x"}, Idempotency_Key="k1")
    other_body = post(client, join_url(world.analyst), {"name": "y"}, Idempotency_Key="k1")
    other_url = post(client, join_url(world.surveyor), {"name": "x"}, Idempotency_Key="k1")
    assert code(other_body) == code(other_url) == (422, "idempotency_key_reused")
    second_admin = add_member(
        call=Call(world.system), roles=["tenant_admin"],
        username=create_user(f"second-{world.slug}", password=None).username,
    )  # fmt: skip
    own = post(api(second_admin), join_url(world.surveyor), {"name": "x"}, Idempotency_Key="k1")
    assert own.status_code == 201
    assert (groups_of(world.analyst), groups_of(world.surveyor)) == (
        ["analysts", "x"], ["surveyors", "x"],
    )  # fmt: skip


def test_a_refusal_is_not_kept(world: World) -> None:
    client = api(world.admin)
    refused = post(client, join_url(world.analyst), {"name": ""}, Idempotency_Key="k1")
    assert refused.status_code == 422
    with tenant_scope(world.admin.tenant_id):
        assert not IdempotencyKey.objects.exists()
    assert (
        post(client, join_url(world.analyst), {"name": "x"}, Idempotency_Key="k1").status_code
        == 201
    )


@pytest.mark.parametrize(
    "key", ["", "with space", "ü", "k" * 201], ids=["empty", "space", "letter", "long"]
)
def test_a_malformed_key_is_422(world: World, key: str) -> None:
    response = post(api(world.admin), join_url(world.analyst), {"name": "x"}, Idempotency_Key=key)
    assert code(response) == (422, "idempotency_key_invalid")
    assert groups_of(world.analyst) == ["analysts"]


@pytest.mark.parametrize(
    ("address", "body"),
    [("join", {"name": "closed"}), ("join", {"name": "x"}), ("join-any", {})],
    ids=["refused-by-state", "refused-by-constraint", "refused-by-key"],
)
def test_simultaneous_requests_with_one_key_have_one_effect_and_one_answer(
    world: World, address: str, body: dict[str, str]
) -> None:
    token = create_token(world.admin)
    url = f"{MEMBERS}/{world.analyst.membership_id}/{address}"
    barrier = threading.Barrier(8)
    answers: list[HttpResponse] = []

    def send() -> None:
        client = Client(headers={"Authorization": f"Bearer {token}"}, raise_request_exception=False)
        barrier.wait()
        try:
            answers.append(post(client, url, body, Idempotency_Key="k"))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [201] * 8
    assert sum(answer.has_header("Idempotency-Replayed") for answer in answers) == 7
    assert len({str(answer.json()) for answer in answers}) == 1  # type: ignore[attr-defined]
    assert len(groups_of(world.analyst)) == 2


# --- pages


def test_pages_cover_a_list_once_and_lead_back(world: World) -> None:
    client = api(world.analyst)
    whole = [row["id"] for row in client.get(MEMBERS, {"limit": 200}).json()["results"]]
    assert len(whole) == 10
    seen: list[str] = []
    page = client.get(MEMBERS, {"limit": 4}).json()
    assert page["previous"] is None
    pages = [page]
    while pages[-1]["next"]:
        pages.append(client.get(pages[-1]["next"]).json())
    seen = [row["id"] for page in pages for row in page["results"]]
    assert seen == whole
    assert [len(page["results"]) for page in pages] == [4, 4, 2]
    back = client.get(pages[2]["previous"]).json()
    assert back["results"] == pages[1]["results"]
    first = client.get(back["previous"]).json()
    assert (first["results"], first["previous"]) == (pages[0]["results"], None)


def test_rows_that_arrive_meanwhile_shift_no_page(world: World) -> None:
    client = api(world.analyst)
    before = [row["id"] for row in client.get(MEMBERS).json()["results"]]
    first = client.get(MEMBERS, {"limit": 3}).json()
    late = create_user(f"late-{world.slug}", password=None).username
    add_member(call=Call(world.system), username=late)
    rest = client.get(first["next"]).json()
    assert [row["id"] for row in [*first["results"], *rest["results"]]] == before[:6]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"limit": "0"}, "invalid_limit"), ({"limit": "201"}, "invalid_limit"),
        ({"limit": "x"}, "invalid_limit"), ({"limit": "-1"}, "invalid_limit"),
        ({"cursor": "x"}, "invalid_cursor"), ({"cursor": "WyJuIl0"}, "invalid_cursor"),
        ({"cursor": "WyJuIiwiMjAyNiIsIngiXQ"}, "invalid_cursor"),
        ({"cursor": "W10"}, "invalid_cursor"), ({"cursor": "ü"}, "invalid_cursor"),
    ],
    ids=["zero", "many", "word", "minus", "noise", "short", "types", "empty", "letter"],
)  # fmt: skip
def test_a_bad_limit_or_cursor_is_422_by_name(
    world: World, query: dict[str, str], expected: str
) -> None:
    response = api(world.analyst).get(MEMBERS, query)
    assert code(response) == (422, expected)
    assert [each["pointer"] for each in response.json()["errors"]] == list(query)
