"""Where a name may hide: words of notes, letters beyond ASCII, memory, what is alike, files."""

from __future__ import annotations

import json
import secrets
import time
import types
import uuid
import zipfile
from pathlib import Path
from typing import Any

import pytest
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client

from accounts.acting import ActingUser
from audit.actions.due_work import STOPPED
from cases import selectors
from governance.actions.policy_verbs import add_policy
from ledger.dispatch.runner import work_row
from ledger.erasure.erasure_tables import Erasure
from ledger.erasure.identity import identities
from ledger.erasure.personal_data import KEPT_SECONDS
from ledger.tenancy import system_scope, tenant_scope
from tests import states
from tests.bare_python import Verifier, put_bare
from tests.casework import deploy, open_item, opened
from tests.clients import api, browser
from tests.definitions import definition, human
from tests.draining import drain
from tests.erasing import counted_erasure, erase_until_rest, one_more
from tests.integration.test_accounts_login import log_in
from tests.integration.test_due_work_trouble import noted
from tests.sealed import sealed
from tests.world import World
from verbs.call import Call
from workitems.around import files
from workitems.instance_models import InstanceGroup
from workitems.models import WorkItem


def confirm(world: World, person: ActingUser) -> uuid.UUID:
    drain()
    erasure = counted_erasure(world, person)
    path = f"/api/v1/ledger/erasures/{erasure}/confirm"
    answer = api(world.admin).post(path, {}, content_type="application/json")
    assert answer.status_code == 202, answer.content
    return erasure


def state(world: World, erasure: uuid.UUID) -> str:
    with tenant_scope(world.system.tenant_id):
        return Erasure.objects.get(id=erasure).state


def erased(world: World, person: ActingUser) -> uuid.UUID:
    erasure = confirm(world, person)
    drain(fast_forward=True)
    assert state(world, erasure) == "DONE"
    return erasure


