"""The compliance report: its period, its people, its formats, and what it leaves out."""

from __future__ import annotations

import base64
import csv
import io
import uuid
from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext, override_settings

from ledger.clock import rfc3339
from ledger.errors import Conflict
from ledger.selectors import Entry, entries_of
from ledger.tenancy import tenant_scope
from ledger.tree.merkle import root_of_inclusion
from ledger.tree.signed_notes import opened
from ledger.tree.signing_keys import key_ring
from ledger.tree.stored_tree import Torn
from tests import states
from tests.all_rights import superuser
from tests.clients import api, browser
from tests.pages import text_of
from tests.sealed import sealed
from tests.undo_paths import given_up, in_a_case
from tests.world import World
from verbs.call import Call
from workitems.actions import complete

REPORT = "/api/v1/ledger/report"


def read(world: World, **asked: str) -> dict[str, Any]:
    answer = api(world.auditor).get(REPORT, asked)
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def told(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(line["what"], line["action"]) for line in found["results"]]


def chain(world: World, item_id: uuid.UUID) -> list[Entry]:
    with tenant_scope(world.auditor.tenant_id):
        return entries_of(world.auditor.tenant_id, "work_item", item_id)


def test_it_tells_decisions_and_their_undo_and_no_bookkeeping(world: World) -> None:
    path = given_up(world)
    found = read(world, subject=f"work_item:{path.original[1]}")
    assert told(found) == [
        ("decision", "completed"),
        ("reversal", "compensation_started"),
        ("reversal", "compensation_faulted"),
        ("reversal", "compensation_abandoned"),
    ]
    last = found["results"][-1]
    assert last["residual_effect"] == path.why
    assert last["subject"]["title"] == "Check the credit"
    assert found["about"]["subject"] == {"type": "work_item", "id": str(path.original[1])}


def test_what_happened_at_the_beginning_is_in_the_period_and_at_its_end_is_not(
    world: World,
) -> None:
    item = states.completed(world.analyst)
    (done,) = (each for each in chain(world, item.id) if each.action == "completed")
    at = rfc3339(done.at)
    just_after = rfc3339(done.at.replace(microsecond=(done.at.microsecond + 1) % 1_000_000))
    subject = f"work_item:{item.id}"
    assert told(read(world, subject=subject, since=at)) == [("decision", "completed")]
    assert told(read(world, subject=subject, until=at)) == []
    if done.at.microsecond < 999_999:
        assert told(read(world, subject=subject, since=just_after)) == []
        assert told(read(world, subject=subject, until=just_after)) == [("decision", "completed")]
    # A day is its first moment, in UTC.
    today, earlier = done.at.date(), date(2000, 1, 1)
    assert told(read(world, subject=subject, since=str(today))) == [("decision", "completed")]
    assert told(read(world, subject=subject, since=str(earlier), until=str(today))) == []


def test_of_an_actor_it_tells_what_they_did_and_nobody_else(world: World) -> None:
    in_a_case(world)
    states.completed(world.operator)
    found = read(world, actor=world.analyst.username)
    assert {line["actor"] for line in found["results"]} == {world.analyst.username}
    assert ("decision", "completed") in told(found)
    assert read(world, actor="nobody-there")["results"] == []


def test_an_erased_person_is_a_token_and_is_found_by_it(world: World) -> None:
    item = states.completed(world.analyst)
    token = str(world.analyst.actor_id)
    with superuser() as db:
        db.execute("UPDATE accounts_actor SET user_id = NULL WHERE id = %s", [token])
    for asked in ({"subject": f"work_item:{item.id}"}, {"actor": token}):
        found = read(world, **asked)
        (line,) = (each for each in found["results"] if each["action"] == "completed")
        assert line["actor"] == token
    answer = api(world.auditor).get(REPORT, {"actor": token})
    assert world.analyst.username not in answer.content.decode()


def test_a_refusal_is_told_with_its_code(world: World) -> None:
    item = states.completed(world.operator, reversibility="irreversible")
    with pytest.raises(Conflict):
        states.compensate(item, world.operator)
    found = read(world, subject=f"work_item:{item.id}")
    (line,) = (each for each in found["results"] if each["what"] == "refusal")
    assert (line["refusal"]["code"], line["actor"]) == ("irreversible", world.operator.username)


def test_it_goes_on_where_a_page_ends_and_tells_nothing_twice(world: World) -> None:
    path = given_up(world)
    asked = {"subject": f"work_item:{path.original[1]}", "limit": "3"}
    first = api(world.auditor).get(REPORT, asked).json()
    second = api(world.auditor).get(first["next"]).json()
    assert second["next"] is None
    whole = read(world, subject=asked["subject"])
    assert [*first["results"], *second["results"]] == whole["results"]
    link = api(world.auditor).get(REPORT, {**asked, "format": "csv"}).headers["Link"]
    assert 'rel="next"' in link


def test_as_csv_nothing_is_a_formula(world: World) -> None:
    item = states.in_progress(world.analyst)
    complete(item.id, call=Call(world.analyst), outcome="=1+1", reason='@SUM("a",2)')
    answer = api(world.auditor).get(REPORT, {"subject": f"work_item:{item.id}", "format": "csv"})
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    [row] = csv.DictReader(io.StringIO(answer.content.decode()))
    assert (row["outcome"], row["reason"]) == ("'=1+1", '\'@SUM("a",2)')
    assert (row["actor"], row["subject_id"]) == (world.analyst.username, str(item.id))


