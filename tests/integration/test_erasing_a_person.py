"""A person is erased: nothing of them is left anywhere, and every hash still holds."""

from __future__ import annotations

import secrets
import subprocess
import uuid
from pathlib import Path
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client

from accounts.acting import ActingUser
from accounts.models import User
from cases.models import Case
from ledger.erasure.portions import column_types, undeclared
from ledger.models import LedgerEntry
from ledger.tenancy import tenant_scope
from ledger.verify import Report, verify_tenant
from tests import states
from tests.casework import deploy, open_item, opened
from tests.clients import api, browser
from tests.draining import drain
from tests.erasing import one_more
from tests.integration.test_accounts_login import log_in
from tests.sealed import hashes, sealed
from tests.security.test_scope_roles import named
from tests.states import work
from tests.world import World
from tools.localstack.programs import bundled_postgres
from workitems.models import WorkItem

ROOT = "/api/v1/ledger/erasures"
NAME, LAST = "Zebulonia", "Quxworthington"
USERNAME = "zq-unmistakable"


def member(world: World, tag: str = "") -> ActingUser:
    """Add somebody of an unmistakable name to the tenant."""
    return one_more(
        world, f"{USERNAME}-{world.slug}", first_name=f"{NAME}{tag}", last_name=f"{LAST}{tag}",
        email=f"zq.mail.{tag}@quxworthington.example",
    )  # fmt: skip


def asked(world: World, person: ActingUser, **more: Any) -> dict[str, Any]:
    body = {"person": person.username, "reason": "They asked for it.", **more}
    answer = api(world.admin).post(ROOT, body, content_type="application/json")
    assert answer.status_code == 201, answer.content
    drain()
    return read(world, answer.json()["id"])


def read(world: World, id_: str) -> dict[str, Any]:
    return dict(api(world.auditor).get(f"{ROOT}/{id_}").json())


def confirmed(world: World, id_: str) -> dict[str, Any]:
    answer = api(world.admin).post(f"{ROOT}/{id_}/confirm", {}, content_type="application/json")
    assert answer.status_code == 202, answer.content
    drain(fast_forward=True)
    return read(world, id_)


def test_every_column_says_whether_it_is_about_people() -> None:
    assert undeclared() == []
    assert len(column_types()) > 60


def traces(person: ActingUser, tag: str) -> list[str]:
    """Return what says who somebody is, in every form that could be left."""
    id_ = person.user_id
    assert id_ is not None
    return [person.username, f"{NAME}{tag}", f"{LAST}{tag}", f"zq.mail.{tag}", str(id_), id_.hex]


def dumped() -> bytes:
    """Return the whole test database as text, indexes and all roles' rows."""
    address = named("DATABASE_SUPERUSER_URL", str(connection.settings_dict["NAME"]))
    program = bundled_postgres() / "pg_dump"
    return subprocess.run([program, address], check=True, capture_output=True).stdout


def left(data: bytes, wanted: list[str]) -> list[str]:
    """Return which of the texts stand in `data`, and around what."""
    lowered = data.lower()
    found = []
    for text in wanted:
        at = lowered.find(text.lower().encode())
        if at >= 0:
            found.append(f"{text}: ...{data[max(0, at - 300) : at + 60]!r}")
    return found


def involved(world: World, person: ActingUser, tag: str) -> uuid.UUID:
    """Let a person act, be assigned, write, attach, be mailed, be written about. Returns a case."""
    name, full = person.username, f"{NAME}{tag} {LAST}{tag}"
    source = {
        "dsl": "0.1", "namespace": "people", "name": "ask", "version": "1.0.0",
        "spec": {"bindings": [{
            "name": "look", "on": {"contextChange": {}}, "when": ".go == true",
            "humanTask": {"title": "Look at it", "candidateUsers": [name],
                          "inputMapping": "{about: .about, amount: .amount}"},
        }]},
    }  # fmt: skip
    deploy(world, source)
    context = {"go": True, "about": f"as {full} said", "amount": 12.50, name: "a member"}
    case_id = opened(world, "people/ask", context)
    item = open_item(person, case_id, "look")
    work(person, item.id, None, {"note": f"done by {name}"})
    drain()
    mine, theirs = api(person), api(world.operator)
    item = states.completed(person, title=f"Ask {full}", payload={"by": f'or\n{name} "x"'})
    states.compensate(item, world.operator, reason=f"{full} was wrong")
    other = states.in_progress(person, title="Look")
    for client, text in ((mine, "My own words"), (theirs, f"{name.upper()} was here")):
        body = {"text": text}
        at = f"/api/v1/work-items/{other.id}/notes"
        sent = client.post(at, body, content_type="application/json",
                           headers={"Idempotency-Key": f"note-{uuid.uuid4()}"})  # fmt: skip
        assert sent.status_code == 201, sent.content
    for client, said in (
        (mine, b"mine"),
        (theirs, b"about nobody"),
        (theirs, f"a letter to {full}".encode()),
    ):
        file = SimpleUploadedFile(f"letter-{len(said)}.txt", said, "text/plain")
        made = client.post(f"/api/v1/work-items/{other.id}/attachments", {"file": file})
        assert made.status_code == 201, made.content
    states.new_item(world.operator, title="For them", candidate_users=[name])
    called_after(world, person, full)
    drain()
    return case_id