def rows(world: World, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with tenant_scope(world.system.tenant_id), connection.cursor() as cursor:
        cursor.execute(statement, [world.system.tenant_id, *values])
        return list(cursor.fetchall())


def added(who: ActingUser, item_id: uuid.UUID, kind: str, **body: str) -> None:
    path = f"/api/v1/work-items/{item_id}/{kind}"
    answer = api(who).post(path, body, content_type="application/json")
    assert answer.status_code == 201, answer.content


def test_work_is_found_no_more_by_the_words_of_an_erased_note(world: World) -> None:
    tag = secrets.token_hex(4)
    person = one_more(world, f"alice{tag}")
    item = states.new_item(world.operator, title="Look")
    added(person, item.id, "notes", text=f"own{tag} words")
    added(world.operator, item.id, "notes", text=f"ask alice{tag}, about it{tag}")
    asked = "SELECT words::text FROM workitems_itemtext WHERE tenant_id = %s AND item_id = %s"
    [(before,)] = rows(world, asked, item.id)
    assert [each in before for each in (f"alice{tag}", f"own{tag}", f"it{tag}")] == [True] * 3
    erased(world, person)
    [(after,)] = rows(world, asked, item.id)
    assert [each in after for each in (f"alice{tag}", f"own{tag}", f"it{tag}")] == [
        False, False, True,
    ]  # fmt: skip


def test_letters_beyond_ascii_are_found_in_what_a_program_follows(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    tag = secrets.token_hex(4)
    person = one_more(world, first_name="Élodie", last_name=f"Brûlé{tag}")
    said = f"ÉLODIE BRÛLÉ{tag.upper()}"
    deploy(world, definition("ask", human("a", humanTask={"title": f"Ask {said}"})))
    case_id = opened(world, "tests/ask")
    assert open_item(world.analyst, case_id, "a").title == f"Ask {said}"
    erasure = confirm(world, person)
    erase_until_rest(erasure)
    # It rests until no process has the definition as it was.
    [(place, seconds)] = rows(
        world, "SELECT place, extract(epoch FROM due_at - ledger_now()) FROM ledger_erasure"
        " WHERE tenant_id = %s AND id = %s", erasure,
    )  # fmt: skip
    assert (json.loads(place), 140 < seconds <= 150) == ({"round": 2}, True)
    asked = "SELECT source, compiled::text, title FROM cases_casedefinition WHERE tenant_id = %s"
    [(source, compiled, _title)] = rows(world, asked)
    token = str(person.actor_id)
    for text in (source, compiled):
        assert (f"Ask {token}" in text, tag in text.lower()) == (True, False)
    later = time.monotonic() + KEPT_SECONDS + 1
    monkeypatch.setattr(selectors, "time", types.SimpleNamespace(monotonic=lambda: later))
    again = opened(world, "tests/ask")
    assert open_item(world.analyst, again, "a").title == f"Ask {token}"
    drain(fast_forward=True)
    assert state(world, erasure) == "DONE"


def test_two_that_are_called_alike_afterwards_stay_two(world: World) -> None:
    tag = secrets.token_hex(4)
    person = one_more(world, first_name="Ada", last_name=f"Lace{tag}")
    schema = {"type": "object", "title": f"What Ada Lace{tag} says"}
    item = states.new_item(
        world.operator, title="Look", resolution_schema=schema, permitted_outcomes=[f"ADA-{tag}"]
    )
    for name in (person.username, f"Ada Lace{tag}", "other"):
        added(world.operator, item.id, "labels", name=name)
    erased(world, person)
    asked = "SELECT name, id FROM workitems_label WHERE tenant_id = %s AND item_id = %s ORDER BY id"
    token = str(person.actor_id)
    [first, second, third] = rows(world, asked, item.id)
    assert [first[0], second[0], third[0]] == [token, f"{token}-{second[1]}", "other"]
    with tenant_scope(world.system.tenant_id):
        kept = WorkItem.objects.get(id=item.id)
    assert kept.resolution_schema == {"type": "object", "title": f"What {token} says"}
    assert kept.permitted_outcomes == [f"ADA-{tag}"]


def test_a_name_that_is_kept_in_one_is_looked_for_in_every_order(world: World) -> None:
    person = one_more(world, first_name="Ada Maria Lovelace")
    with tenant_scope(world.system.tenant_id):
        called = identities().called(world.system.tenant_id, person.actor_id)
    assert called is not None
    assert list(called.texts)[:5] == [
        "Ada Maria Lovelace", "Maria Lovelace Ada", "Maria Lovelace, Ada", "Lovelace Ada Maria",
        "Lovelace, Ada Maria",
    ]  # fmt: skip


def test_a_worker_killed_at_a_file_leaves_no_file_that_is_named_as_gone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = one_more(world)
    item = states.in_progress(world.operator, title="Look")
    for who, name in ((person, "mine.txt"), (world.operator, f"{person.username}.txt"),
                      (world.operator, "nobody.txt")):  # fmt: skip
        file = SimpleUploadedFile(name, b"a letter", "text/plain")
        made = api(who).post(f"/api/v1/work-items/{item.id}/attachments", {"file": file})
        assert made.status_code == 201, made.content
    erasure = confirm(world, person)
    forget, killed = files.forget_file, [0]

    def die(row: Any) -> None:
        if not killed[0]:
            killed[0] = 1
            raise KeyboardInterrupt
        forget(row)

    monkeypatch.setattr(files, "forget_file", die)
    with pytest.raises(KeyboardInterrupt):
        drain(fast_forward=True)
    asked = "SELECT name, id FROM workitems_attachment WHERE tenant_id = %s ORDER BY created_at, id"
    marker = f"[erased under receipt {erasure}]"
    found = rows(world, asked)
    assert [name for name, _id in found] == [marker, marker, "nobody.txt"]
    assert stored(world) == {str(id_) for _name, id_ in found}
    with system_scope("sweep"), connection.cursor() as cursor:
        cursor.execute("UPDATE ledger_erasure SET leased_until = now() - interval '1 second'")
    drain(fast_forward=True)
    assert stored(world) == {str(found[2][1])}
    row = api(world.auditor).get(f"/api/v1/ledger/erasures/{erasure}").json()
    assert (row["status"], row["erased"]["attachments"]) == ("DONE", 2)


def test_a_pack_says_valid_of_what_was_erased(world: World, tmp_path: Path) -> None:
    person = one_more(world)
    item = states.completed(person, title=f"Ask {person.username}")
    erased(world, person)
    sealed(world.system.tenant_id)
    answer: Any = api(world.auditor).get(f"/api/v1/ledger/export?subject=work_item:{item.id}")
    pack, program = tmp_path / "pack.zip", tmp_path / "verify.py"
    pack.write_bytes(answer.getvalue())
    with zipfile.ZipFile(pack) as opened_:
        program.write_bytes(opened_.read("verify.py"))
        held = b"".join(opened_.read(name) for name in opened_.namelist())
    assert person.username.encode() not in held
    bare = tmp_path / "bare"
    bare.mkdir()
    verifier = Verifier(put_bare(bare), tmp_path)
    [(told, gone)] = rows(
        world, "SELECT count(DISTINCT e.id), count(p.name) FROM ledger_ledgerentry e"
        " LEFT JOIN ledger_erasedpayload p ON p.entry_id = e.id"
        " WHERE e.tenant_id = %s AND e.subject_id = %s", item.id,
    )  # fmt: skip
    assert gone > 0
    said = f"valid with {gone} erased payloads: {told} entries of work_item:{item.id}"
    assert verifier.of(program, pack) == (0, said)


def stored(world: World) -> set[str]:
    """Return the names of the tenant's files."""
    folder = str(world.system.tenant_id)
    return set(default_storage.listdir(folder)[1]) if default_storage.exists(folder) else set()


def test_an_erasure_that_cannot_go_on_says_why_without_names(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = one_more(world)
    erasure = confirm(world, person)

    def broken(*_given: Any, **_named: Any) -> None:
        raise RuntimeError(f"no {person.username}\nDETAIL: a value of somebody")

    with monkeypatch.context() as patched:
        patched.setattr("ledger.erasure.erasing.sweep", broken)
        drain()
    said = f"RuntimeError: no {person.actor_id}"
    told = api(world.auditor).get(f"/api/v1/ledger/erasures/{erasure}").json()
    assert (told["status"], told["trouble"]) == ("ERASING", said)
    page = browser(world.auditor).get(f"/ledger/erasures/{erasure}/").content.decode()
    assert (said in page, "DETAIL" in page) == (True, False)
    drain(fast_forward=True)
    told = api(world.auditor).get(f"/api/v1/ledger/erasures/{erasure}").json()
    assert (told["status"], told["trouble"]) == ("DONE", None)


def test_what_is_told_of_an_erasure_in_trouble_names_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a new entry, and who is being erased is called nothing in it."""
    person = one_more(world)
    erasure = confirm(world, person)

    def broken(*_given: Any, **_named: Any) -> None:
        raise RuntimeError(f"no {person.username}")

    tenant = world.system.tenant_id
    with monkeypatch.context() as patched:
        patched.setattr("ledger.erasure.erasing.sweep", broken)
        drain()
        with system_scope("sweep"), connection.cursor() as cursor:
            cursor.execute(
                "UPDATE ledger_erasure SET due_at = ledger_now(), leased_until = NULL,"
                " troubled_since = ledger_now() - interval '2 minutes' WHERE id = %s", [erasure],
            )  # fmt: skip
        assert work_row("ledger_erasures", tenant, erasure)
    ((action, said),) = noted(world)
    assert (action, said["detail"]) == (STOPPED, "ledger_erasures")
    assert said["cause"] == "RuntimeError"
    drain(fast_forward=True)
    assert state(world, erasure) == "DONE"


def test_what_stands_behind_a_dead_task_is_not_waited_for(world: World) -> None:
    person = one_more(world)
    states.completed(person, title="Look")
    drain()
    with system_scope("dispatch"), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE ledger_outboxtask SET done_at = NULL, parked_at = now(), due_at = now()"
            " + interval '1 day' WHERE tenant_id = %s", [world.system.tenant_id],
        )  # fmt: skip
        assert cursor.rowcount > 0
    erasure = counted_erasure(world, person)
    path = f"/api/v1/ledger/erasures/{erasure}/confirm"
    assert api(world.admin).post(path, {}, content_type="application/json").status_code == 202
    drain()
    with system_scope("sweep"), connection.cursor() as cursor:
        cursor.execute("UPDATE ledger_erasure SET due_at = now() WHERE id = %s", [erasure])
    drain()
    assert state(world, erasure) == "DONE"


def test_who_failed_to_sign_in_is_found_however_it_was_typed(world: World) -> None:
    tag = secrets.token_hex(4)
    person = one_more(world, f"ada{tag}", email=f"ada.{tag}@lace.example")
    theirs = [person.username.upper(), f"Ada.{tag}@Lace.example"]
    others = [f"ada{tag}.smith", f"ada{tag}2", f"xada.{tag}@lace.example"]
    logs: list[Any] = [AccessLog, AccessFailureLog]
    for typed in (*theirs, *others):
        log_in(Client(), typed, "wrong")
        for log in logs:
            log.objects.create(username=typed, http_accept="*", path_info="/accounts/login/")
    log_in(Client(), world.analyst.username, "wrong", f"/people/{person.username}/")
    log_in(Client(), world.operator.username, "wrong", "/people/")
    erased(world, person)
    for table in (AccessAttempt, *logs):
        kept = table.objects.filter(username__icontains=tag).order_by("username")
        assert [row.username for row in kept] == others
    # Of an attempt of others goes what was to be opened after it, with the attempt.
    assert not AccessAttempt.objects.filter(username=world.analyst.username).exists()
    assert AccessAttempt.objects.filter(username=world.operator.username).exists()


def test_an_outcome_is_the_same_wherever_it_stands(world: World) -> None:
    """It counts for its instances as before, and may still be given; one of one word stays."""
    tag = secrets.token_hex(4)
    person = one_more(world, f"ada{tag}")
    token = str(person.actor_id)
    count = [f"Ask ada{tag}", f"ada{tag}-ok"]
    first = states.new_item(
        world.operator, title="Vote", permitted_outcomes=[*count, "No"],
        group={"instances": 2, "required": 2, "outcomes": count},
    )  # fmt: skip
    assert first.one_of_id is not None
    states.work(world.operator, first.id, f"Ask ada{tag}")
    erased(world, person)
    with tenant_scope(world.system.tenant_id):
        done, still = WorkItem.objects.filter(one_of_id=first.one_of_id).order_by("id")
        counted = InstanceGroup.objects.get(id=first.one_of_id)
    assert (done.id, done.outcome) == (first.id, f"Ask {token}")
    assert counted.outcomes == [f"Ask {token}", f"ada{tag}-ok"]
    assert done.permitted_outcomes == still.permitted_outcomes == [*counted.outcomes, "No"]
    states.work(world.analyst, still.id, f"ada{tag}-ok")
    with tenant_scope(world.system.tenant_id):
        assert InstanceGroup.objects.get(id=first.one_of_id).state == "MET"


def test_two_policies_that_are_called_alike_afterwards_stay_two(world: World) -> None:
    tag = secrets.token_hex(4)
    person = one_more(world, f"ada{tag}", first_name="Ada", last_name=f"Lace{tag}")
    for name in (f"Ada Lace{tag} agrees", f"ada{tag} agrees"):
        add_policy(
            call=Call(world.admin), name=name, priority=1, when="false", effect="deny", reason="No"
        )
    erased(world, person)
    asked = "SELECT name, id FROM governance_policy WHERE tenant_id = %s ORDER BY id"
    [first, second] = rows(world, asked)
    told = f"{person.actor_id} agrees"
    assert (first[0], second[0]) == (told, f"{told}-{second[1]}")
