"""One's own settings: in which language and zone pages speak, and tokens for programs."""

from __future__ import annotations

import re

import pytest

from accounts.managed_people import tokens_of
from accounts.selectors import preferences_of
from ledger.models import LedgerEntry
from ledger.tenancy import tenant_scope
from tests.clients import api, browser
from tests.pages import text_of
from tests.world import World
from verbs.call import Call
from workitems.actions import create_work_item

MOMENT = re.compile(r'<time datetime="[^"]+" title="([^"]+)"')


def chosen(world: World) -> dict[str, str]:
    """Return what the analyst has chosen."""
    assert world.analyst.user_id is not None
    return preferences_of(world.analyst.user_id)


def test_the_zone_that_one_chose_holds_on_every_page_and_not_in_the_api(world: World) -> None:
    client = browser(world.analyst)
    item = create_work_item(call=Call(world.operator), title="A task")
    page = client.get(f"/work-items/{item.id}/").content.decode()
    assert {each.rpartition(" ")[2] for each in MOMENT.findall(page)} == {"UTC"}
    answer = client.post("/settings/", {"language": "en", "time_zone": "Asia/Tokyo"})
    assert (answer.status_code, answer["Location"]) == (303, "/settings/")
    page = client.get(f"/work-items/{item.id}/").content.decode()
    assert {each.rpartition(" ")[2] for each in MOMENT.findall(page)} == {"JST"}
    assert "Times are Tokyo time" in page
    for reader in (client, api(world.analyst)):
        told = reader.get(f"/api/v1/work-items/{item.id}").json()["created_at"]
        assert told == item.created_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    # It is the reader's alone, and the next request in this thread begins anew.
    other = browser(world.surveyor).get(f"/work-items/{item.id}/").content.decode()
    assert {each.rpartition(" ")[2] for each in MOMENT.findall(other)} == {"UTC"}


@pytest.mark.parametrize(
    "said",
    [
        {"language": "xx", "time_zone": ""},
        {"language": "", "time_zone": "Mars/Olympus"},
        {"language": "", "time_zone": "../../etc/passwd"},
        {"language": "en", "time_zone": "Europe/Vienna\x1f"},
    ],
)
def test_what_is_not_offered_is_refused_and_nothing_is_kept(
    world: World, said: dict[str, str]
) -> None:
    answer = browser(world.analyst).post("/settings/", said)
    assert answer.status_code == 422
    assert "Choose one of those that are offered." in answer.content.decode()
    assert chosen(world) == {"language": "", "time_zone": ""}


def test_a_token_is_shown_once_works_and_is_revoked(world: World) -> None:
    client = browser(world.analyst)
    made = client.post("/settings/tokens/", {"name": "Nightly report"})
    assert (made.status_code, made["Cache-Control"]) == (201, "no-store")
    found = re.search(r'<p class="token"><code>([^<]+)</code>', made.content.decode())
    assert found is not None
    token = {"Authorization": f"Bearer {found[1]}"}
    again = client.get("/settings/").content.decode()
    assert found[1] not in again
    assert "Nightly report" in again
    assert client.get("/api/v1/work-items", headers=token).status_code == 200
    with tenant_scope(world.analyst.tenant_id):
        [row] = tokens_of(world.analyst)
    answer = client.post(f"/settings/tokens/{row.public_id}/revoke/")
    assert (answer.status_code, answer["Location"]) == (303, "/settings/")
    client.logout()
    assert client.get("/api/v1/work-items", headers=token).status_code == 401
    with tenant_scope(world.analyst.tenant_id):
        entries = LedgerEntry.objects.filter(subject_id=world.analyst.actor_id)
        actions = list(entries.order_by("subject_seq").values_list("action", flat=True))
    assert actions[-2:] == ["token_created", "token_revoked"]


def test_nobody_revokes_anothers_token(world: World) -> None:
    client = browser(world.analyst)
    client.post("/settings/tokens/", {"name": "Mine"})
    with tenant_scope(world.analyst.tenant_id):
        [row] = tokens_of(world.analyst)
    for name in ("operator", "outsider"):
        other = browser(world.of(name))
        assert other.post(f"/settings/tokens/{row.public_id}/revoke/").status_code == 404
        assert "Mine" not in text_of(other.get("/settings/").content)
    with tenant_scope(world.analyst.tenant_id):
        assert [each.name for each in tokens_of(world.analyst)] == ["Mine"]


@pytest.mark.parametrize("name", ["", "x" * 101])
def test_a_token_needs_a_name_that_fits(world: World, name: str) -> None:
    assert browser(world.analyst).post("/settings/tokens/", {"name": name}).status_code == 422
    with tenant_scope(world.analyst.tenant_id):
        assert tokens_of(world.analyst) == []


@pytest.mark.parametrize(
    ("name", "links"),
    [
        ("analyst", {"/api/v1/docs/"}),
        ("operator", {"/admin/", "/api/v1/docs/"}),
        ("admin", {"/admin/", "/api/v1/docs/"}),
    ],
)
def test_the_menu_leads_to_the_admin_for_those_who_may_and_to_the_api(
    world: World, name: str, links: set[str]
) -> None:
    page = browser(world.of(name)).get("/inbox/")
    assert {each["url"] for each in page.context["shell"]["menu"]} == links
    html = page.content.decode()
    assert all(f'href="{link}"' in html for link in links)
    assert 'href="/settings/"' in html
