"""The causal chain is one thing: API, page and drawing name the same nodes and say the same."""

from __future__ import annotations

import re
import uuid
from typing import Any

from django.test import Client

from tests.casework import (
    approved_loan,
    deploy,
    finish,
    open_undo,
    opened,
    plan_items,
    roll_back,
    undo,
)
from tests.clients import api, browser
from tests.definitions import definition, human
from tests.pages import text_of
from tests.subcases import below, child
from tests.world import World


def nodes_of(world: World, case_id: uuid.UUID) -> dict[str, dict[str, Any]]:
    """Return the nodes of the API by id."""
    body = api(world.auditor).get(f"/api/v1/cases/{case_id}/causal-chain").json()
    return {node["id"]: node for node in body["nodes"]}


def told(client: Client, path: str) -> dict[str, str]:
    """Return the rows of a chain's table by node."""
    html = client.get(path).content.decode()
    rows = re.findall(r'<tr data-node="([^"]+)">(.*?)</tr>', html, re.DOTALL)
    return {id_: text_of(row.encode()) for id_, row in rows}


def drawn(client: Client, path: str) -> set[str]:
    """Return the nodes of a page's drawing."""
    html = client.get(path).content.decode()
    return set(re.findall(r'class="node[^"]*" data-node="([^"]+)"', html))


def test_api_page_and_drawing_have_the_same_nodes(world: World) -> None:
    case_id = approved_loan(world)
    roll_back(world, case_id)
    client, path = browser(world.operator), f"/cases/{case_id}/causal-chain/"
    nodes = nodes_of(world, case_id)
    assert len(nodes) == 8
    assert set(told(client, path)) == drawn(client, path) == set(nodes)
    planned = [node for node in nodes.values() if node["type"] == "compensation_step"]
    assert [(node["status"], node["at"], node["undone_by"]) for node in planned] == [
        ("PLANNED", None, [])
    ] * 2
    item = plan_items(world, case_id)["valuation"].work[1]
    of_item = f"/work-items/{item}/causal-chain/"
    assert set(told(client, of_item)) == drawn(client, of_item) == set(nodes)


def test_a_case_below_is_a_step_of_the_chain_above(world: World) -> None:
    deploy(world, definition("low", human("task"), success=".task != null"))
    deploy(world, definition("top", below("lower", "low", when=".a and .lower == null"), human("a"),
                             human("b", when=".lower and .b == null")))  # fmt: skip
    top = opened(world, "tests/top")
    first = finish(world.analyst, top, "a", "OK")
    low = child(world, top)
    finish(world.analyst, low.id, "task", "OK")
    last = finish(world.analyst, top, "b", "OK")
    nodes = nodes_of(world, top)
    assert list(nodes) == [str(first), str(low.id), str(last)]
    of_case = nodes[str(low.id)]
    said = ("type", "name", "status", "completion_seq", "who")
    assert [of_case[name] for name in said] == ["case", "Lower", "COMPLETED", 2, None]
    client = browser(world.operator)
    for path in (f"/cases/{top}/causal-chain/", f"/work-items/{first}/causal-chain/"):
        rows = told(client, path)
        assert set(rows) == drawn(client, path) == set(nodes)
        assert rows[str(low.id)].startswith("2 Lower Case")
    page = client.get(f"/cases/{top}/")
    assert drawn(client, f"/cases/{top}/") == set(nodes)
    assert low.name in text_of(page.content)


def colours(client: Client, path: str) -> dict[str, str]:
    """Return what the colour of each node of a page's drawing says, by its id."""
    html = client.get(path).content.decode()
    found = re.findall(r'class="node(?: n-(\w+))?[^"]*" data-node="([^"]+)"', html)
    return {id_: tone for tone, id_ in found}


def test_the_drawing_shows_in_colour_what_became_of_each_step(world: World) -> None:
    case_id = approved_loan(world)
    roll_back(world, case_id)
    items = plan_items(world, case_id)
    paid, approved, valued = (
        str(items[name].work[1]) for name in ("disbursement", "approval", "valuation")
    )
    client, page = browser(world.operator), f"/cases/{case_id}/"
    seen = colours(client, page)
    assert (seen[paid], seen[approved], seen[valued]) == ("done", "undo", "")
    undo(world.underwriter, case_id, "CANNOT_REVERSE")
    seen = colours(client, page)
    assert (seen[paid], seen[approved], seen[valued]) == ("done", "bad", "")


def test_undone_by_is_only_what_is_undone(world: World) -> None:
    case_id = approved_loan(world)
    roll_back(world, case_id)
    items = plan_items(world, case_id)
    paid, approved, valued = (
        str(items[name].work[1]) for name in ("disbursement", "approval", "valuation")
    )
    task = str(open_undo(world.underwriter, case_id).id)
    nodes = nodes_of(world, case_id)
    [repaid] = nodes[paid]["undone_by"]
    assert nodes[repaid]["undoes"] == paid
    assert nodes[approved]["undone_by"] == []
    rows = told(browser(world.operator), f"/cases/{case_id}/causal-chain/")
    assert "undone by Pay back" in rows[paid]
    assert "being undone by Withdraw approval" in rows[approved]
    assert "to be undone by Withdraw valuation" in rows[valued]

    undo(world.underwriter, case_id, "CANNOT_REVERSE")
    assert nodes_of(world, case_id)[approved]["undone_by"] == []
    rows = told(browser(world.operator), f"/cases/{case_id}/causal-chain/")
    assert "not undone by Withdraw approval" in rows[approved]
    assert "did not undo Approval" in rows[task]


def test_a_program_is_called_by_its_name(world: World) -> None:
    case_id = approved_loan(world)
    roll_back(world, case_id)
    paid = str(plan_items(world, case_id)["disbursement"].work[1])
    nodes = nodes_of(world, case_id)
    assert nodes[paid]["who"] == "demo.transfer"
    assert nodes[nodes[paid]["undone_by"][0]]["who"] == "demo.reverse-transfer"
    rows = told(browser(world.operator), f"/cases/{case_id}/causal-chain/")
    assert "Transfer" in rows[paid]
    assert "demo.transfer" not in rows[paid]
    assert "system" not in rows[paid]
