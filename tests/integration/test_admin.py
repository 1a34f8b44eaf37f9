"""The admin: looked at by role, undone through the plan service, nothing edited."""

from __future__ import annotations

import re
import uuid
from html import unescape

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cases import actions
from compensation.models import CompensationPlan, CompensationRun
from config.demo.transfers import balances
from ledger.models import LedgerEntry
from ledger.tenancy import tenant_scope
from tests.casework import (
    approved_loan,
    case_row,
    counted,
    finish,
    open_loan,
    open_undo,
    plan_items,
    roll_back,
    undo,
)
from tests.clients import browser
from tests.draining import drain
from tests.pages import text_of
from tests.world import World
from verbs.call import Call
from workitems.models import WorkItem

CASES, ITEMS = "/admin/cases/case/", "/admin/workitems/workitem/"
WHY = {"reason": "The payslip was forged", "basis_code": "COURT_ORDER", "basis_note": "7 C 12/26"}


def chosen(client: Client, listing: str, *ids: uuid.UUID) -> str:
    """Choose rows of a list and the action; return the page it leads to."""
    answer = client.post(
        listing,
        {"action": "compensate", ACTION_CHECKBOX_NAME: [str(id_) for id_ in ids], "index": "0"},
    )
    assert answer.status_code == 302, answer.content
    return str(answer["Location"])


def fields_of(html: bytes) -> dict[str, list[str]]:
    """Return the hidden fields of the confirmation form, and what it wants typed."""
    found: dict[str, list[str]] = {}
    pairs = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', html.decode())
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    typed = re.search(r"Type (.+?) to confirm", html.decode())
    if typed is not None:
        found["confirm"] = [unescape(typed[1])]
    return found


def runs(world: World) -> list[CompensationRun]:
    """Return the tenant's runs, oldest first."""
    with tenant_scope(world.operator.tenant_id):
        return list(CompensationRun.objects.order_by("started_at", "id"))


def plans(world: World) -> int:
    """Return how many plans the tenant has."""
    with tenant_scope(world.operator.tenant_id):
        return CompensationPlan.objects.count()


def test_a_case_is_rolled_back_from_the_admin(world: World) -> None:
    case_id = approved_loan(world)
    client = browser(world.operator)
    before = counted(world)
    page = chosen(client, f"{CASES}?status__exact=COMPLETED", case_id)
    looked = client.get(page)
    order = re.findall(r'<td class="step-no">(\d)</td><td><b>([^<]+)', looked.content.decode())
    assert order == [
        ("1", "Disbursement"), ("2", "Approval"), ("3", "Valuation"), ("4", "Credit check"),
    ]  # fmt: skip
    assert b"Three undo tasks are handed out" in looked.content
    # Looking stores nothing, not even a plan.
    assert counted(world) == before
    assert plans(world) == 0

    answer = client.post(page, {**fields_of(looked.content), **WHY})
    assert answer.status_code == 302
    assert answer["Location"] == f"{CASES}?status__exact=COMPLETED"
    (run,) = runs(world)
    assert run.reason == WHY["reason"]
    assert run.regulatory_basis == [{"code": "COURT_ORDER", "note": "7 C 12/26"}]
    assert f"/compensation-runs/{run.id}/" in client.get(answer["Location"]).content.decode()
    drain()
    for who in ("underwriter", "surveyor", "compliance"):
        undo(world.of(who), case_id)
    assert case_row(world, case_id).status == "COMPENSATED"
    assert balances(world.operator.tenant_id) == {"bank": 1_000_000, "customer": 0}


@pytest.mark.parametrize(
    "broken", [{"reason": " "}, {"confirm": "yes"}, {"basis_code": "", "basis_note": "what for"}]
)
def test_what_is_missing_is_asked_for_again(world: World, broken: dict[str, str]) -> None:
    case_id = approved_loan(world)
    client = browser(world.operator)
    page = chosen(client, CASES, case_id)
    given = {**fields_of(client.get(page).content), **WHY, **broken}
    answer = client.post(page, given)
    assert answer.status_code == 422
    assert b"Nothing was undone yet." in answer.content
    assert (runs(world), plans(world)) == ([], 0)
    assert case_row(world, case_id).status == "COMPLETED"


