"""The pages of automatic steps: all of them, and one with input, output, attempts and links."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from executions.actions import request_execution
from tests.bank import open_bank, pay
from tests.casework import approved_loan, deploy, opened, plan_items, roll_back
from tests.clients import browser
from tests.definitions import automated, definition
from tests.draining import drain
from tests.pages import text_of
from tests.world import World
from verbs.call import Call


@pytest.fixture
def bystander(world: World) -> Client:
    """A browser of somebody without any role: members see what the API shows them."""
    return browser(world.bystander)


def test_the_list_has_every_step_and_leads_to_it_and_to_its_case(
    world: World, bystander: Client
) -> None:
    case_id = approved_loan(world)
    roll_back(world, case_id)
    page = bystander.get("/executions/")
    rows = re.findall(r'<li data-id="([^"]+)">(.*?)</li>', page.content.decode(), re.DOTALL)
    paid = plan_items(world, case_id)["disbursement"].work[1]
    assert len(rows) == 2
    told = {id_: text_of(row.encode()) for id_, row in rows}
    assert "Disbursement Loan approval 1 Undone" in told[str(paid)]
    back = next(text for id_, text in told.items() if id_ != str(paid))
    assert "Pay back takes something back · Loan approval 1 Done" in back
    assert f'href="/executions/{paid}/"'.encode() in page.content
    assert f'href="/cases/{case_id}/"'.encode() in page.content
    assert 'href="/executions/"' in bystander.get("/inbox/").content.decode()


def test_the_list_is_narrowed_by_state_and_program(world: World, bystander: Client) -> None:
    request_execution(call=Call(world.operator), capability="demo.fail", input={}, reason="a test")
    drain(fast_forward=True)
    approved_loan(world)

    def shown(query: str) -> int:
        return bystander.get(f"/executions/{query}").content.decode().count("<li data-id=")

    assert shown("") == 2
    assert shown("?status=FAILED") == 1
    assert shown("?capability=demo.transfer") == 1
    assert shown("?status=FAILED&capability=demo.transfer") == 0
    html = bystander.get("/executions/?capability=demo.fail").content.decode()
    assert '<option value="demo.fail" selected>Fail</option>' in html
    assert "demo.fail" not in text_of(html.encode())
    assert re.search(r"Remove filter: </span>Fail <svg", html)
    assert bystander.get("/executions/?status=LATER").status_code == 422
    assert browser(world.outsider).get("/executions/").content.decode().count("<li data-id=") == 0


def test_one_tells_each_attempt_and_keeps_errors_in_the_fold(
    world: World, bystander: Client
) -> None:
    made = request_execution(
        call=Call(world.operator), capability="demo.flaky", input={"fail_times": 2}, reason="why"
    )
    drain(fast_forward=True)
    html = bystander.get(f"/executions/{made.id}/").content.decode()
    attempts = re.search(r'<ol class="steps attempts">(.*?)</ol>', html, re.DOTALL)
    assert attempts is not None
    told = [text_of(row.encode()) for row in re.findall(r"<li>.*?</li>", attempts[1], re.DOTALL)]
    assert [re.sub(r" (under )?\d+\.\d s$", "", each) for each in told] == [
        "3 Done just now",
        "2 Failed for now; it is tried again just now",
        "1 Failed for now; it is tried again just now",
    ]
    fold, before = html.index("Technical details"), html.index("What went in")
    assert "no answer at attempt 1" not in html[before:fold]
    assert html.index("no answer at attempt 1", fold) > fold
    assert "Fail times" in text_of(html.encode())
    assert "3 of " in text_of(html.encode())


def test_the_links_lead_both_ways(world: World, bystander: Client) -> None:
    case_id = approved_loan(world)
    roll_back(world, case_id)
    paid = plan_items(world, case_id)["disbursement"].work[1]
    html = bystander.get(f"/executions/{paid}/").content.decode()
    back = re.search(r"<dt>Its undo</dt><dd><a href=\"([^\"]+)\">Pay back</a>: Undone", html)
    assert back is not None
    assert f'href="/cases/{case_id}/"' in html
    undo = bystander.get(back[1]).content.decode()
    assert re.search(rf'<dt>Undoes</dt><dd><a href="/executions/{paid}/">Disbursement</a>', undo)


def test_it_says_who_is_asked(
    world: World, bystander: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = world.agent.username
    source = definition("book", automated("book", "erp.book", "true", "{n: 1}"))
    source["spec"]["capabilities"] = [{"name": "erp.book", "performer": agent}]
    deploy(world, source)
    step = plan_items(world, opened(world, "tests/book"))["book"].work[1]
    said = text_of(bystander.get(f"/executions/{step}/").content)
    assert f"Who is asked {agent} Waits since just now" in said

    open_bank(monkeypatch).answers = False
    unclear = pay(world)
    said = text_of(bystander.get(f"/executions/{unclear.id}/").content)
    assert "Who is asked an operator, who finds out whether it happened" in said
    assert "3 Nobody knows whether it happened" in said
    [row] = re.findall(
        rf'<li data-id="{unclear.id}">.*?</li>',
        bystander.get("/executions/?status=UNCERTAIN").content.decode(), re.DOTALL,
    )  # fmt: skip
    assert "Outcome unclear" in text_of(row.encode())
