"""The pages of cases: preview, run, decide, read; what is refused is said and changes nothing."""

from __future__ import annotations

import re
import uuid
from html import unescape

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from compensation.models import CompensationPlan, CompensationRun
from config.demo.transfers import balances
from ledger.clock import now
from ledger.tenancy import tenant_scope
from tests.casework import (
    BASIS,
    REASON,
    approved_loan,
    case_row,
    counted,
    finish,
    open_loan,
    plan_for,
    plan_items,
    roll_back,
    run_row,
    steps,
    undo,
)
from tests.clients import browser
from tests.draining import drain
from tests.pages import form_of, text_of
from tests.world import World

WHY = {"reason": REASON, "basis_code": "INTERNAL_POLICY", "basis_note": "fraud manual 4.2"}


def previewed(client: Client, case_id: uuid.UUID, **wish: str) -> str:
    """Ask for a rollback and return the address of its preview."""
    answer = client.post(f"/cases/{case_id}/rollback/", {"scope": "whole", **WHY, **wish})
    assert answer.status_code == 303
    return str(answer["Location"])


def execute(client: Client, url: str, confirm: str = "1") -> int:
    """Press the button of a preview as the page offers it; return the status."""
    fields = form_of(client.get(url).content, "execute/")
    return client.post(f"{url}execute/", {**fields, "confirm": confirm}).status_code


def count(world: World, model: type[CompensationPlan] | type[CompensationRun]) -> int:
    """Return how many rows of a model the tenant has."""
    with tenant_scope(world.operator.tenant_id):
        return model.objects.count()


@pytest.fixture
def operator(world: World) -> Client:
    """A browser in which the operator is signed in."""
    return browser(world.operator)


def test_a_loan_is_rolled_back_through_the_pages(world: World, operator: Client) -> None:
    case_id = approved_loan(world)
    before = counted(world)
    url = previewed(operator, case_id)
    page = operator.get(url)
    said = text_of(page.content)
    assert (
        "Four steps are reversed, last finished first. Three by people, one automatically." in said
    )
    order = re.findall(r'<p class="step-name">(?:<a[^>]*>)?([^<]+)', page.content.decode())
    assert order == ["Disbursement", "Approval", "Valuation", "Credit check"]
    assert counted(world) == before
    assert case_row(world, case_id).status == "COMPLETED"

    assert execute(operator, url) == 303
    drain()
    assert balances(world.operator.tenant_id) == {"bank": 1_000_000, "customer": 0}
    for who in ("underwriter", "surveyor", "compliance"):
        undo(world.of(who), case_id)
    assert case_row(world, case_id).status == "COMPENSATED"
    said = text_of(operator.get(f"/cases/{case_id}/").content)
    assert "Rolled back" in said
    assert "Everything in its scope is undone." in said
    with tenant_scope(world.operator.tenant_id):
        run = CompensationRun.objects.get(whole_id=case_id)
    assert (run.reason, run.regulatory_basis) == (REASON, BASIS)


def test_a_long_plan_wants_its_number_typed(world: World, operator: Client) -> None:
    case_id = approved_loan(world)
    url = previewed(operator, case_id)
    assert execute(operator, url, confirm="yes") == 422
    assert count(world, CompensationRun) == 0
    assert case_row(world, case_id).status == "COMPLETED"


def test_a_stale_plan_shows_what_changed_and_the_new_plan(world: World, operator: Client) -> None:
    case_id = open_loan(world)
    finish(world.analyst, case_id, "credit-check", "PASSED")
    url = previewed(operator, case_id)
    fields = form_of(operator.get(url).content, "execute/")
    finish(world.surveyor, case_id, "valuation", "VALUED", {"value": 1})

    answer = operator.post(f"{url}execute/", fields)
    said = text_of(answer.content)
    assert answer.status_code == 412
    assert "Things have changed since you looked, so nothing was run." in said
    assert re.search(
        r"surveyor-\w+ completed Valuation \d s ago; it will now be undone too\."
        r" Approval opened by Amends \d s ago; it is open, and there is nothing to undo yet\.",
        said,
    )
    assert count(world, CompensationRun) == 0
    # What is shown now is the new plan, and it runs.
    fresh = re.search(r'action="(/compensation-plans/[^"]+/execute/)"', answer.content.decode())
    assert fresh is not None
    assert fresh[1] != f"{url}execute/"
    again = operator.post(fresh[1], form_of(answer.content, "execute/"))
    assert (again.status_code, again["Location"]) == (303, f"/cases/{case_id}/")
    assert case_row(world, case_id).status == "COMPENSATING"