def test_what_changed_meanwhile_is_shown_again(world: World) -> None:
    case_id = open_loan(world)
    finish(world.analyst, case_id, "credit-check", "PASSED")
    client = browser(world.operator)
    page = chosen(client, CASES, case_id)
    given = {**fields_of(client.get(page).content), **WHY}
    finish(world.surveyor, case_id, "valuation", "VALUED", {"value": 1})
    answer = client.post(page, given)
    assert answer.status_code == 412
    assert b"changed since you looked" in answer.content
    assert b"<b>Valuation</b>" in answer.content
    assert runs(world) == []
    assert case_row(world, case_id).status == "RUNNING"
    again = client.post(page, {**fields_of(answer.content), **WHY})
    assert again.status_code == 302
    assert case_row(world, case_id).status == "COMPENSATING"


def test_a_page_without_a_digest_runs_nothing(world: World) -> None:
    case_id = approved_loan(world)
    client = browser(world.operator)
    page = chosen(client, CASES, case_id)
    given = fields_of(client.get(page).content)
    given.pop(f"digest-{case_id}")
    client.post(page, {**given, **WHY})
    assert runs(world) == []
    assert case_row(world, case_id).status == "COMPLETED"


def test_work_items_are_compensated_together(world: World) -> None:
    case_id = approved_loan(world)
    items = plan_items(world, case_id)
    good = items["credit-check"].work[1]
    client = browser(world.operator)
    other = open_loan(world)
    with tenant_scope(world.operator.tenant_id):
        waiting = WorkItem.objects.get(case_id=other, binding="credit-check").id
    page = chosen(client, ITEMS, good, waiting)
    looked = client.get(page)
    assert b"left out" in looked.content
    assert b"It was never finished." in looked.content
    answer = client.post(page, {**fields_of(looked.content), **WHY})
    assert answer.status_code == 302
    (run,) = runs(world)
    assert (run.about_type, run.about_id) == ("work_item", good)
    drain()
    assert open_undo(world.compliance, case_id).undoes_id == good
    with tenant_scope(world.operator.tenant_id):
        assert WorkItem.objects.get(id=waiting).status == "PENDING"


def test_what_cannot_be_undone_is_left_out_with_its_reason(world: World) -> None:
    case_id = approved_loan(world)
    roll_back(world, case_id)
    client = browser(world.operator)
    page = chosen(client, CASES, case_id)
    looked = client.get(page)
    assert b"A rollback is under way" in looked.content
    assert b'name="reason"' not in looked.content
    closed = open_loan(world)
    actions.cancel_case(closed, call=Call(world.operator))
    actions.close_case(closed, call=Call(world.operator))
    looked = client.get(chosen(client, CASES, closed))
    assert b"nothing of it can be undone any more" in looked.content
    assert len(runs(world)) == 1


def test_only_operators_see_and_use_the_action(world: World) -> None:
    case_id = approved_loan(world)
    page = f"/admin/cases/case/roll-back/?ids={case_id}"
    auditor = browser(world.auditor)
    assert auditor.get(CASES).status_code == 200
    assert "Roll back case" not in auditor.get(CASES).content.decode()
    assert "Compensate" not in auditor.get(ITEMS).content.decode()
    assert "Roll back case" in browser(world.admin).get(CASES).content.decode()
    for who in (world.auditor, world.analyst, world.approver):
        client = browser(who)
        assert client.get(page).status_code == 403
        answer = client.post(page, {**WHY, "confirm": "1"})
        assert answer.status_code == 403
    assert browser(world.analyst).get(CASES).status_code == 403
    assert runs(world) == []
    assert case_row(world, case_id).status == "COMPLETED"


