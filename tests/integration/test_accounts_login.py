"""Signing in and out, choosing a tenant, and who may enter the admin."""

from __future__ import annotations

import pytest
from django.http import HttpResponse
from django.test import Client

from accounts.models import User
from people.actions import add_member, deactivate
from tests.clients import browser
from tests.world import PASSWORD, World, make_world
from verbs.call import Call
from web.membership import SESSION_KEY, place_of


def log_in(
    client: Client, username: str, password: str = PASSWORD, next_url: str = ""
) -> HttpResponse:
    """Send the login form."""
    return client.post(  # type: ignore[return-value]  # the test client's own class
        "/accounts/login/", {"username": username, "password": password, "next": next_url}
    )


def test_a_signed_out_browser_is_led_from_the_root_to_the_login_page(world: World) -> None:
    client = Client()
    response = client.get("/", follow=True)
    assert response.redirect_chain == [("/accounts/login/", 302)]
    assert "Log in" in response.content.decode()
    assert response.templates[0].name == "registration/login.html"


def test_logging_in_leads_to_the_inbox_under_a_new_session(world: World) -> None:
    client = Client()
    client.get("/accounts/login/")
    session = client.session
    session["left_behind"] = "x"
    session.save()
    client.cookies["sessionid"] = str(session.session_key)
    response = log_in(client, world.analyst.username)
    assert (response.status_code, response["Location"]) == (302, "/")
    assert client.cookies["sessionid"].value != session.session_key
    assert client.get("/")["Location"] == "/inbox/"


def test_a_wrong_password_shows_the_form_again(world: World) -> None:
    response = log_in(Client(), world.analyst.username, "wrong")
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("asked", "led_to"),
    [("/inbox/?tab=done", "/inbox/?tab=done"), ("https://elsewhere.example/", "/")],
    ids=["ours", "foreign"],
)
def test_next_is_honoured_only_within_the_site(world: World, asked: str, led_to: str) -> None:
    response = log_in(Client(), world.analyst.username, next_url=asked)
    assert response["Location"] == led_to


def test_too_many_wrong_passwords_lock_the_name_and_say_so(world: World) -> None:
    client = Client()
    for _ in range(8):
        response = log_in(client, world.analyst.username, "wrong")
    assert response.status_code == 429
    assert "Too many tries" in response.content.decode()
    right = log_in(client, world.analyst.username)
    assert right.status_code == 429
    assert "_auth_user_id" not in client.session
    # Someone else at the same address is not locked out.
    assert log_in(Client(), world.surveyor.username).status_code == 302


def test_logging_out_takes_a_post_and_ends_the_session(world: World) -> None:
    client = browser(world.analyst)
    led = client.get("/accounts/logout/")
    assert (led.status_code, led["Location"]) == (302, "/")
    assert "_auth_user_id" in client.session
    response = client.post("/accounts/logout/")
    assert (response.status_code, response["Location"]) == (302, "/accounts/login/")
    assert client.get("/")["Location"] == "/accounts/login/"


def test_switching_reaches_own_tenants_only(world: World) -> None:
    second = make_world()
    mine = add_member(call=Call(second.system), username=world.outsider.username, roles=["auditor"])
    client = browser(mine)
    assert client.post("/accounts/switch-tenant/", {"tenant": mine.tenant_id}).status_code == 303
    assert client.session[SESSION_KEY] == str(mine.membership_id)
    client.post("/accounts/switch-tenant/", {"tenant": world.analyst.tenant_id})
    client.post("/accounts/switch-tenant/", {"tenant": "nonsense"})
    assert client.session[SESSION_KEY] == str(mine.membership_id)


def test_a_session_that_names_a_foreign_membership_falls_back_to_an_own_one(world: World) -> None:
    client = browser(world.analyst)
    session = client.session
    session[SESSION_KEY] = str(world.outsider.membership_id)
    session.save()
    response = client.get("/admin/")
    assert response.status_code == 403
    bound = place_of(response.wsgi_request)
    assert bound is not None
    assert bound.acting == world.analyst


def test_a_deactivated_member_is_out_at_once(world: World) -> None:
    client = browser(world.operator)
    assert client.get("/admin/").status_code == 200
    assert world.operator.membership_id is not None
    deactivate(world.operator.membership_id, call=Call(world.admin))
    response = client.post("/accounts/switch-tenant/", {"tenant": world.operator.tenant_id})
    assert response.status_code == 403
    assert "You belong to no organisation" in response.content.decode()
    assert client.get("/admin/").status_code == 403


def test_the_admin_is_entered_by_role(world: World) -> None:
    entered = {
        name: browser(world.of(name)).get("/admin/").status_code
        for name in ("analyst", "approver", "operator", "auditor", "admin", "agent")
    }
    assert entered == {
        "analyst": 403, "approver": 403, "operator": 200, "auditor": 200, "admin": 200,
        "agent": 403,
    }  # fmt: skip
    anonymous = Client().get("/admin/", follow=True)
    assert anonymous.redirect_chain[-1] == ("/accounts/login/?next=/admin/", 302)


def test_the_admin_shows_members_of_the_sessions_tenant_and_edits_none(world: World) -> None:
    client = browser(world.admin)
    listed = client.get("/admin/accounts/user/").content.decode()
    assert world.analyst.username in listed
    assert world.outsider.username not in listed
    own = client.get(f"/admin/accounts/user/{world.analyst.user_id}/change/")
    assert own.status_code == 200
    assert "md5$" not in own.content.decode()
    foreign = client.get(f"/admin/accounts/user/{world.outsider.user_id}/change/")
    assert (foreign.status_code, foreign["Location"]) == (302, "/admin/")
    assert client.get("/admin/accounts/user/add/").status_code == 403
    changed = client.post(
        f"/admin/accounts/user/{world.analyst.user_id}/change/", {"username": "hijacked"}
    )
    assert changed.status_code == 403
    assert not User.objects.filter(username="hijacked").exists()
    assert client.get("/admin/accounts/membership/").status_code == 200


def test_an_operator_sees_no_accounts_in_the_admin(world: World) -> None:
    client = browser(world.operator)
    assert client.get("/admin/accounts/user/").status_code == 403
    assert client.get("/admin/accounts/membership/").status_code == 403
