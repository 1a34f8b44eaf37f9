"""Filters that members keep, for themselves or shared, over the API and on the list of all work."""

from __future__ import annotations

import re
import threading
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from ledger.clock import now
from ledger.tenancy import tenant_scope
from tests.clients import api, browser
from tests.integration.workitems_made import opened, page, titles
from tests.integration.workitems_over_rest import JSON
from tests.pages import text_of
from tests.world import World
from verbs.call import Call
from workitems import actions
from workitems.finding.finding_tables import SavedFilter

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = "/api/v1/saved-filters"
URGENT = {"priority": "URGENT", "overdue": True, "status": ["PENDING", "ASSIGNED"]}


def kept(client: Client, name: str = "Urgent", **more: Any) -> dict[str, Any]:
    body = {"name": name, "filter": URGENT, **more}
    answer = client.post(ROOT, body, content_type=JSON)
    assert answer.status_code == 201, answer.content
    assert answer["Location"] == f"{ROOT}/{answer.json()['id']}"
    return dict(answer.json())


def names(client: Client, query: str = "") -> list[str]:
    answer = client.get(f"{ROOT}?{query}")
    assert answer.status_code == 200, answer.content
    return [each["name"] for each in answer.json()["results"]]


def test_a_filter_is_kept_as_it_was_sent(world: World) -> None:
    client = api(world.analyst)
    made = kept(client)
    assert made["filter"] == URGENT
    assert (made["owner"], made["shared"], made["version"], made["ended_at"]) == (
        world.analyst.username, False, 1, None,
    )  # fmt: skip
    assert [each["allowed"] for each in made["available_actions"]] == [True, True]
    answer = client.get(f"{ROOT}/{made['id']}")
    assert (answer.json(), answer["ETag"]) == (made, '"v1"')
    found = client.post("/api/v1/work-items/search", made["filter"], content_type=JSON)
    assert found.status_code == 200


def test_blanks_between_values_are_no_part_of_them(world: World) -> None:
    client = api(world.analyst)
    waiting, taken = opened(world, title="Waits"), opened(world, title="Taken")
    actions.claim(taken.id, call=Call(world.analyst))
    for said in ("PENDING,ASSIGNED", "PENDING, ASSIGNED", " PENDING ,ASSIGNED,PENDING"):
        found = client.get("/api/v1/work-items", {"status": said})
        assert found.status_code == 200
        ids = {each["id"] for each in found.json()["results"]}
        assert ids == {str(waiting.id), str(taken.id)}, said
    body = {"name": "Open", "filter": {"status": "PENDING, ASSIGNED"}}
    made = client.post(ROOT, body, content_type=JSON).json()
    assert made["filter"] == {"status": ["PENDING", "ASSIGNED"]}


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, ["/name", "/filter"]),
        ({"name": " ", "filter": {"q": "x"}}, ["/name"]),
        ({"name": "x" * 151, "filter": {"q": "x"}}, ["/name"]),
        ({"name": "n", "filter": {}}, ["/filter"]),
        ({"name": "n", "filter": []}, ["/filter"]),
        ({"name": "n", "filter": None}, ["/filter"]),
        ({"name": "n", "filter": {"q": "x"}, "shared": "yes"}, ["/shared"]),
        ({"name": "n", "filter": {"q": "x"}, "owner": "me"}, ["/owner"]),
        ({"name": "n", "filter": {"colour": "x"}}, ["/filter/colour"]),
        ({"name": "n", "filter": {"a/b": "x"}}, ["/filter/a~1b"]),
        ({"name": "n", "filter": {"due_before": "soon", "kind": 1}},
         ["/filter/due_before", "/filter/kind"]),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_by_name_and_nothing_is_kept(
    world: World, body: dict[str, Any], pointers: list[str]
) -> None:
    client = api(world.analyst)
    answer = client.post(ROOT, body, content_type=JSON)
    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json()["errors"]] == pointers
    assert names(client) == []