def test_another_tenants_rows_are_missing(world: World) -> None:
    case_id = approved_loan(world)
    item = plan_items(world, case_id)["approval"].work[1]
    outsider = browser(world.outsider)
    for url in (f"{CASES}{case_id}/change/", f"{ITEMS}{item}/change/"):
        answer = outsider.get(url, follow=True)
        assert answer.redirect_chain == [("/admin/", 302)]
        assert "Perhaps it was deleted" in answer.content.decode()
        assert "Loan" not in answer.content.decode()
    assert b"Loan approval" not in outsider.get(CASES).content
    page = f"/admin/cases/case/roll-back/?ids={case_id}"
    for answer in (outsider.get(page), outsider.post(page, WHY)):
        assert (answer.status_code, answer["Location"]) == (302, CASES)
    assert runs(world) == []


def test_chain_and_ledger_are_beside_the_row_and_nothing_is_edited(world: World) -> None:
    case_id = approved_loan(world)
    run = roll_back(world, case_id)
    item = plan_items(world, case_id)["approval"].work[1]
    execution = plan_items(world, case_id)["disbursement"].work[1]
    client = browser(world.operator)
    pages = {
        f"{CASES}{case_id}/change/": ("opened", 8),
        f"{ITEMS}{item}/change/": ("completed", 8),
        f"/admin/executions/execution/{execution}/change/": ("succeeded", 0),
        f"/admin/compensation/compensationrun/{run.id}/change/": ("compensation_started", 0),
    }
    for url, (action, nodes) in pages.items():
        answer = client.get(url)
        html = answer.content.decode()
        assert answer.status_code == 200, url
        assert f'data-action="{action}"' in html, url
        assert html.count('data-node="') == nodes, url
        assert 'name="_save"' not in html, url
        assert 'name="status"' not in html, url
        assert "deletelink" not in html, url
        with tenant_scope(world.operator.tenant_id):
            entries = LedgerEntry.objects.count()
        assert client.post(url, {"status": "CLOSED", "title": "x"}).status_code == 403, url
        with tenant_scope(world.operator.tenant_id):
            assert LedgerEntry.objects.count() == entries
    assert (
        f"/cases/{case_id}/causal-chain/"
        in client.get(f"{CASES}{case_id}/change/").content.decode()
    )
    for url in (f"{CASES}add/", f"{CASES}{case_id}/delete/", f"{ITEMS}add/"):
        assert client.get(url).status_code == 403, url
    assert case_row(world, case_id).status == "COMPENSATING"


def test_the_page_of_a_row_speaks_the_words_of_the_app(world: World) -> None:
    case_id = approved_loan(world)
    client = browser(world.operator)
    text = text_of(client.get(f"{CASES}{case_id}/change/").content)
    # Values and entries as on the pages: no constants, nobody as an identifier, days before months.
    assert "Completed by" in text
    assert world.underwriter.username in text
    assert str(world.underwriter.actor_id) not in text
    assert "completed_by" not in text
    assert "COMPLETED" not in text
    assert "RUNNING" not in text
    assert "Opened Amends" not in text
    assert re.search(r"Created at: \d+ [A-Z][a-z]+ \d{4}, \d\d:\d\d", text)


def test_every_list_is_shown_filtered_and_searched(world: World) -> None:
    case_id = approved_loan(world)
    roll_back(world, case_id)
    client = browser(world.auditor)
    for url in (
        "/admin/",
        f"{CASES}?status__exact=COMPENSATING&q=loan",
        f"{ITEMS}?kind__exact=COMPENSATION&q=withdraw",
        "/admin/executions/execution/?status__exact=SUCCEEDED&q=demo",
        "/admin/compensation/compensationrun/?status__exact=RUNNING",
        "/admin/cases/casedefinition/?q=loan",
    ):
        assert client.get(url).status_code == 200, url
    definition = client.get("/admin/cases/casedefinition/").content.decode()
    found = re.search(r"/admin/cases/casedefinition/[0-9a-f-]{36}/change/", definition)
    assert found is not None
    assert "namespace: examples" in client.get(found[0]).content.decode()