def test_an_expired_plan_says_so_and_leads_to_a_new_one(world: World, operator: Client) -> None:
    case_id = approved_loan(world)
    url = previewed(operator, case_id)
    fields = form_of(operator.get(url).content, "execute/")
    with time_machine.travel(now().timestamp() + 16 * 60, tick=True):
        page = operator.get(url)
        assert "This plan has expired" in text_of(page.content)
        assert b"execute/" not in page.content
        answer = operator.post(f"{url}execute/", {**fields, "confirm": "1"})
    assert answer.status_code == 412
    assert "This plan has expired, so nothing was run. Make a new one." in text_of(answer.content)
    assert count(world, CompensationRun) == 0
    again = re.search(r'href="([^"]*/rollback/\?plan=[^"]+)"', answer.content.decode())
    assert again is not None
    assert REASON in operator.get(unescape(again[1])).content.decode()


def test_a_second_click_leads_where_the_first_did(world: World, operator: Client) -> None:
    case_id = approved_loan(world)
    url = previewed(operator, case_id)
    fields = {**form_of(operator.get(url).content, "execute/"), "confirm": "1"}
    first = operator.post(f"{url}execute/", fields)
    second = operator.post(f"{url}execute/", fields)
    assert [(a.status_code, a["Location"]) for a in (first, second)] == [
        (303, f"/cases/{case_id}/")
    ] * 2
    assert count(world, CompensationRun) == 1
    assert "See how far it is" in text_of(operator.get(url).content)


def test_another_scope_makes_another_plan(world: World, operator: Client) -> None:
    case_id = approved_loan(world)
    url = previewed(operator, case_id, scope="from_step", step="approval")
    assert "Two steps are reversed" in text_of(operator.get(url).content)
    answer = operator.post(f"{url}scope/", {"scope": "only_this", "step": "approval"})
    assert answer.status_code == 303
    said = text_of(operator.get(answer["Location"]).content)
    assert "One step is reversed." in said
    assert "Later work builds on it" in said
    answer = operator.post(f"{url}scope/", {"scope": "whole", "step": "approval"})
    assert "Four steps are reversed" in text_of(operator.get(answer["Location"]).content)
    assert count(world, CompensationPlan) == 3
    assert case_row(world, case_id).status == "COMPLETED"


def test_a_rollback_without_a_reason_or_step_is_refused_on_the_page(
    world: World, operator: Client
) -> None:
    case_id = approved_loan(world)
    answer = operator.post(f"/cases/{case_id}/rollback/", {"scope": "from_step", "reason": " "})
    said = text_of(answer.content)
    assert answer.status_code == 422
    assert "Reason : This field is required." in said
    assert "Choose the step that this is about." in said
    assert count(world, CompensationPlan) == 0


def test_members_look_and_operators_change(world: World) -> None:
    case_id = approved_loan(world)
    plan = plan_for(world, case_id)
    member = browser(world.bystander)
    page = member.get(f"/compensation-plans/{plan.id}/")
    assert page.status_code == 200
    assert "Only an operator may do this." in text_of(page.content)
    assert b"execute/" not in page.content
    for method, url in (
        ("get", f"/cases/{case_id}/rollback/"),
        ("post", f"/cases/{case_id}/rollback/"),
        ("post", f"/compensation-plans/{plan.id}/execute/"),
        ("post", f"/compensation-plans/{plan.id}/scope/"),
        ("post", f"/cases/{case_id}/suspend/"),
        ("post", f"/cases/{case_id}/close/"),
    ):
        data = {**WHY, "scope": "whole", "digest": plan.digest, "confirm": "1"}
        assert getattr(member, method)(url, data).status_code == 403, url
    assert count(world, CompensationRun) == 0
    assert count(world, CompensationPlan) == 1
    assert case_row(world, case_id).status == "COMPLETED"
    said = text_of(member.get(f"/cases/{case_id}/").content)
    assert "only an operator may" in said


