"""Notes and labels: who may add and remove them, what is recorded, and what the page says."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from ledger.errors import Conflict
from ledger.tenancy import tenant_scope
from tests import states
from tests.clients import api, browser
from tests.integration.around_made import added, entry, listed, removed
from tests.integration.test_statements import ONE_SUBJECT, statements
from tests.integration.workitems_made import page
from tests.integration.workitems_over_rest import entries, post, read
from tests.pages import text_of
from tests.world import World
from verbs.call import Call
from workitems.around.addition_tables import Label, Note
from workitems.around.additions import ADD, REMOVE
from workitems.lifecycle import Status

WORDS = "The payslip is of March.\nAsk for April."


def test_a_note_is_told_to_all_and_recorded_without_its_words(world: World) -> None:
    item = states.in_progress(world.analyst)
    note = added(api(world.surveyor), item.id, "notes", {"text": f"  {WORDS} "})
    assert (note["text"], note["created_by"], note["removed_at"]) == (
        WORDS, world.surveyor.username, None
    )  # fmt: skip
    assert listed(api(world.bystander), item.id, "notes") == [note]
    after = read(api(world.analyst), str(item.id))
    assert (after["version"], after["status"]) == (item.version + 1, "IN_PROGRESS")
    said = entry(world, item.id)
    assert (said.action, said.from_status, said.to_status) == (
        "note_added", "IN_PROGRESS", "IN_PROGRESS"
    )  # fmt: skip
    assert said.payloads == {"note": note["id"], "text": WORDS}
    with tenant_scope(item.tenant_id), connection.cursor() as cursor:
        cursor.execute("SELECT body FROM ledger_ledgerentry WHERE id = %s", [said.id])
        ((written,),) = cursor.fetchall()
    assert b"payslip" not in bytes(written)


def test_what_is_removed_stays_on_record(world: World) -> None:
    item = states.new_item(world.operator)
    note = added(api(world.analyst), item.id, "notes", {"text": WORDS})
    assert removed(api(world.surveyor), item.id, "notes", note["id"], 403)["code"] == (
        "not_permitted"
    )
    assert len(listed(api(world.analyst), item.id, "notes")) == 1
    gone = removed(api(world.analyst), item.id, "notes", note["id"])
    assert gone == {**note, "removed_at": gone["removed_at"]}
    assert gone["removed_at"] is not None
    assert listed(api(world.analyst), item.id, "notes") == []
    assert entries(world, str(item.id))[-2:] == ["note_added", "note_removed"]
    with tenant_scope(item.tenant_id):
        row = Note.objects.get(id=note["id"])
    assert (row.text, row.removed_by_id) == (WORDS, world.analyst.actor_id)
    removed(api(world.operator), item.id, "notes", note["id"], 404)
    assert len(entries(world, str(item.id))) == 3


def test_an_operator_removes_what_others_wrote(world: World) -> None:
    item = states.new_item(world.operator)
    label = added(api(world.analyst), item.id, "labels", {"name": "urgent"})
    removed(api(world.operator), item.id, "labels", label["id"])
    assert listed(api(world.operator), item.id, "labels") == []


def test_a_label_is_there_once_and_may_come_back(world: World) -> None:
    item, mine = states.new_item(world.operator), api(world.analyst)
    label = added(mine, item.id, "labels", {"name": "urgent"})
    again = added(mine, item.id, "labels", {"name": " urgent "}, 409)
    assert again["code"] == "already_there"
    assert entries(world, str(item.id)) == ["created", "label_added"]
    removed(mine, item.id, "labels", label["id"])
    added(mine, item.id, "labels", {"name": "urgent"})
    assert [each["name"] for each in listed(mine, item.id, "labels")] == ["urgent"]


def test_the_same_label_put_on_by_many_at_once_is_there_once(world: World) -> None:
    item = states.new_item(world.operator)

    def put(_n: int) -> str:
        try:
            ADD["label"](item.id, call=Call(world.analyst), name="urgent")
        except Conflict as refusal:
            return refusal.code
        finally:
            connection.close()
        return "done"

    with ThreadPoolExecutor(8) as pool:
        found = sorted(pool.map(put, range(8)))
    assert found == ["already_there"] * 7 + ["done"]
    with tenant_scope(item.tenant_id):
        assert Label.objects.filter(item_id=item.id).count() == 1
    assert entries(world, str(item.id)) == ["created", "label_added"]


@pytest.mark.parametrize(
    ("many", "body", "pointer", "code"),
    [
        ("notes", {"text": "x" * 4001}, "/text", "too_long"),
        ("notes", {"text": " \n"}, "/text", "blank"),
        ("notes", {}, "/text", "required"),
        ("labels", {"name": "a\nb"}, "/name", "control_character"),
        ("labels", {"name": "x" * 151}, "/name", "max_length"),
        ("labels", {"name": "x", "colour": "red"}, "/colour", "unknown_field"),
    ],
)
def test_what_is_too_long_or_says_nothing_is_refused(
    world: World, many: str, body: Any, pointer: str, code: str
) -> None:
    item = states.new_item(world.operator)
    said = added(api(world.analyst), item.id, many, body, 422)
    assert [(each["pointer"], each["code"]) for each in said["errors"]] == [(pointer, code)]
    assert listed(api(world.analyst), item.id, many) == []
    assert entries(world, str(item.id)) == ["created"]


def test_an_item_has_room_for_so_many(world: World) -> None:
    item = states.new_item(world.operator)
    for n in range(50):
        ADD["label"](item.id, call=Call(world.analyst), name=f"label {n}")
    said = added(api(world.analyst), item.id, "labels", {"name": "one more"}, 422)
    assert [(each["pointer"], each["code"]) for each in said["errors"]] == [("/name", "too_many")]


def test_other_tenants_and_auditors_add_nothing(world: World) -> None:
    item = states.new_item(world.operator)
    note = added(api(world.analyst), item.id, "notes", {"text": WORDS})
    theirs = api(world.outsider)
    assert post(theirs, f"/{item.id}/notes", {"text": "x"}).status_code == 404
    assert theirs.get(f"/api/v1/work-items/{item.id}/notes").status_code == 404
    removed(theirs, item.id, "notes", note["id"], 404)
    auditor = api(world.auditor)
    added(auditor, item.id, "notes", {"text": "x"}, 403)
    assert listed(auditor, item.id, "notes") == [note]
    removed(auditor, item.id, "notes", note["id"], 403)
    other = states.new_item(world.operator)
    removed(api(world.analyst), other.id, "notes", note["id"], 404)
    assert entries(world, str(item.id)) == ["created", "note_added"]


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.CANCELLED, Status.SUSPENDED])
def test_they_may_be_added_whatever_became_of_the_item(world: World, status: Status) -> None:
    item = states.item_in(status, world.operator)
    added(api(world.analyst), item.id, "notes", {"text": WORDS})
    after = states.stored(world, item.id)
    assert (after.status, after.version) == (status, item.version + 1)


def test_a_stale_caller_adds_nothing(world: World) -> None:
    item, mine = states.new_item(world.operator), api(world.analyst)
    note = added(mine, item.id, "notes", {"text": WORDS})
    late = post(mine, f"/{item.id}/notes", {"text": "x"}, **{"If-Match": f'"v{item.version}"'})
    assert late.status_code == 412
    done = post(mine, f"/{item.id}/notes", {"text": "y"}, **{"If-Match": f'"v{item.version + 1}"'})
    assert (done.status_code, done["ETag"]) == (201, f'"v{item.version + 2}"')
    answer = mine.delete(
        f"/api/v1/work-items/{item.id}/notes/{note['id']}", headers={"If-Match": '"v1"'}
    )
    assert answer.status_code == 412


def test_the_list_is_cut_into_pages(world: World) -> None:
    item, mine = states.new_item(world.operator), api(world.analyst)
    for n in range(3):
        added(mine, item.id, "notes", {"text": f"note {n}"})
    first = mine.get(f"/api/v1/work-items/{item.id}/notes?limit=2").json()
    assert [each["text"] for each in first["results"]] == ["note 2", "note 1"]
    assert [each["text"] for each in mine.get(first["next"]).json()["results"]] == ["note 0"]


def test_adding_and_removing_take_few_statements(world: World) -> None:
    item, call = states.new_item(world.operator), Call(world.analyst)
    rows: list[Any] = []
    sent = statements(lambda: rows.append(ADD["label"](item.id, call=call, name="urgent")))
    assert len(sent) == 4 <= ONE_SUBJECT
    sent = statements(lambda: REMOVE["label"](item.id, rows[0].id, call=call))
    assert len(sent) == 4 <= ONE_SUBJECT


def test_the_page_shows_them_with_their_forms(world: World) -> None:
    item, mine = states.in_progress(world.analyst), browser(world.analyst)
    where = f"/work-items/{item.id}/"
    for path, said in (("note", {"text": WORDS}), ("label", {"name": "urgent"})):
        answer = mine.post(f"{where}{path}/", said)
        assert (answer.status_code, answer["Location"]) == (303, where)
    html = page(mine, where)
    text = text_of(html.encode())
    assert "The payslip is of March. Ask for April." in text
    assert f"Note on this task by {world.analyst.username}" in text
    assert f"Label put on this task by {world.analyst.username}" in text
    [note] = listed(api(world.analyst), item.id, "notes")
    gone = f"{where}notes/{note['id']}/remove/"
    assert gone in html
    theirs = page(browser(world.bystander), where)
    assert "The payslip is of March." in theirs
    assert gone not in theirs
    looked = text_of(page(browser(world.auditor), where).encode())
    assert "Write a note: an auditor looks and changes nothing." in looked
    assert f"{where}note/" not in looked
    assert mine.post(gone, {}).status_code == 303
    assert listed(api(world.analyst), item.id, "notes") == []


def test_a_broken_form_is_shown_again_with_what_was_typed(world: World) -> None:
    item, mine = states.new_item(world.operator), browser(world.analyst)
    answer = mine.post(f"/work-items/{item.id}/label/", {"name": "a" * 151})
    assert answer.status_code == 422
    assert 'class="around-add" open' in answer.content.decode()
    mine.post(f"/work-items/{item.id}/label/", {"name": "urgent"})
    again = mine.post(f"/work-items/{item.id}/label/", {"name": "urgent"})
    assert again.status_code == 409
    assert "It has this label already." in text_of(again.content)


def test_a_page_shows_the_newest_and_leads_to_all(world: World) -> None:
    item, mine = states.new_item(world.operator), browser(world.analyst)
    for n in range(22):
        ADD["note"](item.id, call=Call(world.analyst), text=f"note number {n};")
    html = page(mine, f"/work-items/{item.id}/")
    assert "note number 2;" in html
    assert "note number 1;" not in html
    assert "?around=all#notes" in html
    assert "note number 0;" in page(mine, f"/work-items/{item.id}/?around=all")
