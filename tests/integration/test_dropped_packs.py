"""Packs that somebody brings to be checked: valid, with erased payloads, broken, hostile."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from audit.export import bounded_check, checked_in_child, stand_alone_notes
from tests import states
from tests.clients import api, browser
from tests.erasing import erase, gone_of, one_more
from tests.integration.test_verify_ledger import without
from tests.pages import text_of
from tests.sealed import sealed
from tests.world import World

PAGE = "/ledger/check-export/"
Files = dict[str, bytes]


@pytest.fixture
def decided(world: World) -> uuid.UUID:
    """A task that somebody completed, sealed."""
    item = states.completed(world.analyst)
    sealed(world.system.tenant_id)
    return uuid.UUID(str(item.id))


def pack(world: World, item: uuid.UUID) -> bytes:
    answer: Any = api(world.auditor).get(f"/api/v1/ledger/export?subject=work_item:{item}")
    assert answer.status_code == 200
    return bytes(answer.getvalue())


def changed(content: bytes, **files: bytes) -> bytes:
    """Return a pack with some files replaced; in a name `__` stands for the dot."""
    with zipfile.ZipFile(io.BytesIO(content)) as old:
        found = {name: old.read(name) for name in old.namelist()}
    found |= {name.replace("__", "."): body for name, body in files.items()}
    new = io.BytesIO()
    with zipfile.ZipFile(new, "w", zipfile.ZIP_DEFLATED) as written:
        for name, body in found.items():
            written.writestr(name, body)
    return new.getvalue()


def read(content: bytes, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as found:
        return found.read(name)


def said(world: World, content: bytes, who: str = "auditor") -> tuple[int, str]:
    file = SimpleUploadedFile("pack.zip", content, "application/zip")
    answer = browser(world.of(who)).post(PAGE, {"file": file})
    return answer.status_code, text_of(answer.content)


def test_a_pack_of_ours_is_valid_and_signed_by_us(world: World, decided: uuid.UUID) -> None:
    status, text = said(world, pack(world, decided))
    assert status == 200
    assert "Valid Our own key signed it." in text
    assert f"entries of work_item:{decided}" in text


def test_a_pack_of_another_ledger_says_whose_it_is(world: World, decided: uuid.UUID) -> None:
    status, text = said(world, pack(world, decided), "outsider")
    assert status == 200
    assert "It is another ledger's" in text
    assert f"/ledger/{world.system.tenant_id}" in text


def test_erased_payloads_are_counted(world: World, decided: uuid.UUID) -> None:
    person = one_more(world)
    item = uuid.UUID(str(states.completed(person).id))
    erase(world, person)
    sealed(world.system.tenant_id)
    status, text = said(world, pack(world, item))
    gone = [n for e in states.history(world, "work_item", item) for n in gone_of(world, e.id)]
    assert status == 200
    assert f"Valid, with {len(gone)} erased payloads Our own key signed it." in text


def test_a_payload_that_was_removed_by_hand_is_none_that_was_erased(
    world: World, decided: uuid.UUID
) -> None:
    entry = states.history(world, "work_item", decided)[-1]
    with without(("ledger_payload", "entry_id", entry.id)):
        content = pack(world, decided)
    text = said(world, content)[1]
    told = "payload outcome is gone, and no receipt tells of it"
    assert f"Broken at entry {entry.id} {told}" in text
    assert "Valid" not in text


def test_a_payload_that_somebody_takes_out_is_noticed(world: World, decided: uuid.UUID) -> None:
    content = pack(world, decided)
    first = json.loads(read(content, "payloads.jsonl").splitlines()[0])
    status, text = said(world, changed(content, payloads__jsonl=b""))
    assert status == 200
    assert f"Broken at entry {first['entry']} payload" in text
    assert "is gone, and no receipt tells of it" in text


def test_a_changed_entry_is_named_and_found_here(world: World, decided: uuid.UUID) -> None:
    content = pack(world, decided)
    lines = read(content, "entries.jsonl").splitlines()
    last = json.loads(lines[-1])
    last["body"] = last["body"].replace("work_item", "work_itex", 1)
    lines[-1] = json.dumps(last).encode()
    file = SimpleUploadedFile("p.zip", changed(content, entries__jsonl=b"\n".join(lines) + b"\n"))
    html = browser(world.auditor).post(PAGE, {"file": file}).content
    text = text_of(html)
    assert f"Broken at entry {last['id']} its hash is not the hash of its bytes" in text
    assert f'href="/ledger/entries/{last["id"]}/"'.encode() in html
    # It is nothing to whoever is elsewhere: they are led nowhere.
    file.seek(0)
    other = browser(world.outsider).post(PAGE, {"file": file}).content
    assert f'href="/ledger/entries/{last["id"]}/"'.encode() not in other


def test_our_name_with_another_key_is_not_ours(
    world: World, decided: uuid.UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = pack(world, decided)
    strange = "0" * 8
    monkeypatch.setattr(bounded_check, "_keys", lambda origin: [f"{origin}+{strange}+AQ=="])
    status, text = said(world, content)
    assert (status, "Valid" in text) == (200, False)
    assert "Broken" in text


@pytest.mark.parametrize("content", [b"no zip", b"PK\x03\x04" + b"\0" * 40, b"\0" * 1000])
def test_what_is_no_pack_is_told(world: World, content: bytes) -> None:
    status, text = said(world, content)
    assert status == 200
    assert "Broken it cannot be read" in text


def test_a_zip_of_other_files_is_no_pack(world: World) -> None:
    empty = io.BytesIO()
    with zipfile.ZipFile(empty, "w") as made:
        made.writestr("a.txt", "b")
    assert "Broken manifest.note is not in the pack" in said(world, empty.getvalue())[1]


def test_what_grows_beyond_the_bound_is_not_looked_at(world: World, decided: uuid.UUID) -> None:
    bomb = changed(pack(world, decided), padding=b"\0" * (257 * 1024 * 1024))
    assert len(bomb) < bounded_check.MAX_BYTES
    assert "Not checked There is more in it than is looked at here." in said(world, bomb)[1]


def test_more_entries_than_a_pack_has_are_not_looked_at(world: World, decided: uuid.UUID) -> None:
    many = changed(pack(world, decided), entries__jsonl=b"{}\n" * 30_001)
    assert "Not checked There is more in it than is looked at here." in said(world, many)[1]


def test_time_and_memory_are_bounded(
    world: World, decided: uuid.UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = pack(world, decided)
    monkeypatch.setattr(bounded_check, "_WALL_SECONDS", 0.001)
    assert "Not checked It takes too long to check here." in said(world, content)[1]
    monkeypatch.undo()
    monkeypatch.setattr(bounded_check, "_MEMORY", 1024)
    assert "Not checked" in said(world, content)[1]


def test_one_is_looked_at_at_a_time(world: World, decided: uuid.UUID) -> None:
    content = pack(world, decided)
    with bounded_check._one_at_a_time:  # noqa: SLF001  -- as another thread holds it
        file = SimpleUploadedFile("pack.zip", content, "application/zip")
        answer = browser(world.auditor).post(PAGE, {"file": file})
    assert (answer.status_code, answer["Retry-After"]) == (429, "5")
    assert said(world, content)[0] == 200


def test_without_a_file_the_form_says_so(world: World) -> None:
    answer = browser(world.auditor).post(PAGE)
    assert answer.status_code == 422
    assert b"This field is required" in answer.content


def test_without_a_key_of_ours_nobody_knows_who_signed(
    world: World, decided: uuid.UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pack under our name that somebody else signed looks the same then."""
    content = pack(world, decided)
    other = pack_of_another(world)
    monkeypatch.setattr(bounded_check, "_keys", lambda _origin: [])
    status, text = said(world, content)
    assert status == 200
    assert "Not known who signed it It bears the name of this ledger" in text
    assert "Our own key signed it" not in text
    assert "Valid" not in text
    # Of another's it was never known.
    assert "Valid It is another ledger's" in said(world, other)[1]


