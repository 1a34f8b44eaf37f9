"""The auditor's desk: the check of the whole ledger, its seal in the foot of pages, what can be
taken away of an entry."""

from __future__ import annotations

import re
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit import footer_seal
from audit.actions.noting_gaps import note_gaps
from audit.footer_seal import forget_standing, seal_of
from audit.ledger_standing import standing_of
from ledger.models import LedgerVerification
from ledger.tenancy import tenant_scope
from tests import states
from tests.casework import approved_loan
from tests.clients import api, browser
from tests.draining import drain
from tests.integration.test_ledger_health import without
from tests.integration.test_verify_ledger import flipped, tampered
from tests.pages import text_of
from tests.sealed import hashes, sealed, troubled
from tests.world import World

CHECK = "/ledger/check/"
REFRESH = b'<noscript><meta http-equiv="refresh" content="3"></noscript>'


def asked(world: World, who: str = "auditor") -> None:
    answer = browser(world.of(who)).post(CHECK)
    assert (answer.status_code, answer["Location"]) == (303, CHECK)


def checks(world: World) -> list[LedgerVerification]:
    with tenant_scope(world.system.tenant_id):
        return list(LedgerVerification.objects.filter(tenant_id=world.system.tenant_id))


def seal(world: World, who: str = "auditor") -> str:
    """Return what the foot of a page says, as somebody sees it who has just come."""
    forget_standing(world.system.tenant_id)
    html = browser(world.of(who)).get("/ledger/").content
    found = re.search(rb'<a class="foot-seal[^>]*href="([^"]+)"[^>]*>(.*?)</a>', html, re.DOTALL)
    assert found is not None
    assert found[1].decode() == CHECK
    return text_of(found[2])


def test_a_check_is_asked_for_followed_and_kept_without_script(world: World) -> None:
    size = sealed(world.system.tenant_id).size
    auditor = browser(world.auditor)
    before = auditor.get(CHECK)
    assert "It was not checked yet." in text_of(before.content)
    assert REFRESH not in before.content
    asked(world)
    meanwhile = auditor.get(CHECK)
    assert REFRESH in meanwhile.content
    assert "It waits for a worker." in text_of(meanwhile.content)
    assert b"Check it now" not in meanwhile.content
    drain()
    after = auditor.get(CHECK)
    assert REFRESH not in after.content
    assert f"Intact . {len(hashes(world.system.tenant_id))} entries checked" in text_of(
        after.content
    )
    assert size > 0
    assert [(each.outcome, each.requested_by_id) for each in checks(world)] == [
        ("valid", world.auditor.actor_id)
    ]


def test_while_one_runs_it_says_how_far_it_is(world: World) -> None:
    asked(world)
    (row,) = checks(world)
    with tenant_scope(world.system.tenant_id):
        LedgerVerification.objects.filter(tenant_id=row.tenant_id, id=row.id).update(
            checked=3, total=12, started_at=row.requested_at
        )
    html = browser(world.analyst).get(CHECK).content
    assert "3 of 12 entries checked" in text_of(html)
    assert b'<progress class="check-progress" max="12" value="3">' in html
    # Whoever asks meanwhile follows that one.
    asked(world, "operator")
    assert [each.id for each in checks(world)] == [row.id]


def test_the_first_bad_entry_is_named_and_linked(world: World) -> None:
    sealed(world.system.tenant_id)
    item = states.in_progress(world.analyst)
    entry = states.history(world, "work_item", item.id)[-1]
    with tampered(entry, "ledger_ledgerentry", "body", flipped):
        asked(world)
        drain()
        html = browser(world.auditor).get(CHECK).content
        assert seal(world).startswith("Ledger broken")
    assert "Broken : its bytes were changed" in text_of(html)
    assert f'href="/ledger/entries/{entry.id}/"'.encode() in html


def test_the_foot_of_every_page_says_how_the_ledger_stands(world: World) -> None:
    assert seal(world) == "Ledger not checked yet"
    asked(world)
    assert seal(world) == "Ledger not checked yet"
    drain()
    count = checks(world)[0].checked
    assert seal(world).startswith(f"Ledger intact \u00b7 {count} entries \u00b7 checked")
    # Another organisation's says nothing of it, and who is signed out sees none.
    assert seal(world, "outsider") == "Ledger not checked yet"
    assert b"foot-seal" not in browser(world.auditor).get("/accounts/logout/").content


