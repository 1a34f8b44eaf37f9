"""The ledger's pages in words: each verb once among the filters, rollbacks as links."""

from __future__ import annotations

import re
import uuid

from ledger.models import LedgerEntry
from ledger.tenancy import tenant_scope
from tests.casework import approved_loan, roll_back, undo
from tests.clients import browser
from tests.pages import text_of
from tests.world import World

_OPTION = re.compile(r'<option value="([^"]*)"[^>]*>([^<]*)</option>')


def options(world: World, query: str = "") -> list[tuple[str, str]]:
    """Return what may be chosen of what happened: value and label."""
    page = browser(world.auditor).get(f"/ledger/{query}").content.decode()
    select = re.search(r'<select id="filter-action".*?</select>', page, re.DOTALL)
    assert select is not None
    return _OPTION.findall(select[0])


def test_each_verb_is_one_choice_and_finds_all_that_reads_so(world: World) -> None:
    for query in ("", "?type=compensation_run", "?type=case", "?type=work_item"):
        labels = [label for _value, label in options(world, query)]
        assert len(labels) == len(set(labels)), query
    [both] = [value for value, label in options(world) if label == "Opened"]
    assert both == "created,opened"
    case = approved_loan(world)
    page = browser(world.auditor).get(f"/ledger/?case={case}&action={both}")
    assert page.status_code == 200
    assert "What happened: Opened" in text_of(page.content)
    opened = {(row["action_label"], row["subject"]["type_label"]) for row in page.context["rows"]}
    assert opened >= {("Opened", "case"), ("Opened", "task")}
    assert {label for label, _kind in opened} == {"Opened"}
    refused = browser(world.auditor).get("/ledger/?action=created,exploded")
    assert refused.status_code == 422


def test_entries_of_an_undo_lead_to_its_rollback(world: World) -> None:
    case = approved_loan(world)
    run = roll_back(world, case)
    undo(world.underwriter, case)
    client = browser(world.auditor)
    page = client.get(f"/ledger/?case={case}").content.decode()
    assert f'part of <a href="/compensation-runs/{run.id}/">Rollback of Loan approval 1</a>' in page
    entry = client.get(f"/ledger/entries/{step_entry(world, run.id)}/").content.decode()
    assert f'<a href="/compensation-runs/{run.id}/">Rollback of Loan approval 1</a>' in entry
    said = text_of(entry.encode())
    assert "put the earlier state back" in said
    assert "Internal policy" in said
    for constant in ("step_status", "INTERNAL_POLICY", "step_version", str(run.id)):
        assert constant not in said, constant


def test_the_ledger_leads_whoever_may_read_of_erasures_to_them(world: World) -> None:
    link = b'<a href="/ledger/erasures/">Erasures</a>'
    for who, status in {"auditor": 200, "admin": 200, "operator": 403, "analyst": 403}.items():
        client = browser(world.of(who))
        assert client.get("/ledger/erasures/").status_code == status, who
        assert (link in client.get("/ledger/").content) is (status == 200), who


def step_entry(world: World, run_id: uuid.UUID) -> uuid.UUID:
    """Return an entry about a step of a run that was done."""
    with tenant_scope(world.auditor.tenant_id):
        rows = LedgerEntry.objects.filter(subject_id=run_id, compensation__step__isnull=False)
        return rows.latest("subject_seq").id