def test_another_tenants_case_does_not_exist(world: World) -> None:
    case_id = approved_loan(world)
    plan = plan_for(world, case_id)
    outsider = browser(world.outsider)
    for url in (
        f"/cases/{case_id}/",
        f"/cases/{case_id}/causal-chain/",
        f"/cases/{case_id}/causal-chain.svg",
        f"/cases/{case_id}/rollback/",
        f"/compensation-plans/{plan.id}/",
    ):
        answer = outsider.get(url)
        assert answer.status_code == 404, url
        assert b"Loan" not in answer.content
    assert outsider.post(f"/compensation-plans/{plan.id}/execute/").status_code == 404
    assert "No cases yet" in text_of(outsider.get("/cases/").content)


def test_a_failed_step_is_decided_about(world: World, operator: Client) -> None:
    case_id = approved_loan(world)
    run = roll_back(world, case_id)
    undo(world.underwriter, case_id, "CANNOT_REVERSE")
    page = operator.get(f"/cases/{case_id}/")
    said = text_of(page.content)
    assert "1 of 4 steps undone. One failed and waits for a decision; two have not started." in said
    # The failed step is on top, with the way to decide.
    first = re.search(r'<li data-step="(\d)"', page.content.decode())
    assert first is not None
    assert first[1] == "2"
    url = f"/compensation-runs/{run.id}/steps/2/"
    assert url.encode() in page.content
    assert url.encode() not in browser(world.bystander).get(f"/cases/{case_id}/").content
    assert operator.get(url).status_code == 200

    empty = operator.post(f"{url}attest/", {"evidence": ""})
    assert empty.status_code == 422
    nobody = operator.post(f"{url}reassign/", {"assignee": "nobody-of-that-name"})
    assert nobody.status_code == 422
    assert "There is nobody of this name here." in text_of(nobody.content)
    stale = operator.post(f"{url}attest/", {"evidence": "A letter", "version": "1"})
    assert stale.status_code == 412
    assert {step.n: step.status for step in steps(world, run.id)}[2] == "FAILED"

    fields = form_of(operator.get(url).content, "attest/")
    answer = operator.post(f"{url}attest/", {**fields, "evidence": "The letter of 3 May"})
    assert (answer.status_code, answer["Location"]) == (303, f"/compensation-runs/{run.id}/")
    assert {step.n: step.status for step in steps(world, run.id)}[2] == "RESOLVED"
    assert case_row(world, case_id).status == "COMPENSATING"


def test_a_step_is_given_to_another_group(world: World, operator: Client) -> None:
    case_id = approved_loan(world)
    run = roll_back(world, case_id)
    undo(world.underwriter, case_id, "CANNOT_REVERSE")
    url = f"/compensation-runs/{run.id}/steps/2/reassign/"
    assert operator.post(url, {"candidate_groups": "compliance"}).status_code == 303
    drain()
    undo(world.compliance, case_id)
    assert {step.n: step.status for step in steps(world, run.id)}[2] == "DONE"


def test_a_rollback_is_paused_and_goes_on(world: World, operator: Client) -> None:
    case_id = approved_loan(world)
    run = roll_back(world, case_id)
    url = f"/compensation-runs/{run.id}/"
    fields = form_of(operator.get(url).content, "pause/")
    assert operator.post(f"{url}pause/", fields).status_code == 303
    assert run_row(world, run.id).status == "PAUSED"
    again = operator.post(f"{url}pause/")
    assert again.status_code == 409
    assert "Paused" in text_of(again.content)
    assert operator.post(f"{url}resume/").status_code == 303
    assert run_row(world, run.id).status == "RUNNING"


def test_a_work_item_is_undone_by_plan(world: World, operator: Client) -> None:
    case_id = approved_loan(world)
    item = plan_items(world, case_id)["credit-check"].work[1]
    answer = operator.post(f"/work-items/{item}/rollback/", WHY)
    assert answer.status_code == 303
    url = answer["Location"]
    fields = form_of(operator.get(url).content, "execute/")
    answer = operator.post(f"{url}execute/", fields)
    assert answer.status_code == 303
    assert answer["Location"].startswith("/compensation-runs/")
    drain()
    undo(world.compliance, case_id)
    with tenant_scope(world.operator.tenant_id):
        run = CompensationRun.objects.get(about_id=item)
    assert run.status == "COMPLETED"
    assert case_row(world, case_id).status == "COMPLETED"
    assert "Rolled back" in text_of(operator.get(answer["Location"]).content)


