"""Pages that store definitions, start cases, find them, hold them and end them."""

from __future__ import annotations

import json
import re

import pytest
from django.test import Client

from cases.models import Case
from config.demo.transfers import open_accounts
from ledger.tenancy import tenant_scope
from tests.casework import CONTEXT, LOAN, case_row, deploy, open_loan
from tests.clients import browser
from tests.draining import drain
from tests.pages import form_of, text_of
from tests.world import World

WHY = {"reason": "The credit check was forged", "scope": "whole"}


@pytest.fixture
def operator(world: World) -> Client:
    """A browser in which the operator is signed in."""
    return browser(world.operator)


def test_definitions_are_stored_or_refused_with_their_lines(world: World, operator: Client) -> None:
    assert "No definitions yet" in text_of(operator.get("/cases/definitions/").content)
    broken = LOAN.replace("namespace:", "nameespace:")
    answer = operator.post("/cases/definitions/", {"source": broken})
    assert answer.status_code == 422
    assert "Nothing was stored." in text_of(answer.content)
    assert re.search(r"Line \d+: ", text_of(answer.content))
    assert b"nameespace:" in answer.content
    assert "No definitions yet" in text_of(operator.get("/cases/definitions/").content)

    answer = operator.post("/cases/definitions/", {"source": LOAN.replace("\n", "\r\n")})
    url = "/cases/definitions/examples/loan-approval/1.0.0/"
    assert (answer.status_code, answer["Location"]) == (303, url)
    page = operator.get(url)
    assert "Pay back: Reverse transfer, automatically" in text_of(page.content)
    assert b'data-n="1"' in page.content
    member = browser(world.bystander)
    assert b"<textarea" not in member.get("/cases/definitions/").content
    assert member.post("/cases/definitions/", {"source": LOAN}).status_code == 403


def test_a_case_is_started_with_what_is_known(world: World) -> None:
    member = browser(world.analyst)
    assert "There is nothing to start yet" in text_of(member.get("/cases/new/").content)
    deploy(world, LOAN)
    open_accounts(world.operator.tenant_id)
    chosen = {"definition": "examples/loan-approval 1.0.0", "title": "Loan 2024-118"}
    for context, problem in (
        ("{", "Line 1:"), ("[1]", "It must be a JSON object"), ("NaN", "is no JSON value"),
    ):  # fmt: skip
        answer = member.post("/cases/new/", {**chosen, "context": context})
        assert answer.status_code == 422
        assert problem in text_of(answer.content)
        assert "Loan 2024-118" in answer.content.decode()
    with tenant_scope(world.operator.tenant_id):
        assert Case.objects.count() == 0
    answer = member.post("/cases/new/", {**chosen, "context": json.dumps(CONTEXT)})
    assert answer.status_code == 303
    fields = {"context.applicant": "R. Vega", "context.amount": "250.00"}
    answer = member.post("/cases/new/", {**chosen, **fields})
    assert answer.status_code == 303
    drain()
    page = text_of(member.get(answer["Location"]).content)
    assert "Loan 2024-118" in page
    assert "R. Vega · Amount 250.00 EUR" in page.replace("\N{NO-BREAK SPACE}", " ")
    assert "Credit check" in page


def test_cases_are_found_by_state_and_title(world: World, operator: Client) -> None:
    case_id = open_loan(world)
    here = f"/cases/{case_id}/"
    for query, found in (
        ("", True), ("?status=RUNNING", True), ("?status=CLOSED", False), ("?q=loan", True),
        ("?q=mortgage", False),
    ):  # fmt: skip
        assert (here in operator.get(f"/cases/{query}").content.decode()) is found, query
    assert "No match" in text_of(operator.get("/cases/?q=mortgage").content)
    assert operator.get("/cases/?status=NONE").status_code == 422


def test_a_case_is_held_goes_on_and_is_called_off(world: World, operator: Client) -> None:
    case_id = open_loan(world)
    url = f"/cases/{case_id}/"
    fields = form_of(operator.get(url).content, "suspend/")
    assert operator.post(f"{url}suspend/", fields).status_code == 303
    assert case_row(world, case_id).status == "SUSPENDED"
    stale = operator.post(f"{url}resume/", fields)
    assert stale.status_code == 412
    assert case_row(world, case_id).status == "SUSPENDED"
    assert operator.post(f"{url}resume/").status_code == 303
    assert operator.post(f"{url}close/").status_code == 409
    assert operator.post(f"{url}cancel/", {"reason": "Withdrawn"}).status_code == 303
    assert case_row(world, case_id).status == "CANCELLED"
    assert operator.post(f"{url}close/").status_code == 303
    closed = operator.post(f"{url}rollback/", WHY)
    assert closed.status_code == 409
    assert "nothing of it can be undone any more" in text_of(closed.content)