def test_it_cites_the_law_with_the_dates_of_the_settings(world: World) -> None:
    asked = {"actor": world.analyst.username}
    cited = {
        (each["act"].split()[2], each["article"]): each["applies"]
        for each in read(world, **asked)["citations"]
    }
    assert set(cited) == {
        ("2024/1689", "Art. 12"),
        ("2024/1689", "Art. 19"),
        ("2024/1689", "Art. 26(6)"),
        ("2016/679", "Art. 17"),
        ("2016/679", "Art. 22"),
    }
    assert "2 December 2027" in cited["2024/1689", "Art. 12"]
    assert "2 August 2028" in cited["2024/1689", "Art. 12"]
    with override_settings(AMENDS_AI_ACT_ANNEX_III_FROM=date(2030, 1, 1)):
        page = api(world.auditor).get(REPORT, {**asked, "format": "html"}).content
    assert "from 1 January 2030" in text_of(page)
    assert "2 December 2027" not in text_of(page)


def test_to_print_it_has_no_script_and_no_style_of_its_own(world: World) -> None:
    path = given_up(world)
    asked = {"subject": f"work_item:{path.original[1]}", "format": "html"}
    answer = api(world.auditor).get(REPORT, asked)
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    page = answer.content.decode()
    assert path.why in page
    assert "<script" not in page
    assert "style=" not in page


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({}, "subject"),
        ({"since": "yesterday"}, "since"),
        ({"since": "2026-01-01T10:00:00"}, "since"),
        ({"since": "2026-02-01", "until": "2026-02-01"}, "until"),
        ({"subject": "work_item:x"}, "subject"),
        ({"actor": "a", "format": "pdf"}, "format"),
    ],
)
def test_what_cannot_be_asked_is_named(world: World, asked: dict[str, str], field: str) -> None:
    answer = api(world.auditor).get(REPORT, asked)
    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json()["errors"]] == [field]


def test_another_organisation_is_told_nothing(world: World) -> None:
    item = states.completed(world.analyst)
    answer = api(world.outsider).get(REPORT, {"subject": f"work_item:{item.id}"})
    assert (answer.status_code, answer.json()["results"]) == (200, [])


def test_a_page_of_it_takes_as_many_statements_whatever_is_on_it(world: World) -> None:
    small, large = states.completed(world.analyst), given_up(world)

    def cost(item_id: uuid.UUID) -> int:
        with CaptureQueriesContext(connection) as sent:
            read(world, subject=f"work_item:{item_id}")
        return len(sent)

    # Originals and signatures are read at once, also where there are none.
    assert cost(small.id) == cost(large.original[1])


def test_the_page_asks_and_shows(world: World) -> None:
    path = given_up(world)
    client = browser(world.auditor)
    empty = text_of(client.get("/ledger/report/").content)
    assert "Show the report" in empty
    assert path.why not in empty
    shown = client.get(f"/ledger/report/?type=work_item&subject={path.original[1]}").content
    assert path.why in text_of(shown)
    assert f"/api/v1/ledger/report?subject=work_item%3A{path.original[1]}&amp;format=csv" in (
        shown.decode()
    )
    assert client.get("/ledger/report/?since=never").status_code == 422


def test_it_carries_the_checkpoint_and_the_proof_of_each_line(world: World) -> None:
    """What an auditor does with it, without us: the signature, then each line up to its root."""
    path = given_up(world)
    asked = {"subject": f"work_item:{path.original[1]}"}
    before = read(world, **asked)
    assert before["checkpoint"] is None
    assert {line["proof"] for line in before["results"]} == {None}
    stored = sealed(world.system.tenant_id)
    states.new_item(world.analyst)
    found = read(world, **asked)
    signed = opened(found["checkpoint"]["note"], key_ring().publics)
    assert (signed.size, signed.root) == (stored.size, stored.root)
    assert found["checkpoint"]["size"] == stored.size
    for line in found["results"]:
        leaf, proof = bytes.fromhex(line["hash"]), [*map(base64.b64decode, line["proof"])]
        assert root_of_inclusion(leaf, line["tree_index"], signed.size, proof) == signed.root
    answer = api(world.auditor).get(REPORT, {**asked, "format": "csv"})
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert {row["checkpoint_size"] for row in rows} == {str(stored.size)}
    # A hash may begin as a formula would.
    assert [row["proof"].removeprefix("'").split("; ") for row in rows] == [
        line["proof"] for line in found["results"]
    ]
    page = text_of(api(world.auditor).get(REPORT, {**asked, "format": "html"}).content)
    assert found["checkpoint"]["note"].split("\n")[2] in page


def test_a_line_that_came_after_the_checkpoint_has_no_proof_yet(world: World) -> None:
    path = given_up(world)
    sealed(world.system.tenant_id)
    late = states.completed(world.analyst)
    found = read(world, actor=world.analyst.username)["results"]
    proofs = {line["subject"]["id"]: line["proof"] for line in found}
    assert proofs[str(late.id)] is None
    assert proofs[str(path.original[1])] is not None


def test_a_torn_tree_stops_no_report(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def torn(*_given: Any) -> dict[int, list[bytes]]:
        raise Torn("tile 0 of level 0 of the tree is not there")

    path = given_up(world)
    sealed(world.system.tenant_id)
    monkeypatch.setattr("audit.compliance.report_proofs.inclusion_proofs", torn)
    found = read(world, subject=f"work_item:{path.original[1]}")
    assert found["checkpoint"] is None
    assert {line["proof"] for line in found["results"]} == {None}