def test_a_name_is_there_once_for_each_member(world: World) -> None:
    client = api(world.analyst)
    made = kept(client)
    again = client.post(ROOT, {"name": "Urgent", "filter": {"q": "x"}}, content_type=JSON)
    assert (again.status_code, again.json()["errors"][0]["pointer"]) == (422, "/name")
    assert again.json()["code"] == "name_taken"
    kept(api(world.surveyor))
    other = kept(client, "Other")
    to = client.patch(f"{ROOT}/{other['id']}", {"name": "Urgent"}, content_type=JSON)
    assert (to.status_code, to.json()["code"]) == (422, "name_taken")
    assert client.delete(f"{ROOT}/{made['id']}").status_code == 200
    kept(client)
    assert names(client) == ["Urgent", "Other"]


def test_one_changes_and_ends_ones_own(world: World) -> None:
    client = api(world.analyst)
    made = kept(client)
    address = f"{ROOT}/{made['id']}"
    same = client.patch(address, {"name": "Urgent", "filter": URGENT}, content_type=JSON)
    assert (same.status_code, same.json()["version"]) == (200, 1)
    changed = client.patch(
        address, {"filter": {"q": "loan"}, "shared": True}, content_type=JSON,
        headers={"If-Match": '"v1"'},
    ).json()  # fmt: skip
    assert (changed["filter"], changed["shared"], changed["version"]) == ({"q": "loan"}, True, 2)
    stale = client.patch(address, {"name": "x"}, content_type=JSON, headers={"If-Match": '"v1"'})
    assert stale.status_code == 412
    broken = client.patch(address, {"filter": {"case": "7"}}, content_type=JSON)
    assert (broken.status_code, broken.json()["errors"][0]["pointer"]) == (422, "/filter/case")
    ended = client.delete(address)
    assert (ended.status_code, ended.json()["ended_at"] is not None) == (200, True)
    assert [client.delete(address).status_code, client.get(address).status_code] == [404, 404]
    assert names(client) == []
    with tenant_scope(world.analyst.tenant_id):
        assert SavedFilter.objects.get(id=made["id"]).filter == {"q": "loan"}


def test_what_is_personal_is_nobody_elses_and_what_is_shared_is_everybodys(world: World) -> None:
    mine = kept(api(world.analyst), "Mine")
    ours = kept(api(world.analyst), "Ours", shared=True)
    for who, expected in (("surveyor", 403), ("operator", 200)):
        client = api(world.of(who))
        assert names(client) == ["Ours"]
        assert client.get(f"{ROOT}/{mine['id']}").status_code == 404
        assert client.delete(f"{ROOT}/{mine['id']}").status_code == 404
        assert (
            client.patch(f"{ROOT}/{mine['id']}", {"name": "x"}, content_type=JSON).status_code
            == 404
        )
        assert client.get(f"{ROOT}/{ours['id']}").status_code == 200
        changed = client.patch(f"{ROOT}/{ours['id']}", {"name": "All"}, content_type=JSON)
        assert changed.status_code == expected
    outsider = api(world.outsider)
    assert names(outsider) == []
    assert outsider.get(f"{ROOT}/{ours['id']}").status_code == 404
    assert names(api(world.analyst)) == ["All", "Mine"]


def test_the_list_is_paged_with_what_others_share_in_its_place(world: World) -> None:
    for number in range(3):
        kept(api(world.analyst), f"own {number}")
        kept(api(world.surveyor), f"shared {number}", shared=True)
    client, url, found = api(world.analyst), f"{ROOT}?limit=2", []
    while url:
        body = client.get(url).json()
        found.append([each["name"] for each in body["results"]])
        url = body["next"]
    assert found == [["shared 2", "own 2"], ["shared 1", "own 1"], ["shared 0", "own 0"]]


