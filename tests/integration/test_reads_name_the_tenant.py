"""Every statement of a list, an item or a case names its tenant, beside the policy that does.

The policy's tenant is known only while a statement runs. One that names it as well is planned for
as many rows as this tenant has, and not for those of the largest.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Sequence

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver

from tests import states
from tests.architecture.test_catalogue import tenant_tables
from tests.casework import approved_loan, open_loan, open_undo, plan_items, roll_back, undo
from tests.clients import api, browser
from tests.draining import drain
from tests.sealed import sealed
from tests.tenant_naming import unnamed_in
from tests.world import World

_ROLE = re.compile(r"set_config\('role', '(\w+)', true\)")
#: Not ours, or not read: what serves files, signs in, or describes the API.
_ELSEWHERE = ("accounts/", "admin/", "static/", "api/v1/schema/", "api/v1/docs/", "api/auth/")
#: What is not answered without: about what, or since when.
_NEEDED = {
    "/api/v1/ledger/consistency": "first=1",
    "/api/v1/ledger/export": "case={case}",
    "/api/v1/ledger/report": "case={case}",
}
_VARIANTS = {
    "/inbox/": [
        "tab=mine", "tab=groups", "tab=unassigned", "tab=held", "tab=done", "tab=all&q=a",
        "kind=COMPENSATION", "case=1", "due=late&sort=newest", "tab=all&assignee=me",
    ],
    "/search/": ["q=a", "q=1", "q=loan"],
    "/cases/": ["status=RUNNING&q=a", "q=1"],
    "/compensation-runs/": ["show=live"],
    "/ledger/": ["type=case&action=opened", "actor={actor}", "since=2020-01-01"],
    "/notifications/": ["unread=1"],
    "/api/v1/work-items": [
        "status=PENDING&kind=TASK", "assignee=me", "assignee={actor}", "candidate=me", "q=a"
    ],
    "/api/v1/executions": ["status=SUCCEEDED"],
    "/api/v1/cases": ["status=RUNNING", "definition=examples/loan", "number=1"],
    "/api/v1/compensation-runs": ["status=RUNNING"],
    "/api/v1/ledger/entries": ["subject=case", "kind=TRANSITION", "actor={actor}"],
    "/api/v1/notifications": ["unread=true"],
    "/api/v1/deliveries": ["status=DELIVERED"],
}  # fmt: skip


def lists(patterns: Sequence[URLPattern | URLResolver], before: str = "/") -> Iterator[str]:
    """Yield every address without parameters that a GET has, of pages and of the API."""
    for each in patterns:
        address = f"{before}{each.pattern}"
        if isinstance(each, URLResolver):
            yield from lists(each.url_patterns, address)
        elif "<" not in address and not address.removeprefix("/").startswith(_ELSEWHERE):
            view = getattr(each.callback, "view_class", None) or getattr(each.callback, "cls", None)
            if hasattr(view, "get"):
                yield address


def unnamed(client: Client, address: str) -> list[str]:
    """Return the parts of the statements of a GET that name no tenant."""
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(address)
        if answer.streaming:
            b"".join(answer)
    assert answer.status_code in {200, 302}, (address, answer.content)
    found, tables, role = [], tenant_tables(), "none"
    for query in captured.captured_queries:
        said = query["sql"]
        if entered := _ROLE.search(said):
            role = entered[1]
        elif said in {"COMMIT", "BEGIN"}:
            role = "none"
        elif role == "none" and not said.startswith(("SELECT set_config", "SELECT coalesce(")):
            found += [f"{address}: {part}" for part in unnamed_in(said, tables)]
    return found


@pytest.fixture
def story(world: World) -> dict[str, uuid.UUID]:
    """Have something in every list: a fresh loan, one being taken back, news of both."""
    open_loan(world)
    case_id = approved_loan(world)
    run = roll_back(world, case_id)
    undo(world.underwriter, case_id)
    task = open_undo(world.surveyor, case_id)
    drain()
    sealed(world.operator.tenant_id)
    step = plan_items(world, case_id)["approval"].work[1]
    return {"case": case_id, "run": run.id, "task": task.id, "item": step}


def test_every_list_names_its_tenant(world: World, story: dict[str, uuid.UUID]) -> None:
    # Erasures are read by auditors.
    states.change_roles(world, world.operator, "operator", "auditor")
    page, program = browser(world.operator), api(world.operator)
    addresses = sorted(set(lists(get_resolver().url_patterns)))
    assert set(_VARIANTS) <= set(addresses)
    found = []
    for address in addresses:
        client = program if address.startswith("/api/") else page
        variants = [v.format(actor=world.analyst.username) for v in _VARIANTS.get(address, ())]
        needed = _NEEDED.get(address, "").format(**story)
        for query in (needed, f"{needed}&limit=1" if needed else "limit=1", *variants):
            found += unnamed(client, f"{address}?{query}")
    assert found == [], "\n".join(found)


def test_a_later_page_names_its_tenant(world: World, story: dict[str, uuid.UUID]) -> None:
    client = api(world.operator)
    for address in ("work-items", "cases", "executions", "ledger/entries", "compensation-runs"):
        url: str | None = f"/api/v1/{address}?limit=1"
        for _ in range(2):
            if url is not None:
                assert unnamed(client, url) == []
                url = client.get(url).json()["next"]


def test_an_item_and_a_case_name_their_tenant(world: World, story: dict[str, uuid.UUID]) -> None:
    page, program = browser(world.operator), api(world.operator)
    task, item, case, run = (story[name] for name in ("task", "item", "case", "run"))
    found = []
    for address in (
        f"/work-items/{task}/", f"/work-items/{item}/", f"/work-items/{task}/causal-chain/",
        f"/cases/{case}/", f"/cases/{case}/causal-chain/", f"/compensation-runs/{run}/",
        f"/ledger/subjects/case/{case}/",
    ):  # fmt: skip
        found += unnamed(page, address)
    for address in (
        f"work-items/{task}", f"work-items/{item}", f"work-items/{task}/causal-chain",
        f"work-items/{item}/history", f"cases/{case}", f"cases/{case}/plan-items",
        f"cases/{case}/timeline", f"cases/{case}/causal-chain", f"compensation-runs/{run}",
    ):  # fmt: skip
        found += unnamed(program, f"/api/v1/{address}")
    assert found == [], "\n".join(found)
