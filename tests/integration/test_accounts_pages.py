"""What every page inherits: who gets in, the tenant's scope, refusals in words, the frame."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.acting import ActingUser
from accounts.viewers import viewer
from ledger.ids import new_id
from ledger.tenancy import tenant_scope
from tests.clients import browser
from tests.world import World
from verbs.subject import Description, describe
from verbs.subject import register_describer as register
from web import live, nav

pytestmark = pytest.mark.urls("tests.integration.page_views")


def test_signed_out_one_is_led_to_the_login_page_and_back(db: None) -> None:
    response = Client().get("/words/?a=1")
    assert (response.status_code, response["Location"]) == (
        302, "/accounts/login/?next=/words/%3Fa%3D1",
    )  # fmt: skip
    assert Client().post("/words/", {"word": "x"}).status_code == 302


def test_a_signed_out_fragment_sends_the_whole_page_to_the_login_form(db: None) -> None:
    asked = {"HX-Request": "true", "HX-Current-URL": "http://testserver/words/?a=1"}
    response = Client().get("/words/", headers=asked)
    assert response["HX-Redirect"] == "/accounts/login/?next=/words/%3Fa%3D1"
    assert response.content == b""


def test_a_fault_of_ours_is_a_page_without_our_secrets(world: World) -> None:
    client = browser(world.analyst)
    client.raise_request_exception = False
    response = client.get("/broken/")
    shown = response.content.decode()
    assert response.status_code == 500
    assert response["X-Request-ID"] in shown
    assert "secret" not in shown


def test_a_page_renders_inside_the_scope_of_its_tenant(world: World) -> None:
    shown = browser(world.analyst).get("/words/").content.decode()
    assert str(world.bystander.membership_id) in shown
    assert str(world.outsider.membership_id) not in shown
    assert connection.in_atomic_block is False


def test_a_verb_that_worked_leads_on_with_a_message(world: World) -> None:
    client = browser(world.analyst)
    response = client.post("/words/", {"word": "hello", "version": "1"})
    assert (response.status_code, response["Location"]) == (303, "/words/?said=hello")
    assert "<p>Said.</p>" in client.get("/words/").content.decode()
    htmx = client.post("/words/", {"word": "hello"}, headers={"HX-Request": "true"})
    assert (htmx.status_code, htmx["HX-Redirect"]) == (200, "/words/?said=hello")


@pytest.mark.parametrize(
    ("word", "version", "status", "words"),
    [
        ("forbidden", "", 403, "<p>Only operators.</p>"),
        ("conflict", "", 409, "<p>Already taken.</p>"),
        ("stale", "", 412, "<p>It changed since you read it. Read it again.</p>"),
        ("hello", "2", 412, "<p>It changed since you read it. Read it again.</p>"),
        ("hello", "nonsense", 412, "<p>It changed since you read it. Read it again.</p>"),
        ("invalid", "", 422, "word: say something else."),
    ],
)
def test_a_refused_verb_shows_the_page_again_with_words_and_status(
    world: World, word: str, version: str, status: int, words: str
) -> None:
    response = browser(world.analyst).post("/words/", {"word": word, "version": version})
    shown = response.content.decode()
    assert response.status_code == status
    assert words in shown
    assert str(world.analyst.membership_id) in shown
    assert ("<p>" in shown) == (word != "invalid")


@pytest.mark.parametrize(
    ("word", "status"),
    [("gone", 404), ("forbidden", 403), ("conflict", 409), ("illegal", 409), ("invalid", 422)],
)
def test_a_button_without_a_page_answers_with_one_that_says_why(
    world: World, word: str, status: int
) -> None:
    response = browser(world.analyst).post(f"/words/{word}/")
    assert response.status_code == status
    assert response.headers["X-Request-ID"] in response.content.decode()
    assert "<h1>" in response.content.decode()


def test_another_tenants_thing_is_the_same_404_as_no_thing(world: World) -> None:
    client = browser(world.analyst)
    foreign = client.get(f"/members/{world.outsider.membership_id}/")
    missing = client.get(f"/members/{new_id()}/")
    assert foreign.status_code == missing.status_code == 404
    assert "There is nothing here" in foreign.content.decode()
    assert (
        "fragment: False" in client.get(f"/members/{world.analyst.membership_id}/").content.decode()
    )


def test_a_fragment_is_told_from_a_page_and_from_a_boosted_link(world: World) -> None:
    client, url = browser(world.analyst), f"/members/{world.analyst.membership_id}/"
    fragment = client.get(url, headers={"HX-Request": "true"})
    boosted = client.get(url, headers={"HX-Request": "true", "HX-Boosted": "true"})
    assert (fragment.content, boosted.content) == (b"fragment: True", b"fragment: False")
    assert "HX-Request" in fragment["Vary"]


def test_the_frame_is_drawn_only_where_a_page_asks_for_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[str] = []

    def counting(who: ActingUser, _keys: object) -> list[live.Watched]:
        counted.append("asked")
        found = viewer(who)
        return [live.Watched(found.rows, found.known_by, found.may)]

    monkeypatch.setattr(nav, "_entries", {})
    monkeypatch.setattr(live, "_counted", {"a": counting})
    nav.register(nav.NavEntry("a", "Here", "inbox", "home", order=1, tone="undo"))
    nav.register(
        nav.NavEntry("b", "Desk", "gavel", "admin:index", order=2, roles=frozenset({"auditor"}))
    )
    client = browser(world.analyst)
    client.get(f"/members/{world.analyst.membership_id}/")
    assert counted == []
    page = client.get("/members/" + str(new_id()) + "/").content.decode()
    assert counted == ["asked"]
    assert "Here" in page
    assert "Desk" not in page
    assert "count-undo" in page
    assert world.analyst.username in page
    assert "Desk" in browser(world.auditor).get("/nowhere/").content.decode()


def test_who_acts_costs_a_constant_number_of_queries(world: World) -> None:
    client = browser(world.analyst)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        client.get(f"/members/{world.analyst.membership_id}/")
    # Session, user, scope and memberships, tenant's scope, the page's own.
    assert len([each for each in queries if "SAVEPOINT" not in each["sql"]]) <= 10


def test_people_and_the_tenant_are_called_by_name_within_their_tenant(world: World) -> None:
    actor, stranger = world.analyst.actor_id, world.outsider.actor_id
    tenant, other = world.analyst.tenant_id, world.outsider.tenant_id
    with tenant_scope(tenant):
        found = describe(
            tenant, [("actor", actor), ("actor", stranger), ("tenant", tenant), ("tenant", other)]
        )
    assert found[("actor", actor)].title == world.analyst.username
    assert found[("actor", stranger)].title == f"actor {str(stranger)[-8:]}"
    assert found[("tenant", tenant)].title == f"Demo {world.slug.removeprefix('demo-')}"
    assert found[("tenant", other)].title == f"tenant {str(other)[-8:]}"


def test_descriptions_never_miss_and_ask_once_per_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("verbs.subject._describers", {})
    known, unknown, asked = new_id(), new_id(), []

    def of_things(ids: object) -> dict[object, Description]:
        asked.append(ids)
        return {known: Description("A thing", "/things/1/", "OPEN")}

    register("thing", of_things)  # type: ignore[arg-type]  # ids of any kind will do here
    found = describe(new_id(), [("thing", known), ("thing", unknown), ("strange_kind", known)])
    assert found[("thing", known)] == Description("A thing", "/things/1/", "OPEN")
    assert found[("thing", unknown)].title == f"thing {str(unknown)[-8:]}"
    assert found[("strange_kind", known)].title == f"strange kind {str(known)[-8:]}"
    assert asked == [{known, unknown}]