def test_one_keeps_a_hundred_at_most(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workitems.actions.filter_saving.MOST", 1)
    client = api(world.analyst)
    kept(client)
    answer = client.post(ROOT, {"name": "More", "filter": {"q": "x"}}, content_type=JSON)
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many")
    assert names(client) == ["Urgent"]


def test_of_two_of_one_name_at_once_one_is_kept(world: World) -> None:
    clients = [api(world.analyst) for _ in range(4)]
    start, answers = threading.Barrier(len(clients)), []

    def keep(client: Client) -> None:
        try:
            start.wait()
            answer = client.post(ROOT, {"name": "Once", "filter": {"q": "x"}}, content_type=JSON)
            answers.append((answer.status_code, answer.json().get("code")))
        finally:
            connection.close()

    threads = [threading.Thread(target=keep, args=[each]) for each in clients]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(answers, key=str) == [(201, None), *[(422, "name_taken")] * 3]
    assert names(clients[0]) == ["Once"]


def test_the_page_keeps_applies_and_ends_a_filter(world: World) -> None:
    opened(world, title="hot", priority="URGENT")
    opened(world, title="cold")
    client = browser(world.analyst)
    assert "Save this filter" not in page(client, "/work-items/")
    assert "Save this filter" in page(client, "/inbox/?priority=URGENT")
    made = client.post("/work-items/?priority=URGENT", {"name": "Hot ones", "shared": "on"})
    assert (made.status_code, made["Location"]) == (303, "/work-items/?priority=URGENT")
    html = page(client, "/inbox/")
    assert 'href="/work-items/?priority=URGENT"' in html
    assert titles(page(client, "/work-items/?priority=URGENT")) == ["hot"]
    # It is kept already, so that it can be ended and not kept once more.
    html = page(client, "/work-items/?priority=URGENT")
    assert "Save this filter" not in html
    assert "Remove “Hot ones”" in text_of(html.encode())
    other = page(browser(world.surveyor), "/work-items/?priority=URGENT")
    assert "Hot ones" in other
    assert "Remove “Hot ones”" not in text_of(other.encode())
    [row] = api(world.analyst).get(ROOT).json()["results"]
    assert (row["filter"], row["shared"]) == ({"priority": "URGENT"}, True)
    ended = client.post(f"/work-items/filters/{row['id']}/end/")
    assert (ended.status_code, ended["Location"]) == (303, "/work-items/")
    assert "Hot ones" not in page(client, "/inbox/")


def test_a_page_that_cannot_keep_it_says_so_and_keeps_the_text(world: World) -> None:
    client = browser(world.analyst)
    kept(api(world.analyst), "Taken")
    answer = client.post("/work-items/?priority=URGENT", {"name": "Taken"})
    assert answer.status_code == 422
    assert "You keep another filter of this name." in text_of(answer.content)
    assert b'value="Taken"' in answer.content
    assert client.post("/work-items/?priority=URGENT", {"name": ""}).status_code == 422
    assert client.post("/work-items/", {"name": "Nothing"}).status_code == 422
    assert client.post("/work-items/?priority=X", {"name": "Broken"}).status_code == 422
    assert names(api(world.analyst)) == ["Taken"]


def test_all_filters_can_be_reached_and_the_one_applied_is_known(world: World) -> None:
    with tenant_scope(world.analyst.tenant_id):
        for who, start, shared in ((world.analyst, 0, False), (world.surveyor, 100, True)):
            SavedFilter.objects.bulk_create(
                SavedFilter(
                    tenant_id=who.tenant_id, owner_id=who.actor_id, name=f"kept {start + n}",
                    shared=shared, filter={"label": f"l{start + n}"}, created_at=now(),
                )
                for n in range(60)
            )  # fmt: skip
    client = browser(world.analyst)
    # The oldest is not among those above the list; it is when it is applied.
    html = page(client, "/work-items/?label=l0")
    assert 'href="/work-items/?label=l0" aria-current="true"' in html
    assert "Remove “kept 0”" in text_of(html.encode())
    assert "Save this filter" not in html
    html = page(client, "/inbox/")
    assert html.count('href="/work-items/?label=l') == 10
    assert 'href="/work-items/filters/"' in html
    found, url = [], "/work-items/filters/"
    while url:
        html = page(client, url)
        found += re.findall(r'class="row-title" href="/work-items/\?label=l(\d+)"', html)
        nexts = re.findall(r'rel="next" href="([^"]+)"', html)
        url = nexts[0].replace("&amp;", "&") if nexts else ""
    assert sorted(map(int, found)) == [*range(60), *range(100, 160)]
    # What it asks for is said in words; ending one's own leads back.
    assert "Label: l0" in text_of(html.encode())
    forms = re.findall(r'action="(/work-items/filters/[^"]+/end/)"', html)
    ended = client.post(forms[-1], {"from_page": "1"})
    assert (ended.status_code, ended["Location"]) == (303, "/work-items/filters/")
    assert len(names(api(world.analyst), "limit=200")) == 119
