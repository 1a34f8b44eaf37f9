"""The admin speaks as the pages do: no JSON, constants or raw errors, and people by name."""

from __future__ import annotations

import datetime as dt
import re
import uuid

import pytest

from compensation.words import BASES
from executions.models import Execution
from governance.governed import governed
from ledger.clock import now
from ledger.models import LedgerEntry
from ledger.tenancy import tenant_scope
from people.substituting import substitute
from tests.approvals import asked
from tests.casework import approved_loan, deploy, opened, plan_items, roll_back
from tests.casework import undo as undo_next
from tests.clients import browser
from tests.definitions import definition, human
from tests.integration.workitems_made import page
from tests.pages import text_of
from tests.world import World
from verbs.call import Call
from workitems.models import WorkItem

pytestmark = pytest.mark.django_db(transaction=True)
_FIELD = r'class="form-row field-{}">(.*?)</div>\s*</div>\s*</div>'


def field(html: str, name: str) -> str:
    """Return what a field of the admin's page of one thing shows."""
    found = re.search(_FIELD.format(name), html, re.DOTALL)
    assert found is not None, name
    return text_of(found[1].encode())


def newest(world: World, subject_id: uuid.UUID, action: str) -> uuid.UUID:
    with tenant_scope(world.auditor.tenant_id):
        rows = LedgerEntry.objects.filter(subject_id=subject_id, action=action)
        return rows.latest("subject_seq").id


def test_an_entry_is_told_in_words(world: World) -> None:
    case_id = approved_loan(world)
    run = roll_back(world, case_id)
    undo_next(world.underwriter, case_id)
    client, url = browser(world.auditor), "/admin/ledger/ledgerentry/{}/change/"
    html = page(client, url.format(newest(world, case_id, "opened")))
    assert "Amount 250.00 EUR" in field(html, "content")
    assert "{" not in field(html, "content")
    assert field(html, "acted_as").endswith("Person, Operator")
    html = page(client, url.format(newest(world, run.id, "compensation_step_completed")))
    assert "State of the step Undone" in field(html, "undoing")
    assert "REVERSED" not in field(html, "undoing")
    assert "step_status" not in html
    assert "completed by" in field(html, "because") or "undone" in field(html, "because")


def test_the_steps_of_a_rollback_are_told_in_words(world: World) -> None:
    case_id = approved_loan(world)
    run = roll_back(world, case_id)
    html = page(browser(world.auditor), f"/admin/compensation/compensationrun/{run.id}/change/")
    steps = field(html, "steps_table")
    assert "Credit check" in steps
    assert "put the earlier state back" in steps
    assert "restore" not in steps


def test_a_legal_basis_is_told_in_words(world: World) -> None:
    run = roll_back(world, approved_loan(world))
    html = page(browser(world.auditor), f"/admin/compensation/compensationrun/{run.id}/change/")
    told = field(html, "basis")
    for each in run.regulatory_basis:
        assert each["code"] not in told
        assert str(BASES[each["code"]]) in told
        assert each["note"] in told


def test_the_page_of_a_member_is_called_by_name(world: World) -> None:
    substitute(
        call=Call(world.analyst),
        substitute=world.bystander.username,
        until=now() + dt.timedelta(days=1),
    )
    client = browser(world.admin)
    for kind, called in (
        ("membership", world.analyst.username),
        ("substitution", f"{world.bystander.username} for {world.analyst.username}"),
    ):
        listed = f"/admin/accounts/{kind}/"
        ids = re.findall(rf'"{listed}([^/"]+)/change/', page(client, listed))
        titles = [page(client, f"{listed}{id_}/change/").partition("<h2>")[2] for id_ in ids]
        assert any(each.startswith(called) for each in titles), kind
        assert not any("object (" in each for each in titles), kind


def test_members_are_names_with_roles_and_groups_in_words(world: World) -> None:
    text = text_of(page(browser(world.admin), "/admin/accounts/membership/").encode())
    assert "Tenant admin" in text
    assert "tenant_admin" not in text
    assert "Underwriters" in text
    assert "underwriters" not in text.replace(world.underwriter.username, "")


def test_steps_and_faults_are_told_in_words(world: World) -> None:
    deploy(world, definition("stuck", human("look-at-it", when=".n | keys | length > 0")))
    case_id = opened(world, "tests/stuck", {"n": "x"})
    html = page(browser(world.auditor), f"/admin/cases/case/{case_id}/change/")
    assert "“Look at it” stands still" in field(html, "why")
    assert "keys" not in field(html, "why")
    paid = plan_items(world, approved_loan(world))["credit-check"].work[1]
    html = page(browser(world.auditor), f"/admin/workitems/workitem/{paid}/change/")
    assert field(html, "step") == "Step: Credit check"


def test_lists_are_narrowed_in_words(world: World) -> None:
    asked(world)
    roll_back(world, approved_loan(world))
    client = browser(world.auditor)

    def beside(path: str) -> list[str]:
        html = page(client, path).partition('id="changelist-filter"')[2]
        return [
            text_of(each.encode()) for each in re.findall(r"<li[^>]*>(.*?)</li>", html, re.DOTALL)
        ]

    approvals, runs = "/admin/governance/approval/", "/admin/compensation/compensationrun/"
    executions = "/admin/executions/execution/"
    done = str(governed("compensate").label) % {"what": "…"}
    assert {done, "task"} <= set(beside(approvals))
    assert "case" in beside(runs)
    assert {"Transfer", "Reverse transfer"} <= set(beside(executions))
    for path in (approvals, runs, executions):
        for code in ("work_item", "compensate", "demo.transfer", "PENDING"):
            assert code not in beside(path), (path, code)
    for path, found in (
        (f"{approvals}?about=work_item&asks_for=compensate", 1), (f"{approvals}?about=case", 0),
        (f"{runs}?about=case", 1), (f"{runs}?about=work_item", 0),
        (f"{executions}?program=demo.transfer", 1),
    ):  # fmt: skip
        assert client.get(path).context["cl"].result_count == found, path


def test_an_undo_leads_to_what_it_takes_back_and_to_its_rollback(world: World) -> None:
    case_id = approved_loan(world)
    run = roll_back(world, case_id)
    with tenant_scope(world.auditor.tenant_id):
        item = WorkItem.objects.get(kind="COMPENSATION", run_id=run.id)
        execution = Execution.objects.get(run_id=run.id)
    client = browser(world.auditor)
    for path, row, called in (
        ("work-items", item, "Approve the loan"), ("executions", execution, "Disbursement")
    ):  # fmt: skip
        html = page(client, f"/admin/{row._meta.app_label}/{row._meta.model_name}/{row.id}/change/")
        assert f'<a href="/{path}/{row.undoes_id}/">' in html
        assert f'<a href="/compensation-runs/{run.id}/">' in html
        assert field(html, "undoes") == f"Undoes: {called}"
        assert field(html, "rollback") == "Rollback: Rollback of Loan approval 1"
