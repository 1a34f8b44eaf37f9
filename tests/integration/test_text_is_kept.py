"""What was typed when the session was over is on its page again after signing in, and nothing was
done with it."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping
from urllib.parse import unquote

import pytest
from django import forms
from django.test import Client
from django.urls import reverse

from accounts.acting import ActingUser
from accounts.actions import create_tenant
from ledger.tenancy import tenant_scope
from people.actions import add_member
from tests.casework import approved_loan, case_row
from tests.clients import browser
from tests.integration.workitems_made import entries, opened, page, stored, undo_task
from tests.pages import form_of, text_of
from tests.world import PASSWORD, World
from verbs.call import Call
from web import kept_forms
from web.kept_forms import WRITTEN_BY
from workitems import actions
from workitems.models import WorkItem

pytestmark = pytest.mark.django_db(transaction=True)
LETTER = 'Letter of withdrawal to R. Vega <of "25 November">'
SHOWN = "Letter of withdrawal to R. Vega &lt;of &quot;25 November&quot;&gt;"
AGAIN = "What you wrote is here again. It was not sent yet."


def _fields(html: str, action: str) -> dict[str, str]:
    return form_of(html.encode(), action)


def _token(html: str) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', html)
    assert found is not None
    return found[1]


def _log_in(client: Client, who: ActingUser, to: str) -> str:
    body = {"username": who.username, "password": PASSWORD, "csrfmiddlewaretoken": ""}
    body["csrfmiddlewaretoken"] = _token(client.get(to).content.decode())
    answer = client.post(to, {**body, "next": unquote(to.partition("next=")[2])})
    assert answer.status_code == 302, answer.content
    return str(answer["Location"])


def test_an_answer_sent_after_the_session_is_back_and_was_not_sent(world: World) -> None:
    task = undo_task(world)
    at, client = f"/work-items/{task.id}/", browser(world.analyst, enforce_csrf_checks=True)
    fields = _fields(page(client, at), f"{at}complete/")
    del client.cookies["sessionid"]
    sent = client.post(
        f"{at}complete/",
        {**fields, "outcome": "REVERSED", "resolution.evidence": LETTER, "reason": "By hand"},
    )
    assert sent.status_code == 302
    assert sent["Location"] == f"/accounts/login/?next={at}"
    login = client.get(sent["Location"]).content.decode()
    assert "What you wrote is kept" in login
    assert f'value="{world.analyst.username}"' in login
    assert _log_in(client, world.analyst, sent["Location"]) == at
    html = page(client, at)
    assert AGAIN in html
    assert SHOWN in html
    assert "By hand</textarea>" in html
    assert re.search(r'value="REVERSED"[^>]*checked', html)
    # Nothing was done, and a reload still has the text.
    assert (stored(world, task.id).status, stored(world, task.id).version) == ("ASSIGNED", 1)
    assert SHOWN in page(client, at)
    fields = _fields(page(client, at), f"{at}complete/")
    done = client.post(
        f"{at}complete/", {**fields, "outcome": "REVERSED", "resolution.evidence": LETTER}
    )
    assert done.status_code == 303
    assert entries(world, task.id) == ["created", "started", "completed"]
    assert kept_forms.SESSION_KEY not in client.session
    assert client.session.get_expiry_age() > 24 * 3600


def test_a_form_of_an_earlier_session_is_shown_again_and_not_acted_on(world: World) -> None:
    task = undo_task(world)
    at, client = f"/work-items/{task.id}/", browser(world.analyst, enforce_csrf_checks=True)
    html = page(client, f"{at}reject/")
    fields = _fields(html, f"{at}reject/")
    client.cookies["csrftoken"] = "x" * 32
    sent = client.post(f"{at}reject/", {**fields, "reason": "It is not mine to say"})
    assert (sent.status_code, sent["Location"]) == (302, f"{at}reject/")
    again = page(client, f"{at}reject/")
    assert AGAIN in again
    assert "It is not mine to say</textarea>" in again
    assert stored(world, task.id).status == "ASSIGNED"


def test_nobody_else_reads_it(world: World) -> None:
    task = undo_task(world)
    at, client = f"/work-items/{task.id}/", browser(world.analyst)
    fields = _fields(page(client, at), f"{at}complete/")
    del client.cookies["sessionid"]
    sent = client.post(f"{at}complete/", {**fields, "resolution.note": "For my eyes"})
    assert _log_in(client, world.surveyor, sent["Location"]) == at
    assert kept_forms.SESSION_KEY not in client.session
    assert "For my eyes" not in page(client, at)
    assert AGAIN not in page(client, at)


def test_a_form_of_another_member_is_refused_in_a_session_that_goes_on(world: World) -> None:
    task = undo_task(world)
    at = f"/work-items/{task.id}/reject/"
    fields = _fields(page(browser(world.analyst), at), at)
    other = browser(world.surveyor, enforce_csrf_checks=True)
    sent = other.post(at, {**fields, "csrfmiddlewaretoken": "x" * 64, "reason": "For my eyes"})
    assert sent.status_code == 403
    assert kept_forms.SESSION_KEY not in other.session


@pytest.mark.parametrize("forged", ["", "e30:abc", "x" * 5_000])
def test_what_another_page_makes_the_browser_send_is_not_kept(world: World, forged: str) -> None:
    task = undo_task(world)
    at = f"/work-items/{task.id}/complete/"
    stranger = Client(enforce_csrf_checks=True)
    sent = stranger.post(at, {WRITTEN_BY: forged, "resolution.note": "Pay me"})
    assert sent.status_code == 403
    assert "sessionid" not in stranger.cookies
    member = browser(world.analyst, enforce_csrf_checks=True)
    sent = member.post(at, {WRITTEN_BY: forged, "resolution.note": "Pay me"})
    assert sent.status_code == 403
    assert "Pay me" not in page(member, f"/work-items/{task.id}/")


def test_what_is_too_long_is_not_kept_and_a_password_never(world: World) -> None:
    task = undo_task(world)
    at, client = f"/work-items/{task.id}/", browser(world.analyst)
    fields = _fields(page(client, at), f"{at}complete/")
    del client.cookies["sessionid"]
    long = "x" * (kept_forms.MAX_KEPT + 1)
    sent = client.post(f"{at}complete/", {**fields, "resolution.note": long})
    assert sent.status_code == 302
    assert "sessionid" not in client.cookies
    client = Client(enforce_csrf_checks=True)
    sent = client.post("/accounts/login/", {**fields, "username": "a", "password": "secret"})
    assert sent.status_code == 403
    assert "sessionid" not in client.cookies


def test_a_first_password_is_not_kept_with_the_rest_of_its_form(world: World) -> None:
    client = browser(world.admin)
    at = reverse("people:members")
    fields = _fields(page(client, at), at)
    del client.cookies["sessionid"]
    said = {**fields, "username": "new.one", "name": "New One", "password": "Pa55-of-the-first-day"}
    sent = client.post(at, {**said, "new": "on", "account.Password": "Pa55-of-another-name"})
    assert sent.status_code == 302
    kept = client.session[kept_forms.SESSION_KEY]
    assert (kept["fields"]["username"], kept["fields"]["name"]) == ("new.one", "New One")
    assert "Pa55" not in str(dict(client.session))
    html = page(client, _log_in(client, world.admin, sent["Location"]))
    assert AGAIN in html
    assert 'value="New One"' in html
    assert "Pa55" not in html
    # What is left of a form that its page has no more neither.
    assert "Pa55" not in page(client, at)


def test_every_field_that_hides_what_is_typed_is_known_by_its_name() -> None:
    def below(form: type[forms.BaseForm]) -> Iterator[type[forms.BaseForm]]:
        for each in form.__subclasses__():
            yield each
            yield from below(each)

    hidden = {
        name
        for form in below(forms.BaseForm)
        for name, field in getattr(form, "base_fields", {}).items()
        if isinstance(field.widget, forms.PasswordInput)
    }
    assert "password" in hidden
    assert [name for name in hidden if not kept_forms.is_secret(name)] == []


def test_it_waits_for_an_hour(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    task = undo_task(world)
    at, client = f"/work-items/{task.id}/", browser(world.analyst)
    fields = _fields(page(client, at), f"{at}complete/")
    del client.cookies["sessionid"]
    sent = client.post(f"{at}complete/", {**fields, "resolution.note": "Too late"})
    assert client.session.get_expiry_age() <= kept_forms.KEPT_SECONDS
    monkeypatch.setattr(kept_forms, "KEPT_SECONDS", -1)
    _log_in(client, world.analyst, sent["Location"])
    assert "Too late" not in page(client, at)


def test_every_form_in_which_one_types_says_for_whom_it_is(world: World) -> None:
    item = opened(world, assignee=world.analyst.username)
    for path in ("/work-items/new/", f"/work-items/{item.id}/", f"/work-items/{item.id}/reject/"):
        assert f'name="{WRITTEN_BY}"' in page(browser(world.analyst), path)
    assert f'name="{WRITTEN_BY}"' in page(browser(world.operator), reverse("cases:definitions"))


def test_what_cannot_be_sent_any_more_is_there_to_be_copied(world: World) -> None:
    task = undo_task(world)
    at, client = f"/work-items/{task.id}/", browser(world.analyst)
    fields = _fields(page(client, at), f"{at}complete/")
    actions.assign(task.id, call=Call(world.operator), assignee=world.surveyor.username)
    actions.start(task.id, call=Call(world.surveyor))
    actions.complete(task.id, call=Call(world.surveyor), outcome="REVERSED")
    late = client.post(
        f"{at}complete/", {**fields, "outcome": "REVERSED", "resolution.evidence": LETTER}
    )
    html = late.content.decode()
    assert late.status_code in {403, 409, 412}
    assert "What you wrote is not lost" in html
    assert f" readonly>{SHOWN}</textarea>" in html
    assert f'data-copy="{SHOWN}"' in html
    assert "Your answer" not in html
    assert stored(world, task.id).resolution is None


def _signed_out(client: Client, at: str, body: Mapping[str, object], who: ActingUser) -> str:
    """Send a form after the session is over, log in, and return the page that one comes to."""
    del client.cookies["sessionid"]
    sent = client.post(at, body)
    assert sent.status_code == 302
    return page(client, _log_in(client, who, sent["Location"]))


def test_a_filter_named_after_the_session_is_there_to_be_saved(world: World) -> None:
    opened(world, title="hot", priority="URGENT")
    at, client = "/work-items/?priority=URGENT&sort=oldest", browser(world.analyst)
    fields = _fields(page(client, at), "/work-items/?priority=URGENT")
    said = {**fields, "name": "What burns", "shared": "on"}
    html = _signed_out(client, "/work-items/?priority=URGENT", said, world.analyst)
    assert AGAIN in html
    assert 'value="What burns"' in html
    assert re.search(r'id="saved-filter-shared"[^>]*checked', html)
    assert re.search(r"(?s)<details open>(?:(?!</summary>).)*Save this filter", html)


def test_what_was_ticked_and_typed_in_a_list_after_the_session_is_back(world: World) -> None:
    items = [opened(world, title=title) for title in ("A", "B", "C")]
    at, client = "/inbox/?tab=unassigned", browser(world.operator)
    fields = _fields(page(client, at), at)
    said = {**fields, "verb": "cancel", "reason": LETTER, "ids": [items[0].id, items[1].id]}
    html = _signed_out(client, at, said, world.operator)
    assert AGAIN in html
    assert f'value="{SHOWN}"' in html
    ticked = re.findall(r'value="([^"]+)" form="several" checked', html)
    assert set(ticked) == {str(items[0].id), str(items[1].id)}
    assert {stored(world, each.id).status for each in items} == {"PENDING"}


def test_a_draft_and_how_far_it_is_sent_after_the_session_are_back(world: World) -> None:
    task = undo_task(world)
    at, client = f"/work-items/{task.id}/", browser(world.analyst)
    fields = _fields(page(client, at), f"{at}complete/")
    html = _signed_out(
        client, f"{at}draft/", {**fields, "resolution.evidence": LETTER}, world.analyst
    )
    assert AGAIN in html
    assert SHOWN in html
    actions.start(task.id, call=Call(world.analyst))
    fields = _fields(page(client, at), f"{at}progress/")
    html = _signed_out(client, f"{at}progress/", {**fields, "done": "37"}, world.analyst)
    assert AGAIN in html
    assert re.search(r'name="done" value="37"', html)


def test_what_its_page_does_not_ask_for_any_more_is_there_to_be_copied(world: World) -> None:
    task = undo_task(world)
    at, client = f"/work-items/{task.id}/", browser(world.analyst)
    fields = _fields(page(client, at), f"{at}complete/")
    actions.assign(task.id, call=Call(world.operator), assignee=world.surveyor.username)
    said = {**fields, "outcome": "REVERSED", "resolution.evidence": LETTER}
    html = _signed_out(client, f"{at}complete/", said, world.analyst)
    assert AGAIN not in html
    assert "What you wrote is not lost" in html
    assert f" readonly>{SHOWN}</textarea>" in html
    assert "REVERSED" not in html.partition("What you wrote is not lost")[2][:2000]


def test_the_name_of_a_token_sent_after_the_session_is_back(world: World) -> None:
    client = browser(world.analyst)
    at = reverse("people:settings")
    fields = _fields(page(client, at), reverse("people:token-create"))
    said = {**fields, "name": "Nightly export"}
    html = _signed_out(client, reverse("people:token-create"), said, world.analyst)
    assert AGAIN in html
    assert 'value="Nightly export"' in html


def test_why_something_is_undone_in_the_admin_is_back_after_the_session(world: World) -> None:
    case_id, client = approved_loan(world), browser(world.operator)
    confirm = reverse("admin:cases_case_roll_back")
    at = f"{confirm}?ids={case_id}"
    fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page(client, at))
    said = {**dict(fields), "reason": LETTER, "basis_code": "COURT_ORDER", "confirm": "Loan"}
    del client.cookies["sessionid"]
    sent = client.post(at, said, follow=True)
    [*_others, (login, _status)] = sent.redirect_chain
    back = _log_in(client, world.operator, login)
    assert back == at
    html = page(client, back)
    assert AGAIN in html
    assert SHOWN in html
    assert re.search(r'value="COURT_ORDER" selected', html)
    assert case_row(world, case_id).status == "COMPLETED"
    # Whatever comes of it, what was typed before is replaced.
    assert client.post(at, {**said, "reason": " "}).status_code == 422
    assert kept_forms.SESSION_KEY not in client.session


def test_a_form_made_in_one_organisation_is_not_carried_out_in_another(world: World) -> None:
    """Two tabs, one session: the other tab has changed the organisation since."""
    slug = f"zeta-{secrets.token_hex(4)}"
    second = create_tenant(slug, "Zeta")
    member = add_member(call=Call(second), username=world.analyst.username)
    client, at = browser(world.analyst), "/work-items/new/"
    fields = _fields(page(client, at), at)
    client.post(reverse("web:switch-tenant"), {"tenant": str(second.tenant_id)})
    sent = client.post(at, {**fields, "title": LETTER})
    assert sent.status_code == 409
    assert "another organisation than Zeta" in text_of(sent.content)
    assert "Nothing was done." in text_of(sent.content)
    for tenant in (world.operator.tenant_id, second.tenant_id):
        with tenant_scope(tenant):
            assert not WorkItem.objects.filter(tenant_id=tenant, title=LETTER).exists()
    # There it is empty: the text is of the other organisation.
    assert SHOWN not in page(client, at)
    client.post(reverse("web:switch-tenant"), {"tenant": str(world.operator.tenant_id)})
    back = page(client, at)
    assert (AGAIN in back, SHOWN in back) == (True, True)
    assert member.tenant_id == second.tenant_id