def test_the_admin_speaks_in_words_and_leads_to_the_case(world: World) -> None:
    case_id = approved_loan(world)
    run = roll_back(world, case_id)
    client = browser(world.auditor)
    case = f'<a href="/cases/{case_id}/">'
    assert case in client.get(ITEMS).content.decode()
    assert case in client.get("/admin/executions/execution/").content.decode()
    assert case in client.get("/admin/compensation/compensationrun/").content.decode()
    index = client.get("/admin/").content.decode()
    assert "Ledger entries" in index
    assert "entrys" not in index
    listed = client.get("/admin/ledger/ledgerentry/").content.decode()
    assert f'<a href="/compensation-runs/{run.id}/">' in listed
    for constant in ("compensation_started", "work_item", "COMPENSATING", "TRANSITION"):
        shown = re.sub(r'(href|value|name|class|id)="[^"]*"', "", listed)
        assert constant not in shown, constant
    found = re.search(r"/admin/ledger/ledgerentry/[0-9a-f-]{36}/change/", listed)
    assert found is not None
    assert case in client.get(found[0]).content.decode()


def test_the_ledger_is_narrowed_in_words(world: World) -> None:
    approved_loan(world)
    client = browser(world.auditor)
    url = "/admin/ledger/ledgerentry/"
    page = client.get(f"{url}?about=case&what=created,opened")
    rows = page.context["cl"].result_list
    assert {(row.subject_type, row.action) for row in rows} == {("case", "opened")}
    assert client.get(f"{url}?what=exploded").context["cl"].result_list == []
    assert client.get(f"{url}?hash__regex=x").status_code == 400


def test_a_list_with_links_costs_the_same_however_long(world: World) -> None:
    client = browser(world.auditor)
    approved_loan(world)
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as captured:
            client.get(ITEMS)
        counts.append(len(captured))
        approved_loan(world)
    assert counts[0] == counts[1]


def test_an_action_that_changed_nothing_says_so(world: World) -> None:
    case_id = approved_loan(world)
    client = browser(world.operator)
    page = chosen(client, CASES, case_id)
    fields = fields_of(client.get(page).content)
    roll_back(world, case_id)
    answer = client.post(page, {**WHY, **fields}, follow=True)
    assert "nothing was undone. A rollback is under way" in unescape(answer.content.decode())
    assert len(runs(world)) == 1


def test_no_page_is_headed_by_an_identifier(world: World) -> None:
    case_id = approved_loan(world)
    run = roll_back(world, case_id)
    paid = plan_items(world, case_id)["disbursement"].work[1]
    client = browser(world.operator)
    for path, heading in (
        (f"/admin/executions/execution/{paid}/change/", "Disbursement"),
        (f"/admin/compensation/compensationrun/{run.id}/change/", run.reason),
    ):
        html = client.get(path).content.decode()
        assert f"<h2>{heading}</h2>" in html, path
        assert " object (" not in html, path


def test_the_admin_calls_things_as_the_pages_do(world: World) -> None:
    case_id = approved_loan(world)
    roll_back(world, case_id)
    number = case_row(world, case_id).number
    client = browser(world.auditor)
    lists = ("/admin/", CASES, ITEMS, "/admin/executions/execution/",
             "/admin/compensation/compensationrun/")  # fmt: skip
    shown = {path: text_of(client.get(path).content) for path in lists}
    for path, text in shown.items():
        assert "Automatic steps" in text, path
        assert "Rollbacks" in text, path
        for strange in ("Execution", "Compensation run", "ompensation state", "Undoing"):
            assert strange not in text, (path, strange)
    assert "By undo" in shown[ITEMS]
    assert re.search(rf"/change/[^>]*>[^<]*{number}</a>", client.get(CASES).content.decode())
