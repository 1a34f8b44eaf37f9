"""What a case holds comes in pages: its plan items, its chain, its page, the steps of its runs."""

from __future__ import annotations

import re
import uuid
from typing import Any

from accounts.acting import ActingUser
from tests.casework import approved_loan, roll_back
from tests.clients import api, browser
from tests.world import World

V1 = "/api/v1"


def every_page(who: ActingUser, url: str, limit: int) -> list[dict[str, Any]]:
    """Return the bodies of all pages, each followed to by the link of the one before."""
    client, found = api(who), []
    following: str | None = f"{url}?limit={limit}"
    while following is not None:
        body = client.get(following).json()
        found.append(body)
        following = body["next"]
    return found


def test_plan_items_come_in_pages_in_the_order_of_opening(world: World) -> None:
    case_id = approved_loan(world)
    url = f"{V1}/cases/{case_id}/plan-items"
    [whole] = every_page(world.operator, url, 200)
    pages = every_page(world.operator, url, 2)
    assert [len(page["results"]) for page in pages[:-1]] == [2] * (len(pages) - 1)
    assert [item for page in pages for item in page["results"]] == whole["results"]
    assert len(whole["results"]) == 4
    back = api(world.operator).get(pages[-1]["previous"]).json()
    assert back["results"] == pages[-2]["results"]


def test_a_chain_comes_in_pages_and_each_arrow_once(world: World) -> None:
    case_id = approved_loan(world)
    roll_back(world, case_id)
    url = f"{V1}/cases/{case_id}/causal-chain"
    [whole] = every_page(world.operator, url, 200)
    pages = every_page(world.operator, url, 2)
    assert len(pages) == (len(whole["nodes"]) + 1) // 2 > 1
    assert [node for page in pages for node in page["nodes"]] == whole["nodes"]

    def arrows(bodies: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
        edges = [edge for body in bodies for edge in body["edges"]]
        return sorted((edge["source"], edge["target"], edge["kind"]) for edge in edges)

    assert arrows(pages) == arrows([whole]) != []
    node = whole["nodes"][0]["id"]
    of_item = every_page(world.operator, f"{V1}/work-items/{node}/causal-chain", 2)
    assert [each["id"] for body in of_item for each in body["nodes"]] == [
        each["id"] for each in whole["nodes"]
    ]


def test_a_cursor_of_another_list_is_refused(world: World) -> None:
    case_id = approved_loan(world)
    url = f"{V1}/cases/{case_id}/causal-chain"
    cursor = every_page(world.operator, f"{V1}/cases/{case_id}/plan-items", 1)[0]["next"]
    response = api(world.operator).get(f"{url}?cursor={cursor.rpartition('cursor=')[2]}")
    assert (response.status_code, response.json()["code"]) == (422, "invalid_cursor")


def test_pages_of_a_case_show_a_page_of_each_list(world: World) -> None:
    case_id = approved_loan(world)
    run = roll_back(world, case_id)
    client = browser(world.operator)

    def seen(url: str, pattern: str) -> list[list[str]]:
        """Return what matches on each page, going on by its link."""
        found = []
        following: str | None = f"{url}?limit=1"
        while following is not None:
            html = client.get(following).content.decode()
            found.append(re.findall(pattern, html))
            link = re.search(r'rel="next" href="([^"]+)"', html)
            following = None if link is None else link[1].replace("&amp;", "&")
        return found

    items = seen(f"/cases/{case_id}/", r'<li data-step="(\d)"')
    assert items == [["2"], ["3"], ["4"], ["1"]]
    nodes = seen(f"/cases/{case_id}/causal-chain/", r'<tr data-node="([^"]+)"')
    assert [len(each) for each in nodes] == [1] * len(nodes)
    assert len({uuid.UUID(id_) for each in nodes for id_ in each}) == len(nodes) > 4
    steps = seen(f"/compensation-runs/{run.id}/", r'<li data-step="(\d)"')
    assert steps == [["1"], ["2"], ["3"], ["4"]]
