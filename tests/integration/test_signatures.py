"""Signatures of entries: what each is worth, in the API, on pages, in the report, in a pack."""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accounts.models import SignatureKey
from audit import attestations
from audit.actions.attesting import attest
from ledger.clock import now
from ledger.errors import Conflict, Invalid, NotPermitted
from ledger.selectors import Entry, entries_of
from ledger.tenancy import tenant_scope
from ledger.tree.signed_notes import SignedTree, signed
from ledger.tree.signing_keys import key_ring
from people.key_verbs import report_compromise, retire_key
from tests import states
from tests.bare_python import Files, Verifier, put_bare
from tests.clients import api, browser
from tests.concurrency.test_cases import at_once
from tests.erasing import one_more
from tests.integration.test_erasing_a_person import asked, confirmed
from tests.integration.test_evidence import exported, lines, put
from tests.integration.test_verify_ledger import force
from tests.pages import text_of
from tests.sealed import sealed
from tests.signing import SigningKey, public_of, registered, signed_by
from tests.verifying import verify
from tests.world import World
from verbs.call import Call

JSON = "application/json"


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages with what `cryptography` needs, and nothing else."""
    return put_bare(tmp_path_factory.mktemp("packages"))


@pytest.fixture
def verifier(bare: Path, tmp_path: Path) -> Verifier:
    """What runs verify.py."""
    return Verifier(bare, tmp_path)


def chain(world: World, item_id: Any) -> list[Entry]:
    with tenant_scope(world.auditor.tenant_id):
        return entries_of(world.auditor.tenant_id, "work_item", item_id)


def finished(world: World) -> tuple[uuid.UUID, Entry]:
    """A task that the agent has done, and the entry that says so."""
    item = states.completed(world.agent)
    return uuid.UUID(str(item.id)), chain(world, item.id)[-1]


def seen(world: World, entry: Entry) -> str:
    """Return the verdict, which the API, the page and the report agree about."""
    said = api(world.bystander).get(f"/api/v1/ledger/entries/{entry.id}").json()
    verdict = said["signature_verdict"]
    page = text_of(browser(world.bystander).get(f"/ledger/entries/{entry.id}/").content)
    words = {"unsigned": "not signed by a key"}.get(verdict, f"signature {verdict}")
    assert words in page
    lines_ = api(world.auditor).get(
        f"/api/v1/ledger/report?subject=work_item:{entry.subject_id}"
    ).json()["results"]  # fmt: skip
    assert [each["signature"] for each in lines_ if each["entry"] == str(entry.id)] == [verdict]
    assert "signed" not in {each["action"] for each in lines_}
    return str(verdict)


def test_what_nobody_signed_is_unsigned(world: World) -> None:
    _item, done = finished(world)
    assert seen(world, done) == "unsigned"


def test_a_signature_is_an_entry_and_valid(world: World) -> None:
    key = registered(world.agent)
    item, done = finished(world)
    here = f"/api/v1/ledger/entries/{done.id}/signatures"
    answer = api(world.agent).post(here, key.over(done), content_type=JSON)
    assert answer.status_code == 201, answer.content
    said = answer.json()
    last = chain(world, item)[-1]
    assert (last.kind, last.action, last.actor_id) == (
        "ATTESTATION", "signed", world.agent.actor_id,
    )  # fmt: skip
    assert last.caused_by is not None
    assert (last.caused_by.id, last.caused_by.hash) == (done.id, done.hash)
    assert last.payloads == {"signature": key.over(done)}
    assert (said["verdict"], said["means"], said["key"]) == ("valid", "signed", str(key.id))
    assert (said["signature"], said["recorded_as"]) == (key.over(done)["signature"], str(last.id))
    assert said["public_key"] == public_of(key.private)
    assert api(world.bystander).get(here).json()["results"] == [said]
    assert api(world.outsider).get(here).status_code == 404
    assert seen(world, done) == "valid"
    # On a page nobody signs: only a program has the private key.
    assert "/sign/" not in browser(world.agent).get(f"/ledger/entries/{done.id}/").content.decode()
    # It is nobody's attestation, and attested it can be still.
    assert api(world.auditor).get(here.replace("signatures", "attestations")).json() == {
        "next": None, "previous": None, "results": [],
    }  # fmt: skip
    verify()


def refused(
    world: World, entry: Entry, body: dict[str, str], *, pointer: str, who: Any = None
) -> None:
    before = chain(world, entry.subject_id)
    answer = api(who or world.agent).post(
        f"/api/v1/ledger/entries/{entry.id}/signatures", body, content_type=JSON
    )
    assert answer.status_code == 422, answer.content
    assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]
    assert chain(world, entry.subject_id) == before


def test_what_does_not_hold_is_refused_and_nothing_is_written(world: World) -> None:
    key, foreign = registered(world.agent), registered(world.analyst)
    item, done = finished(world)
    started = chain(world, item)[-2]
    good = key.over(done)
    for body, pointer in [
        # Of another entry, in another meaning, of another key, of nothing but the hash.
        (key.over(started), "/signature"),
        (key.over(done, "endorsed"), "/signature"),
        ({**SigningKey(key.id, foreign.private).over(done)}, "/signature"),
        ({**good, "signature": base64.b64encode(key.private.sign(done.hash)).decode()},
         "/signature"),
        ({**good, "signature": base64.b64encode(bytes(63)).decode()}, "/signature"),
        ({**good, "signature": "no base64"}, "/signature"),
        (foreign.over(done), "/key"),
        ({**good, "key": str(uuid.uuid4())}, "/key"),
        ({**good, "key": "mine"}, "/key"),
    ]:  # fmt: skip
        refused(world, done, body, pointer=pointer)
    assert seen(world, done) == "unsigned"


def test_nobody_signs_what_another_did(world: World) -> None:
    key = registered(world.operator)
    item, done = finished(world)
    with pytest.raises(NotPermitted):
        signed_by(world.operator, key, done)
    assert chain(world, item)[-1].id == done.id


def test_with_one_key_it_is_signed_once_also_by_two_at_once(world: World) -> None:
    key = registered(world.agent)
    item, done = finished(world)
    found = at_once(*[lambda: signed_by(world.agent, key, done)] * 2)
    said = (each if isinstance(each, str) else type(each).__name__ for each in found)
    assert sorted(said) == ["LedgerEntry", "already_signed"]
    assert [each.action for each in chain(world, item)].count("signed") == 1


def test_a_key_that_is_retired_or_compromised_signs_no_more(world: World) -> None:
    retired, lost = registered(world.agent), registered(world.agent)
    item, done = finished(world)
    retire_key(retired.id, call=Call(world.agent))
    report_compromise(lost.id, call=Call(world.agent), reason="It was in a log")
    for key, code in ((retired, "key_retired"), (lost, "key_compromised")):
        with pytest.raises(Conflict) as late:
            signed_by(world.agent, key, done)
        assert late.value.code == code
    assert chain(world, item)[-1].id == done.id


def test_what_was_signed_since_a_compromise_is_suspect_and_earlier_stays_valid(
    world: World,
) -> None:
    key = registered(world.agent)
    (_, early), (_, late) = finished(world), finished(world)
    signed_by(world.agent, key, early)
    since = now()
    signed_by(world.agent, key, late)
    assert (seen(world, early), seen(world, late)) == ("valid", "valid")
    report_compromise(key.id, call=Call(world.admin), since=since, reason="It was in a log")
    assert (seen(world, early), seen(world, late)) == ("valid", "suspect")
    # Signed anew with a sound key it is beyond doubt again.
    signed_by(world.agent, registered(world.agent), late)
    assert seen(world, late) == "valid"


def test_the_very_moment_of_the_compromise_is_suspect(world: World) -> None:
    key = registered(world.agent)
    _item, done = finished(world)
    row = signed_by(world.agent, key, done)
    report_compromise(key.id, call=Call(world.agent), since=row.at, reason="Seen")
    assert seen(world, done) == "suspect"


def test_what_was_tampered_with_is_invalid(world: World) -> None:
    key = registered(world.agent)
    _item, done = finished(world)
    signed_by(world.agent, key, done)
    other = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    force("UPDATE accounts_signaturekey SET public_key = %s WHERE id = %s", [other, key.id])
    assert seen(world, done) == "invalid"
    retired = registered(world.agent)
    signed_by(world.agent, retired, done)
    # One that holds does not make up for it.
    assert seen(world, done) == "invalid"


def test_an_attestation_is_signed_in_its_own_meaning(world: World) -> None:
    key = registered(world.auditor)
    item, done = finished(world)
    evidence = "Seen on paper, file 118"
    with pytest.raises(Invalid) as wrong:
        attest(
            done.id, call=Call(world.auditor), verdict="CHALLENGED", evidence=evidence,
            signature=key.over(done, "endorsed"),
        )  # fmt: skip
    assert [each.pointer for each in wrong.value.errors] == ["/signature/signature"]
    assert chain(world, item)[-1].id == done.id
    attest(
        done.id, call=Call(world.auditor), verdict="ENDORSED", evidence=evidence,
        signature=key.over(done, "endorsed"),
    )  # fmt: skip
    said = chain(world, item)[-1]
    assert said.payloads == {"evidence": evidence, "signature": key.over(done, "endorsed")}
    [listed] = api(world.bystander).get(
        f"/api/v1/ledger/entries/{done.id}/attestations"
    ).json()["results"]  # fmt: skip
    assert (listed["signature"]["verdict"], listed["signature"]["means"]) == ("valid", "endorsed")
    # Who vouches for it has not signed it as what they did.
    assert (seen(world, done), seen(world, said)) == ("unsigned", "valid")
    assert "signature valid" in text_of(
        browser(world.bystander).get(f"/ledger/entries/{done.id}/").content
    )


def test_an_old_signature_is_not_given_for_saying_it_again(world: World) -> None:
    key = registered(world.auditor)
    item, done = finished(world)

    def say(verdict: str, evidence: str, signature: Any = None) -> Any:
        return attest(
            done.id, call=Call(world.auditor), verdict=verdict, evidence=evidence,
            signature=signature,
        )  # fmt: skip

    old = key.over(done, "endorsed")
    say("ENDORSED", "Seen on paper", old)
    say("CHALLENGED", "The paper was forged")
    before = chain(world, item)
    with pytest.raises(Conflict) as again:
        say("ENDORSED", "It was the right paper", old)
    assert again.value.code == "already_signed"
    assert chain(world, item) == before
    # Without a signature, or with one of another key, a mind may change still.
    say("ENDORSED", "It was the right paper", registered(world.auditor).over(done, "endorsed"))
    assert [each.action for each in chain(world, item)[-3:]] == [
        "endorsed", "challenged", "endorsed",
    ]  # fmt: skip
    say("CHALLENGED", "It was not", key.over(done, "challenged"))
    say("ENDORSED", "It was")
    assert [sorted(each.payloads) for each in chain(world, item)[-2:]] == [
        ["evidence", "signature"], ["evidence"],
    ]  # fmt: skip


def test_many_signatures_push_no_doubt_off_the_page(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attestations, "_SHOWN", 2)
    _item, done = finished(world)
    for who, evidence in ((world.auditor, "First of three"), (world.approver, "Second of three"),
                          (world.operator, "Third of three")):  # fmt: skip
        attest(done.id, call=Call(who), verdict="CHALLENGED", evidence=evidence)
    for n in range(3):
        signed_by(world.agent, registered(world.agent, f"Key {n} of the agent"), done)
    read = text_of(browser(world.bystander).get(f"/ledger/entries/{done.id}/").content)
    # The newest of each, so many as there is room for.
    shown = ("Second of three", "Third of three", "Key 1 of the agent", "Key 2 of the agent")
    assert [each in read for each in shown] == [True] * 4
    assert [each in read for each in ("First of three", "Key 0 of the agent")] == [False] * 2
    assert read.index("Third of three") < read.index("Second of three")
    assert "signature valid" in read


# --- the pack ---


def test_a_pack_tells_what_is_valid_and_what_is_suspect(world: World, verifier: Verifier) -> None:
    key = registered(world.agent)
    item, done = finished(world)
    signed_by(world.agent, key, chain(world, item)[-2])
    since = now()
    signed_by(world.agent, key, done)
    report_compromise(key.id, call=Call(world.agent), since=since, reason="It was in a log")
    sealed(world.system.tenant_id)
    files = exported(world, f"subject=work_item:{item}")
    code, said = verifier.run(files)
    assert (code, said) == (0, f"valid: 5 entries of work_item:{item}")
    last = chain(world, item)[-1]
    assert verifier.printed[1] == "Signatures by members' own keys: 1 valid, 1 suspect."
    assert verifier.printed[2].startswith(f"Suspect: entry {last.id} of key {key.id}, compromised")
    page = files["index.html"].decode()
    assert page.count("signature suspect: its key was compromised by then") == 2
    assert page.count("signature valid") == 2


def made_anew(files: Files, name: str) -> None:
    """Let the organisation itself say something else under a name."""
    manifest = json.loads(files["manifest.json"])
    manifest["files"][name] = hashlib.sha256(files[name]).hexdigest()
    files["manifest.json"] = json.dumps(manifest).encode()
    digest = hashlib.sha256(files["manifest.json"]).digest()
    note = SignedTree(f"{manifest['origin']}/export", 1, digest)
    files["manifest.note"] = signed(note, key_ring().signing).encode()


def test_a_signature_of_no_known_key_breaks_a_pack_though_its_maker_signed_it(
    world: World, verifier: Verifier
) -> None:
    key = registered(world.agent)
    item, done = finished(world)
    signed_by(world.agent, key, done)
    sealed(world.system.tenant_id)
    files = exported(world, f"subject=work_item:{item}")
    last = chain(world, item)[-1].id
    name = "keys/signatures.jsonl"
    other = Ed25519PrivateKey.generate()
    for said, because in [
        ({"public_key": public_of(other)}, f"its signature is not that of key {key.id}"),
        ({"actor": str(world.analyst.actor_id)}, f"key {key.id} is somebody else's"),
        ({"id": str(uuid.uuid4())}, "the pack has no key for its signature"),
    ]:
        changed = dict(files)
        [line] = lines(files, name)
        put(changed, name, [{**line, **said}])
        made_anew(changed, name)
        assert verifier.run(changed) == (
            1, f"broken at entry {last} because {because} (signature)",
        )  # fmt: skip


def test_of_an_erased_person_keys_and_signatures_go_and_every_hash_stays(
    world: World, verifier: Verifier
) -> None:
    person = one_more(world)
    key = registered(person)
    item = uuid.UUID(str(states.completed(person).id))
    done = chain(world, item)[-1]
    signed_by(person, key, done)
    sealed(world.system.tenant_id)
    id_ = asked(world, person)["id"]
    assert confirmed(world, id_)["status"] == "DONE"
    with tenant_scope(world.system.tenant_id):
        assert not SignatureKey.objects.filter(id=key.id).exists()
    assert seen(world, done) == "unsigned"
    [left] = api(world.auditor).get(
        f"/api/v1/ledger/entries/{done.id}/signatures"
    ).json()["results"]  # fmt: skip
    assert (left["verdict"], left["signature"], left["public_key"]) == ("unsigned", None, None)
    files = exported(world, f"subject=work_item:{item}")
    assert b"".join(files.values()).count(public_of(key.private).encode()) == 0
    code, said = verifier.run(files)
    assert code == 0
    assert said.startswith("valid with ")
    verify()
