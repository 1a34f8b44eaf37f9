"""What is missing in a ledger is seen by counting, shown, and noted once."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import uuid
from collections.abc import Iterator

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from accounts.acting import authority_of, system_of
from accounts.actions import note_on_tenant
from audit import completeness
from audit.actions import noting_gaps
from audit.actions.noting_gaps import GAP_FOUND, note_gaps
from audit.actions.watching import TROUBLE_OVER
from audit.completeness import Health, health_of
from audit.models import LedgerWatch
from ledger.selectors import Entry, entries_of
from ledger.tenancy import set_tenant, tenant_scope
from ledger.tree.stored_tree import SealLag
from tests import states
from tests.casework import approved_loan, roll_back, undo
from tests.clients import api, browser
from tests.concurrency.test_influence_races import beside
from tests.integration.test_verify_ledger import force
from tests.pages import text_of
from tests.sealed import sealed
from tests.world import World
from workitems.models import WorkItem


@contextlib.contextmanager
def without(entry: Entry) -> Iterator[None]:
    """An entry is missing for the length of the block."""
    force("CREATE TABLE kept_entry AS SELECT * FROM ledger_ledgerentry WHERE id = %s", [entry.id])
    force("DELETE FROM ledger_ledgerentry WHERE id = %s", [entry.id])
    try:
        yield
    finally:
        force("INSERT INTO ledger_ledgerentry SELECT * FROM kept_entry", [])
        force("DROP TABLE kept_entry", [])


def health(world: World) -> Health:
    with tenant_scope(world.auditor.tenant_id):
        return health_of(world.auditor.tenant_id)


def chain(world: World, type_: str, id_: uuid.UUID) -> list[Entry]:
    with tenant_scope(world.auditor.tenant_id):
        return entries_of(world.auditor.tenant_id, type_, id_)


def notes(world: World) -> list[Entry]:
    tenant_id = world.auditor.tenant_id
    return [each for each in chain(world, "tenant", tenant_id) if each.action == GAP_FOUND]


def test_after_everything_that_cases_do_nothing_is_missing(world: World) -> None:
    case_id = approved_loan(world)
    roll_back(world, case_id)
    undo(world.underwriter, case_id)
    undo(world.surveyor, case_id, "CANNOT_REVERSE")
    found = health(world)
    assert found.healthy, found.anomalies
    counts = {each.subject_type: each for each in found.transitions}
    # Four steps and three undo tasks of people and programs, each change of which is an entry.
    assert (counts["work_item"].rows, counts["execution"].rows) == (5, 2)
    assert counts["work_item"].transitions == counts["work_item"].recorded > 15
    assert note_gaps(world.auditor.tenant_id)[1] is False
    assert notes(world) == []


@pytest.mark.parametrize("place", [1, -1], ids=["of the middle", "of the end"])
def test_an_entry_that_was_removed_is_missed(world: World, place: int) -> None:
    item = states.completed(world.analyst)
    entry = chain(world, "work_item", item.id)[place]
    with without(entry):
        found = health(world)
        assert not found.healthy
        assert found.chains.gaps == 1
        [gap] = found.chains.named
        assert (gap["type"], gap["id"], gap["entries"], gap["head"]) == (
            "work_item", str(item.id), 2, 3,
        )  # fmt: skip
        [kind] = (each for each in found.transitions if not each.agrees)
        assert (kind.subject_type, kind.transitions - kind.recorded) == ("work_item", 1)
    assert health(world).healthy


def test_a_change_that_nobody_recorded_is_seen(world: World) -> None:
    item = states.completed(world.analyst)
    change = "UPDATE workitems_workitem SET version = version + %s WHERE id = %s"
    force(change, [1, item.id])
    try:
        [kind] = (each for each in health(world).transitions if not each.agrees)
        assert (kind.subject_type, kind.astray) == ("work_item", 1)
        assert kind.transitions == kind.recorded + 1
    finally:
        force(change, [-1, item.id])
    assert health(world).healthy


def test_what_is_missing_is_noted_once_and_anew_when_more_is(world: World) -> None:
    first, second = states.completed(world.analyst), states.completed(world.analyst)
    tenant_id = world.auditor.tenant_id
    with without(chain(world, "work_item", first.id)[1]):
        assert note_gaps(tenant_id)[1] is True
        # Work that goes on meanwhile is nothing new.
        states.completed(world.analyst)
        assert note_gaps(tenant_id)[1] is False
        [note] = notes(world)
        assert (note.kind, note.actor_type, note.payloads["gaps"]) == ("ADMIN", "SYSTEM", 1)
        assert note.payloads["chains"][0]["id"] == str(first.id)
        force("UPDATE workitems_workitem SET version = version + 1 WHERE id = %s", [second.id])
        try:
            assert note_gaps(tenant_id)[1] is True
        finally:
            force("UPDATE workitems_workitem SET version = version - 1 WHERE id = %s", [second.id])
        assert len(notes(world)) == 2
    assert note_gaps(tenant_id)[1] is False


def test_a_gap_is_told_once_however_much_is_noted_about_the_tenant_since(world: World) -> None:
    item = states.completed(world.analyst)
    tenant_id = world.auditor.tenant_id
    with without(chain(world, "work_item", item.id)[1]):
        assert note_gaps(tenant_id)[1] is True
        with transaction.atomic():
            set_tenant(tenant_id)
            by = authority_of(system_of(tenant_id)).ref()
            for number in range(60):
                said: dict[str, object] = {"trouble": f"{number}"}
                note_on_tenant(tenant_id, TROUBLE_OVER, by=by, payloads=said)
        assert note_gaps(tenant_id)[1] is False
        assert len(notes(world)) == 1
    # It was put right, and is missing again: that is news.
    assert note_gaps(tenant_id)[1] is False
    with without(chain(world, "work_item", item.id)[1]):
        assert note_gaps(tenant_id)[1] is True
    assert len(notes(world)) == 2


def test_an_older_count_takes_back_nothing_that_was_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another counts, finds a gap and tells it while one, who has seen none, is not done yet."""
    tenant_id = world.auditor.tenant_id
    intact = health(world)
    gap = dataclasses.replace(intact.chains, gaps=1)
    counts = [intact, dataclasses.replace(intact, chains=gap)]

    def counted(_tenant_id: uuid.UUID) -> Health:
        found = counts.pop(0)
        if counts:
            assert beside(lambda: note_gaps(tenant_id)[1]) is True
        return found

    monkeypatch.setattr(noting_gaps, "health_of", counted)
    found, told = note_gaps(tenant_id)
    assert (found.complete, told, counts) == (True, False, [])
    with tenant_scope(tenant_id):
        assert LedgerWatch.objects.get().told != ""
    assert len(notes(world)) == 1