def pack_of_another(world: World) -> bytes:
    item = states.completed(world.outsider)
    sealed(world.outsider.tenant_id)
    answer: Any = api(world.outsider).get(f"/api/v1/ledger/export?subject=work_item:{item.id}")
    assert answer.status_code == 200
    return bytes(answer.getvalue())


def told(world: World, content: bytes, who: str = "auditor") -> Any:
    file = SimpleUploadedFile("pack.zip", content, "application/zip")
    return browser(world.of(who)).post(PAGE, {"file": file}).context["found"]


def test_what_is_wrong_is_told_in_so_many_characters(world: World, decided: uuid.UUID) -> None:
    content = pack(world, decided)
    lines = read(content, "entries.jsonl").splitlines()
    long = {**json.loads(lines[0]), "id": "\N{PILE OF POO}\x00" * 100_000, "body": "x"}
    found = told(world, changed(content, entries__jsonl=json.dumps(long).encode() + b"\n"))
    assert found.outcome == "broken"
    assert len(found.entry) == 500
    assert (found.entry[:2], found.entry[-1]) == ("\N{PILE OF POO}\\", "\N{HORIZONTAL ELLIPSIS}")
    key = b"k" * 1_000_000
    found = told(world, changed(content, **{"keys/keys": key}), "outsider")
    assert (found.outcome, len(found.because)) == ("broken", 500)


def test_so_many_lines_of_a_valid_one_are_shown() -> None:
    """As the child says it: who makes a pack chooses how many parts of chains are in it."""
    lines = checked_in_child._fewer(  # noqa: SLF001  -- its bound
        stand_alone_notes, ["\N{PILE OF POO}" * 9_999] * 9_999 + ["the last"]
    )
    assert len(lines) == 100
    assert {len(each) for each in lines[:98]} == {240}
    assert lines[98:] == ["and 9901 more lines", "the last"]
    answer = json.dumps({"outcome": "valid", "lines": lines}, ensure_ascii=False).encode()
    assert len(answer) < 100_000


def test_no_more_is_read_of_a_child_that_says_ever_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = tmp_path / "child.py"
    child.write_text("import sys\nsys.stdin.buffer.read()\nwhile True:\n    print('x' * 1000)\n")
    monkeypatch.setattr(bounded_check, "_CHILD", child)
    found = bounded_check.check_pack(b"x" * 1_000_000, "tests/ledger/1")
    assert (found.outcome, found.because) == ("unknown", "size")
    child.write_text("import sys\nsys.stderr.write('x' * 10_000_000)\n")
    monkeypatch.setattr(bounded_check, "_WALL_SECONDS", 1.0)
    found = bounded_check.check_pack(b"x" * 1_000_000, "tests/ledger/1")
    assert (found.outcome, found.because) == ("unknown", "time")