def called_after(world: World, person: ActingUser, full: str) -> None:
    """Let a template, an outcome and a policy say a person's name, and let them fail to sign in."""
    name, admin, outcome = person.username, api(world.admin), f"Ask {person.username}"
    template = {"name": f"Letters to {full}", "title": "A letter", "permitted_outcomes": [outcome]}
    root = "/api/v1/work-item-templates"
    made = admin.post(root, template, content_type="application/json")
    assert made.status_code == 201, made.content
    at = f"{root}/{made.json()['id']}/instantiate"
    made = admin.post(at, {"title": "Written"}, content_type="application/json")
    assert made.status_code == 201, made.content
    work(world.operator, uuid.UUID(made.json()["id"]), outcome)
    policy = {"name": f"{full} approves payments", "priority": 1, "when": '.capability == "none"',
              "effect": "deny", "reason": "No"}  # fmt: skip
    made = admin.post("/api/v1/policies", policy, content_type="application/json")
    assert made.status_code == 201, made.content
    with tenant_scope(world.system.tenant_id):
        address = User.objects.get(username=name).email
    for typed in (name, name.upper(), address.title(), full):
        log_in(Client(), typed, "wrong", f"/work-items/?assignee={name}")
        assert AccessAttempt.objects.filter(username=typed).exists()


@pytest.fixture
def mails(settings: Any, tmp_path: Path) -> Path:
    """Write mails to files, as a log of them."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    settings.EMAIL_FILE_PATH = str(tmp_path / "mails")
    return tmp_path / "mails"


def test_nothing_of_a_person_is_left_and_every_hash_holds(world: World, mails: Path) -> None:
    tag = secrets.token_hex(4)
    person = member(world, tag)
    tenant_id = world.system.tenant_id
    browser(person).get("/")
    case_id = involved(world, person, tag)
    checkpoint = sealed(tenant_id)
    kept = hashes(tenant_id)
    wanted = traces(person, tag)
    before = dumped()
    # The test looks where something is: all but the id without its dashes is there.
    there = [each for each in wanted if each.lower().encode() in before.lower()]
    assert there == wanted[:-1]
    assert left(b"".join(each.read_bytes() for each in mails.iterdir()), wanted)
    asked_for = asked(world, person)
    assert asked_for["status"] == "COUNTED"
    done = confirmed(world, asked_for["id"])
    assert done["status"] == "DONE", done
    assert left(dumped(), wanted) == []
    assert left(b"".join(each.read_bytes() for each in mails.iterdir()), wanted) == []
    assert list(files(tenant_id).values()) == [b"about nobody"]
    assert kept.items() <= hashes(tenant_id).items()
    later = sealed(tenant_id)
    assert (later.size > checkpoint.size, len(done["receipt"]["counts"]) > 5) == (True, True)
    report = verify_tenant(tenant_id, Report())
    with tenant_scope(tenant_id), connection.cursor() as cursor:
        cursor.execute("SELECT count(*), count(DISTINCT receipt_id) FROM ledger_erasedpayload")
        assert cursor.fetchone() == (report.erased, 1)
    assert report.erased == done["erased"]["payloads"] > 10
    with tenant_scope(tenant_id):
        case = Case.objects.get(id=case_id)
        letter = WorkItem.objects.get(title="Written")
    token = str(person.actor_id)
    assert (letter.outcome, letter.permitted_outcomes) == (f"Ask {token}", [f"Ask {token}"])
    assert letter.template is not None
    assert letter.template["name"] == f"Letters to {token}"
    assert case.context["about"] == f"as {token} said"
    assert (case.context["amount"], case.context[token]) == (12.5, "a member")
    for who in (world.operator, world.auditor):
        open_pages(who, world, case_id)
    past = api(world.auditor).get(f"/api/v1/cases/{case_id}/context?at=0").json()
    # What it was opened with is gone as a whole: nothing of it is made up.
    assert past["context"] == {}
    assert [each["erased_under"] for each in past["erased"]] == [done["receipt"]["id"]]


def files(tenant_id: uuid.UUID) -> dict[str, bytes]:
    """Return the files of a tenant's attachments."""
    folder = str(tenant_id)
    names = default_storage.listdir(folder)[1] if default_storage.exists(folder) else []
    return {name: default_storage.open(f"{folder}/{name}").read() for name in names}


def open_pages(who: ActingUser, world: World, case_id: uuid.UUID) -> None:
    """Open whatever shows what was said and done: nothing of it breaks on what is gone."""
    there = [
        "/ledger/", "/ledger/report/", f"/cases/{case_id}/", "/work-items/", "/notifications/",
        "/members/",
        f"/api/v1/cases/{case_id}/context?at=1", f"/api/v1/cases/{case_id}/provenance",
        f"/api/v1/cases/{case_id}/timeline", f"/api/v1/cases/{case_id}/causal-chain",
        "/api/v1/ledger/entries?limit=200", "/api/v1/ledger/report?since=2000-01-01",
        f"/api/v1/ledger/export?case={case_id}", "/api/v1/work-items?limit=200",
        "/api/v1/members?limit=200",
    ]  # fmt: skip
    tenant_id = world.system.tenant_id
    with tenant_scope(tenant_id):
        entries = LedgerEntry.objects.filter(tenant_id=tenant_id).values_list("id", flat=True)
        items = WorkItem.objects.filter(tenant_id=tenant_id).values_list("id", flat=True)
        there += [f"/ledger/entries/{id_}/" for id_ in entries]
        there += [f"/work-items/{id_}/" for id_ in items]
        there += [f"/api/v1/work-items/{id_}/notes" for id_ in items]
        there += [f"/api/v1/work-items/{id_}/history" for id_ in items]
    page, service = browser(who), api(who)
    for address in there:
        answer = (service if address.startswith("/api/") else page).get(address)
        assert answer.status_code == 200, (address, answer.content[:500])


def test_it_is_counted_first_and_changes_nothing(world: World) -> None:
    person = member(world)
    before = asked(world, person)
    assert before["status"] == "COUNTED"
    assert before["will_erase"]["payloads"] >= 1
    with tenant_scope(world.system.tenant_id), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM ledger_erasedpayload")
        assert cursor.fetchone() == (0,)