def command(world: World) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("ledger_health", tenant=world.auditor.tenant_id, stdout=out, stderr=err)
    except SystemExit as ended:
        return int(ended.code or 0), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def test_the_command_says_so_and_fails(world: World) -> None:
    item = states.completed(world.analyst)
    assert command(world) == (0, "Nothing is missing: 1 tenants counted.\n", "")
    with without(chain(world, "work_item", item.id)[-1]):
        code, _out, said = command(world)
    assert code == 1
    assert f"tenant {world.auditor.tenant_id}: 1 chains with a gap" in said
    assert "Noted." in said


def test_the_command_knows_who_there_is(world: World) -> None:
    with pytest.raises(CommandError, match=r"there is no tenant 0{8}-"):
        call_command("ledger_health", tenant=uuid.UUID(int=0))


def test_those_who_look_after_the_organisation_see_it(world: World) -> None:
    item = states.completed(world.analyst)
    entry = chain(world, "work_item", item.id)[1]
    said = api(world.auditor).get("/api/v1/ledger/health").json()
    assert (said["healthy"], said["gaps"]) == (True, {"count": 0, "chains": []})
    assert "Nothing is missing." in text_of(browser(world.auditor).get("/ledger/health/").content)
    with without(entry):
        page = browser(world.operator).get("/ledger/health/").content
        assert "Something is missing." in text_of(page)
        assert "2 entries of 3" in text_of(page)
        assert f"/ledger/subjects/work_item/{item.id}/".encode() in page
    assert api(world.bystander).get("/api/v1/ledger/health").status_code == 403
    # Another organisation counts its own.
    other = api(world.outsider).get("/api/v1/ledger/health").json()
    assert other["entries"] < said["entries"]
    with tenant_scope(world.outsider.tenant_id):
        assert WorkItem.objects.count() == 0


def test_how_long_something_waits_to_be_sealed_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(completeness, "seal_lag", lambda _tenant_id: SealLag(7, 90.0))
    said = api(world.auditor).get("/api/v1/ledger/health").json()["unsealed"]
    assert (said["entries"], said["age"]) == (7, 90)
    assert "7 entries wait to be sealed" in text_of(
        browser(world.auditor).get("/ledger/health/").content
    )


def test_what_is_sealed_waits_no_more(world: World) -> None:
    states.completed(world.analyst)
    client = api(world.auditor)
    before = client.get("/api/v1/ledger/health").json()
    assert before["unsealed"]["entries"] == before["entries"]
    sealed(world.analyst.tenant_id)
    after = client.get("/api/v1/ledger/health").json()["unsealed"]
    assert after == {"entries": 0, "oldest_at": None, "age": None, "removed": 0}