def test_the_chain_is_drawn_and_told_as_a_table(world: World, operator: Client) -> None:
    case_id = approved_loan(world)
    roll_back(world, case_id)
    page = operator.get(f"/cases/{case_id}/causal-chain/").content.decode()
    drawn = re.findall(r'class="node[^"]*" data-node="([^"]+)"', page)
    told = re.findall(r'<tr data-node="([^"]+)"', page)
    assert len(drawn) == 8
    assert sorted(drawn) == sorted(told)
    assert "Not started" in text_of(page.encode())
    svg = operator.get(f"/cases/{case_id}/causal-chain.svg")
    assert svg["Content-Type"] == "image/svg+xml"
    assert svg.content.count(b"<rect x=") == 8
    assert operator.get(f"/cases/{case_id}/causal-chain.dot").content.startswith(b"digraph")


def test_only_problems_are_shown_when_asked(world: World, operator: Client) -> None:
    case_id = approved_loan(world)
    roll_back(world, case_id)
    undo(world.underwriter, case_id, "CANNOT_REVERSE")
    everything = operator.get(f"/cases/{case_id}/").content.decode()
    problems = operator.get(f"/cases/{case_id}/?problems=1").content.decode()
    assert problems.count('class="t-text"') == 2
    assert everything.count('class="t-text"') > 8


def test_a_case_page_takes_the_same_queries_however_large_the_case(
    world: World, operator: Client
) -> None:
    small, large = open_loan(world), approved_loan(world)
    roll_back(world, large)
    undo(world.underwriter, large)
    roll_back(world, small)
    # A process reads a definition once; it never changes.
    assert operator.get(f"/cases/{small}/").status_code == 200
    counts = [len(queries_of(operator, f"/cases/{case_id}/")) for case_id in (small, large)]
    assert max(counts) <= CASE_PAGE_QUERIES


def test_pages_about_a_rollback_take_few_queries(world: World, operator: Client) -> None:
    case_id = approved_loan(world)
    scope = {"kind": "from_step", "step": "valuation"}
    plan = plan_for(world, case_id, scope=scope)
    for url in (
        f"/compensation-plans/{plan.id}/",
        f"/cases/{case_id}/rollback/",
        f"/cases/{case_id}/causal-chain/",
    ):
        assert len(queries_of(operator, url)) <= CASE_PAGE_QUERIES, url
    run = roll_back(world, case_id)
    assert len(queries_of(operator, f"/cases/{case_id}/causal-chain/")) <= CASE_PAGE_QUERIES
    assert len(queries_of(operator, f"/compensation-runs/{run.id}/")) <= RUN_PAGE_QUERIES


def queries_of(client: Client, url: str) -> list[str]:
    """Return the statements of a page: not those of signing in, nor of opening transactions."""
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    framing = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "SELECT set_config", "SELECT coalesce(")
    signing_in = ('FROM "django_session"', 'FROM "accounts_user"', 'FROM "accounts_membership"')
    return [
        query["sql"]
        for query in captured.captured_queries
        if not query["sql"].startswith(framing)
        and not any(table in query["sql"] for table in signing_in)
    ]


CASE_PAGE_QUERIES = 12
RUN_PAGE_QUERIES = 16


def test_a_history_that_is_cut_says_so(
    world: World, operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = approved_loan(world)
    run = roll_back(world, case_id)
    said = "These are the newest {} events; all of them are in the ledger."
    for url, few in ((f"/cases/{case_id}/", 6), (f"/compensation-runs/{run.id}/", 2)):
        assert "all of them are in the ledger" not in text_of(operator.get(url).content)
        with monkeypatch.context() as patch:
            patch.setattr("compensation.news.MOST_LINES", few)
            assert said.format(few) in text_of(operator.get(url).content)
