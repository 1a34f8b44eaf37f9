"""Files of items: what is taken, what is recorded, and how they are given out."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from ledger.tenancy import tenant_scope
from tests import states
from tests.clients import api, browser
from tests.integration.around_made import added, entry, listed, removed
from tests.integration.test_statements import ONE_SUBJECT, statements
from tests.integration.workitems_made import page
from tests.integration.workitems_over_rest import ROOT, entries, post
from tests.pages import text_of
from tests.world import World
from verbs.call import Call
from workitems.around.addition_tables import Attachment
from workitems.around.additions import ADD
from workitems.around.files import MAX_BYTES
from workitems.models import WorkItem

PDF = b"%PDF-1.7\nThe payslip of March"


def sent(client: Client, item: WorkItem, name: str, content: bytes, type_: str = "") -> Any:
    file = SimpleUploadedFile(name, content, type_ or "application/octet-stream")
    return client.post(f"{ROOT}/{item.id}/attachments", {"file": file})


def in_base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def files(item: WorkItem) -> list[str]:
    folder = str(item.tenant_id)
    return default_storage.listdir(folder)[1] if default_storage.exists(folder) else []


def test_a_file_is_kept_with_its_hash_and_given_out_as_it_was(world: World) -> None:
    item = states.in_progress(world.analyst)
    answer = sent(api(world.analyst), item, "pay/slip march.pdf", PDF, "application/pdf")
    assert answer.status_code == 201, answer.content
    found = answer.json()
    digest = hashlib.sha256(PDF).hexdigest()
    assert (found["name"], found["content_type"], found["size"], found["sha256"]) == (
        "slip march.pdf", "application/pdf", len(PDF), digest,
    )  # fmt: skip
    assert listed(api(world.auditor), item.id, "attachments") == [found]
    said = entry(world, item.id)
    assert said.action == "attachment_added"
    assert said.payloads["sha256"] == digest
    for who in (world.bystander, world.auditor):
        got = api(who).get(found["content"])
        assert (got.status_code, got.content) == (200, PDF)
        assert got["Content-Disposition"] == 'attachment; filename="slip march.pdf"'
        assert got["Content-Type"] == "application/pdf"
        assert got["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in got["Content-Security-Policy"]
    assert api(world.outsider).get(found["content"]).status_code == 404
    assert Client().get(found["content"]).status_code == 401


def test_the_same_may_be_said_as_json_and_is_there_once(world: World) -> None:
    item, mine = states.new_item(world.operator), api(world.analyst)
    body = {"name": "a.txt", "content": in_base64(b"Hello")}
    found = added(mine, item.id, "attachments", body)
    assert found["content_type"] == "text/plain"
    assert added(mine, item.id, "attachments", body, 409)["code"] == "already_there"
    assert sent(mine, item, "a.txt", b"Hello").status_code == 409
    assert files(item) == [found["id"]]
    added(mine, item.id, "attachments", {**body, "name": "b.txt"})


@pytest.mark.parametrize(
    ("name", "content", "type_", "pointer", "code"),
    [
        ("page.html", b"<script>", "text/html", "/name", "forbidden_type"),
        ("drawing.svg", b"<svg/>", "image/svg+xml", "/name", "forbidden_type"),
        ("tool.exe", b"MZ", "", "/name", "forbidden_type"),
        ("pdf", PDF, "", "/name", "forbidden_type"),
        ("note.txt", b"<script>", "text/html", "/content_type", "forbidden_type"),
        ("page.pdf", b"<script>", "application/pdf", "/content", "forbidden_type"),
        ("note.txt", b"a\x00b", "", "/content", "forbidden_type"),
        ("note.txt", b"\xff\xfe", "", "/content", "forbidden_type"),
        ("note.txt", b"", "", "/content", "empty"),
        ("note.txt", b"x" * (MAX_BYTES + 1), "", "/content", "too_large"),
    ],
)
def test_what_is_not_taken_is_stored_nowhere(
    world: World, *, name: str, content: bytes, type_: str, pointer: str, code: str
) -> None:
    item, mine = states.new_item(world.operator), api(world.analyst)
    answer = sent(mine, item, name, content, type_)
    assert answer.status_code == 422, answer.content
    assert [(each["pointer"], each["code"]) for each in answer.json()["errors"]] == [
        (pointer, code)
    ]
    assert files(item) == []
    assert entries(world, str(item.id)) == ["created"]


def test_the_largest_file_is_taken_in_either_form(world: World) -> None:
    item, mine = states.new_item(world.operator), api(world.analyst)
    largest = b"x" * MAX_BYTES
    assert sent(mine, item, "form.txt", largest).status_code == 201
    body = {"name": "json.txt", "content": in_base64(largest)}
    assert added(mine, item.id, "attachments", body)["size"] == MAX_BYTES
    where = f"/work-items/{item.id}/attach/"
    answer = browser(world.analyst).post(where, {"file": SimpleUploadedFile("page.txt", largest)})
    assert answer.status_code == 303


def test_a_body_that_is_far_too_long_is_not_read(world: World) -> None:
    item = states.new_item(world.operator)
    answer = sent(api(world.analyst), item, "note.txt", b"x" * (MAX_BYTES * 3 // 2))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    page_ = browser(world.analyst).post(
        f"/work-items/{item.id}/attach/",
        {"file": SimpleUploadedFile("note.txt", b"x" * (MAX_BYTES + 100_000))},
    )
    assert page_.status_code == 413
    assert files(item) == []


def test_what_is_no_file_is_refused(world: World) -> None:
    item, mine = states.new_item(world.operator), api(world.analyst)
    said = added(mine, item.id, "attachments", {"name": "a.txt", "content": "é"}, 422)
    assert [each["code"] for each in said["errors"]] == ["base64"]
    answer = mine.post(f"{ROOT}/{item.id}/attachments", {"other": "x"})
    assert answer.status_code == 422
    broken = mine.generic(
        "POST", f"{ROOT}/{item.id}/attachments", b"x", content_type="multipart/form-data"
    )
    assert (broken.status_code, broken.json()["code"]) == (400, "malformed_json")


def test_others_attach_nothing(world: World) -> None:
    item = states.new_item(world.operator)
    assert sent(api(world.auditor), item, "a.txt", b"a").status_code == 403
    assert sent(api(world.outsider), item, "a.txt", b"a").status_code == 404
    assert files(item) == []


def test_what_was_removed_is_given_to_nobody_and_stays_on_record(world: World) -> None:
    item, mine = states.new_item(world.operator), api(world.analyst)
    found = added(mine, item.id, "attachments", {"name": "a.txt", "content": in_base64(b"a")})
    removed(mine, item.id, "attachments", found["id"])
    assert mine.get(found["content"]).status_code == 404
    assert listed(mine, item.id, "attachments") == []
    assert entries(world, str(item.id))[-1] == "attachment_removed"
    with tenant_scope(item.tenant_id):
        assert Attachment.objects.get(id=found["id"]).sha256 == found["sha256"]


def test_bytes_that_changed_are_not_given_out(world: World) -> None:
    item, mine = states.new_item(world.operator), api(world.analyst)
    found = added(mine, item.id, "attachments", {"name": "a.txt", "content": in_base64(b"a")})
    place = f"{item.tenant_id}/{found['id']}"
    for changed in (b"b", None):
        default_storage.delete(place)
        if changed is not None:
            default_storage.save(place, ContentFile(changed))
        answer = mine.get(found["content"])
        assert (answer.status_code, answer.json()["code"]) == (409, "damaged")


def test_the_same_request_twice_attaches_once(world: World) -> None:
    item, mine = states.new_item(world.operator), api(world.analyst)
    body = {"name": "a.txt", "content": in_base64(b"a")}
    first, second = (
        post(mine, f"/{item.id}/attachments", body, **{"Idempotency-Key": "one"}) for _ in range(2)
    )
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert files(item) == [first.json()["id"]]


def test_attaching_takes_few_statements(world: World) -> None:
    item = states.new_item(world.operator)
    body = {"name": "a.txt", "content": in_base64(b"a")}
    sent_ = statements(lambda: ADD["attachment"](item.id, call=Call(world.analyst), **body))
    assert len(sent_) == 4 <= ONE_SUBJECT


def test_people_attach_on_the_page(world: World) -> None:
    item, mine = states.in_progress(world.analyst), browser(world.analyst)
    where = f"/work-items/{item.id}/"
    assert 'enctype="multipart/form-data"' in page(mine, where)
    answer = mine.post(f"{where}attach/", {"file": SimpleUploadedFile("payslip.pdf", PDF)})
    assert answer.status_code == 303, text_of(answer.content)
    [found] = listed(api(world.analyst), item.id, "attachments")
    html = page(mine, where)
    assert "payslip.pdf" in text_of(html.encode())
    link = f"{where}attachments/{found['id']}/"
    assert f'href="{link}"' in html
    got = mine.get(link)
    assert (got.content, got["Content-Disposition"]) == (
        PDF, 'attachment; filename="payslip.pdf"'
    )  # fmt: skip
    assert browser(world.outsider).get(link).status_code == 404
    wrong = mine.post(f"{where}attach/", {"file": SimpleUploadedFile("page.html", b"<p>")})
    assert wrong.status_code == 422
    assert "must end in one of" in text_of(wrong.content)
    assert mine.post(f"{where}attach/", {}).status_code == 422
    assert len(listed(api(world.analyst), item.id, "attachments")) == 1


def test_a_file_sent_after_the_session_was_not_attached_and_that_is_said(world: World) -> None:
    item, mine = states.in_progress(world.analyst), browser(world.analyst)
    del mine.cookies["sessionid"]
    at = f"/work-items/{item.id}/"
    answer = mine.post(f"{at}attach/", {"file": SimpleUploadedFile("payslip.pdf", PDF)})
    assert (answer.status_code, files(item)) == (302, [])
    assert "the file was not sent. Choose it again." in text_of(
        mine.get(answer["Location"]).content
    )
