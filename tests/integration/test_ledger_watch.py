"""The ledger is looked after: what is in the way is noted once, told once, and in figures."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
from django.db import OperationalError, connection, transaction

from audit.actions import watching
from audit.actions.watching import SOURCE, TROUBLE_FOUND, TROUBLE_OVER
from audit.models import LedgerWatch
from ledger.models import LedgerVerification
from ledger.tenancy import set_tenant, tenant_scope
from notifications.models import Delivery
from tests import states
from tests.clients import api, browser
from tests.draining import drain
from tests.integration.test_ledger_health import chain, without
from tests.pages import text_of
from tests.sealed import sealed, troubled
from tests.world import World, make_world

TROUBLE = "ROLLBACK: outside there is a signed checkpoint of 9 entries, in the database one of 3"


def look(world: World) -> LedgerWatch:
    """Let the hour come, and return the row."""
    tenant_id = world.system.tenant_id
    with transaction.atomic():
        set_tenant(tenant_id)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE audit_ledgerwatch SET due_at = ledger_now()")
            assert cursor.rowcount == 1
    with tenant_scope(tenant_id):
        row = LedgerWatch.objects.get()
    assert SOURCE.work(tenant_id, row.id)
    # Until the next hour there is nothing to do.
    assert not SOURCE.work(tenant_id, row.id)
    drain()
    with tenant_scope(tenant_id):
        return LedgerWatch.objects.get()


def noted(world: World) -> list[str]:
    tenant_id = world.system.tenant_id
    said = [each.action for each in chain(world, "tenant", tenant_id)]
    return [each for each in said if each.startswith("ledger_")]


def told(world: World) -> list[str]:
    """Return who was told in the application that the ledger needs to be looked at."""
    with tenant_scope(world.system.tenant_id):
        rows = Delivery.objects.filter(topic="ledger_trouble", channel="in_app")
        actors = set(rows.values_list("recipient_id", flat=True))
    names = ("analyst", "operator", "auditor", "approver", "admin")
    return sorted(name for name in names if world.of(name).actor_id in actors)


def test_nothing_in_the_way_is_nothing_to_tell(world: World) -> None:
    sealed(world.system.tenant_id)
    row = look(world)
    assert (row.noted, row.leased_until) == ("", None)
    assert row.checked_at is not None
    assert row.due_at > row.checked_at
    assert row.found is not None
    assert row.found["healthy"] is True
    assert noted(world) == []
    assert told(world) == []


def test_trouble_is_noted_and_told_once_until_it_is_over(world: World) -> None:
    sealed(world.system.tenant_id)
    troubled(world.system.tenant_id, TROUBLE)
    assert look(world).noted == "ROLLBACK"
    assert look(world).noted == "ROLLBACK"
    assert noted(world) == [TROUBLE_FOUND]
    assert told(world) == ["admin", "auditor", "operator"]
    entry = chain(world, "tenant", world.system.tenant_id)[-1]
    assert entry.payloads == {"trouble": "ROLLBACK", "detail": TROUBLE}
    troubled(world.system.tenant_id, "")
    assert look(world).noted == ""
    troubled(world.system.tenant_id, "NO KEY: there is none")
    assert look(world).noted == "NO KEY"
    assert noted(world) == [TROUBLE_FOUND, TROUBLE_OVER, TROUBLE_FOUND]


def test_what_is_missing_is_counted_once_a_day_and_told(world: World) -> None:
    item = states.in_progress(world.analyst)
    entry = states.history(world, "work_item", item.id)[-1]
    with without(entry):
        row = look(world)
        assert row.found is not None
        assert row.found["gaps"]["count"] == 1
        assert noted(world) == ["ledger_gap_found"]
        assert told(world) == ["admin", "auditor", "operator"]
        first = row.counted_at
        assert look(world).counted_at == first
    assert noted(world) == ["ledger_gap_found"]


def test_a_count_that_fails_keeps_no_trouble_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant_id = world.system.tenant_id
    sealed(tenant_id)
    troubled(tenant_id, TROUBLE)

    def killed(_tenant_id: uuid.UUID) -> None:
        raise OperationalError("canceling statement due to statement timeout")

    with monkeypatch.context() as patch:
        patch.setattr(watching, "note_gaps", killed)
        with pytest.raises(OperationalError):
            look(world)
    with tenant_scope(tenant_id):
        row = LedgerWatch.objects.get()
    # It is told, and the row is nobody's and due in an hour, when it is counted again.
    assert (row.noted, row.leased_until, row.counted_at) == ("ROLLBACK", None, None)
    assert row.checked_at is not None
    assert dt.timedelta(minutes=59) < row.due_at - row.checked_at < dt.timedelta(minutes=61)
    assert noted(world) == [TROUBLE_FOUND]
    assert look(world).counted_at is not None
    assert noted(world) == [TROUBLE_FOUND]


def test_the_page_says_what_is_in_the_way(world: World) -> None:
    sealed(world.system.tenant_id)
    troubled(world.system.tenant_id, TROUBLE)
    text = text_of(browser(world.auditor).get("/ledger/health/").content)
    assert "Nothing is missing, but something is in the way of the tree." in text
    assert f"The database is older than what is kept outside {TROUBLE}" in text
    said = api(world.auditor).get("/api/v1/ledger/health").json()
    assert said["healthy"] is False
    assert said["trouble"] == {"code": "ROLLBACK", "detail": TROUBLE}
    assert said["tree"]["anchored_at"] is None


def test_the_figures_are_those_of_the_last_count_and_of_now(world: World) -> None:
    size = sealed(world.system.tenant_id).size
    tenant = f'tenant="{world.system.tenant_id}"'
    before = api(world.auditor).get("/api/v1/ledger/metrics")
    assert before["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert f"amends_ledger_sealed_entries{{{tenant}}} {size}\n" in before.content.decode()
    assert "amends_ledger_gaps" not in before.content.decode()
    look(world)
    troubled(world.system.tenant_id, TROUBLE)
    after = api(world.auditor).get("/api/v1/ledger/metrics").content.decode()
    assert f"amends_ledger_gaps{{{tenant}}} 0\n" in after
    assert f'amends_ledger_trouble{{{tenant},code="ROLLBACK"}} 1\n' in after
    assert f'amends_ledger_rows_astray{{{tenant},subject_type="work_item"}} 0\n' in after
    assert after.count("# TYPE amends_ledger_transitions gauge") == 1
    assert api(world.analyst).get("/api/v1/ledger/metrics").status_code == 403


def test_the_admin_shows_trees_checks_and_looks_and_changes_nothing(world: World) -> None:
    tenant_id = world.system.tenant_id
    size = sealed(tenant_id).size
    browser(world.auditor).post("/ledger/check/")
    drain()
    troubled(tenant_id, TROUBLE)
    client, other = browser(world.auditor), browser(make_world().auditor)
    with tenant_scope(tenant_id):
        watch = LedgerWatch.objects.get().id
        check = LedgerVerification.objects.get().id
    shown = {
        f"/admin/ledger/ledgertree/{tenant_id}/change/": f"Entries Signed Root {size} ",
        f"/admin/ledger/ledgerverification/{check}/change/": "intact",
        f"/admin/audit/ledgerwatch/{watch}/change/": "Looked at every hour",
    }
    for page, words in shown.items():
        answer = client.get(page)
        assert answer.status_code == 200, page
        assert words in text_of(answer.content), page
        assert b'name="_save"' not in answer.content, page
        assert b"deletelink" not in answer.content, page
        assert client.post(page, {"trouble": "", "outcome": "broken"}).status_code == 403, page
        kind = page.partition("/change/")[0].rpartition("/")[0]
        assert client.get(f"{kind}/").status_code == 200, kind
        assert client.get(f"{kind}/add/").status_code == 403, kind
        assert client.get(page.replace("change", "delete")).status_code == 403, page
        assert other.get(page).status_code == 302, page
    with tenant_scope(tenant_id):
        assert LedgerVerification.objects.get().outcome == "valid"