def test_the_seal_takes_one_statement_for_many_pages(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(footer_seal, "_ASK_EVERY_SECONDS", 5.0)
    tenant = world.system.tenant_id
    forget_standing(tenant)
    with tenant_scope(tenant), CaptureQueriesContext(connection) as taken:
        for _ in range(5):
            seal_of(tenant)
    assert len(taken) == 1


def test_the_trouble_of_a_tree_shows_before_what_was_found_last(world: World) -> None:
    sealed(world.system.tenant_id)
    asked(world)
    drain()
    with tenant_scope(world.system.tenant_id):
        assert standing_of(world.system.tenant_id).outcome == "valid"
    troubled(world.system.tenant_id, "ROLLBACK: outside there is more")
    assert seal(world).startswith("Ledger in trouble")


def ended(world: World, outcome: str) -> None:
    """Let the check that was asked for last end otherwise than it did."""
    with tenant_scope(world.system.tenant_id):
        newest = LedgerVerification.objects.latest("requested_at")
        newest.outcome = outcome
        newest.save(update_fields=["outcome"])


def test_an_attempt_that_failed_takes_nothing_back(world: World) -> None:
    asked(world)
    drain()
    ended(world, "failed")
    assert seal(world).startswith("Ledger could not be checked \u00b7 checked")
    asked(world)
    drain()
    [count] = {each.checked for each in checks(world) if each.outcome == "valid"}
    intact = f"Ledger intact \u00b7 {count} entries \u00b7 checked"
    assert seal(world).startswith(intact)
    assert "failed" not in seal(world)
    asked(world)
    drain()
    ended(world, "failed")
    said = seal(world)
    assert said.startswith(intact)
    assert said.endswith("\u00b7 the last attempt failed")
    figures = api(world.auditor).get("/api/v1/ledger/metrics").content.decode()
    assert re.search(r"\namends_ledger_check_intact\{[^}]*\} 0\n", figures)


def test_a_gap_that_was_found_stands_in_the_foot_until_it_is_over(world: World) -> None:
    item = states.completed(world.analyst)
    tenant_id = world.system.tenant_id
    last = states.history(world, "work_item", item.id)[-1]
    asked(world)
    drain()
    with without(last):
        assert note_gaps(tenant_id)[1] is True
        assert seal(world).startswith("Ledger incomplete \u00b7 checked")
        note = "When all of it was counted, something was missing."
        shown = browser(world.auditor).get(CHECK).content
        assert note in text_of(shown)
        assert b'<p><a href="/ledger/health/">Completeness</a></p>' in shown
        # Who may not count is told, and not led to where they may not go.
        shown = browser(world.analyst).get(CHECK).content
        assert note in text_of(shown)
        assert b'href="/ledger/health/"' not in shown
    assert note_gaps(tenant_id)[1] is False
    assert seal(world).startswith("Ledger intact")
    assert note not in text_of(browser(world.auditor).get(CHECK).content)


def test_what_can_be_taken_away_of_an_entry(world: World) -> None:
    case_id = approved_loan(world)
    with_case = states.history(world, "case", case_id)[0].id
    client = browser(world.auditor)
    page = f"/ledger/entries/{with_case}/"
    proof = f"/api/v1/ledger/entries/{with_case}/proof"
    before = client.get(page).content.decode()
    assert proof not in before
    assert "its proof, once it is sealed" in before
    sealed(world.system.tenant_id)
    after = client.get(page).content.decode()
    pack = f"/api/v1/ledger/export?case={case_id}"
    for url, kind in ((proof, "text/plain; charset=utf-8"), (pack, "application/zip")):
        assert f'href="{url}"' in after
        answer = client.get(url)
        assert (answer.status_code, answer["Content-Type"]) == (200, kind)
    item = states.completed(world.operator)
    of_item = client.get(f"/ledger/subjects/work_item/{item.id}/").content.decode()
    assert f'href="/api/v1/ledger/export?subject=work_item%3A{item.id}"' in of_item
    assert f'href="{pack}"' in client.get(f"/ledger/subjects/case/{case_id}/").content.decode()


def test_nobody_checks_another_organisation(world: World) -> None:
    asked(world, "outsider")
    assert checks(world) == []
    assert client_says(world, uuid.uuid4()) == 404


def client_says(world: World, entry: uuid.UUID) -> int:
    return int(browser(world.outsider).get(f"/ledger/entries/{entry}/").status_code)
