"""A payload that is gone: erased or pruned where a receipt tells of it, and that an entry does;
removed by hand where none does, whatever else the superuser writes.

The worker's database is shared with other tests, so every change is taken back.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from audit.actions.erasing_people import confirm
from ledger.broken import Broken
from ledger.erasure import erasing, personal_data
from ledger.erasure.erasing import erase_due
from ledger.erasure.gone_payloads import GONE
from ledger.erasure.identity import Identities, identities
from ledger.erasure.receipt_checks import Missing, check_receipts
from ledger.ids import new_id
from ledger.selectors import Entry
from ledger.tenancy import system_scope
from ledger.verify import Report, verify_tenant
from tests import states
from tests.clients import api, browser
from tests.draining import drain
from tests.erasing import counted_erasure, erase, gone_of, one_more
from tests.integration.test_verify_ledger import force, without
from tests.integration.test_verify_sealed import broken, rewritten
from tests.pages import text_of
from tests.sealed import sealed
from tests.verifying import run
from tests.world import World
from verbs.call import Call

pytestmark = pytest.mark.usefixtures("database_of_the_module")


@pytest.fixture(autouse=True)
def _holds_afterwards() -> Iterator[None]:
    yield
    assert run()[::2] == (0, "")


@pytest.fixture
def done(world: World) -> Entry:
    """The sealed entry that says that a task is done; it keeps an outcome."""
    item = states.completed(world.analyst)
    sealed(world.system.tenant_id)
    return states.history(world, "work_item", item.id)[-1]


@pytest.fixture
def receipt(world: World) -> uuid.UUID:
    """The receipt of somebody who had done a task, sealed."""
    person = one_more(world)
    states.completed(person)
    drain()
    id_ = erase(world, person)
    sealed(world.system.tenant_id)
    return id_


@contextlib.contextmanager
def marked(world: World, receipt_id: uuid.UUID, *payloads: tuple[uuid.UUID, str]) -> Iterator[None]:
    """Payloads are marked as gone under a receipt for the length of the block."""
    for entry, name in payloads:
        force(
            "INSERT INTO ledger_erasedpayload (entry_id, name, tenant_id, receipt_id, at)"
            " VALUES (%s, %s, %s, %s, now())",
            [entry, name, world.system.tenant_id, receipt_id],
        )
    try:
        yield
    finally:
        for entry, name in payloads:
            force("DELETE FROM ledger_erasedpayload WHERE entry_id = %s AND name = %s",
                  [entry, name])  # fmt: skip


@contextlib.contextmanager
def removed(done: Entry) -> Iterator[list[tuple[uuid.UUID, str]]]:
    """What an entry kept is gone by hand for the length of the block."""
    assert sorted(done.payloads) == ["outcome", "resolution"]
    with without(("ledger_payload", "entry_id", done.id)):
        yield [(done.id, name) for name in done.payloads]


@contextlib.contextmanager
def counting(receipt_id: uuid.UUID, counts: Any) -> Iterator[None]:
    """A receipt says other counts for the length of the block."""
    change = "UPDATE ledger_erasurereceipt SET counts = %s::jsonb WHERE id = %s"
    ((before,),) = force(
        "SELECT counts::text FROM ledger_erasurereceipt WHERE id = %s", [receipt_id]
    )
    force(change, [json.dumps(counts), receipt_id])
    try:
        yield
    finally:
        force(change, [before, receipt_id])


def telling(world: World, receipt_id: uuid.UUID) -> Entry:
    """Return the entry that tells of an erasure's receipt."""
    ((actor,),) = force("SELECT actor_id FROM ledger_erasurereceipt WHERE id = %s", [receipt_id])
    found = states.history(world, "actor", actor)[-1]
    assert (found.kind, found.action) == ("ERASURE", "erased")
    return found


def test_what_nobody_tells_of_is_removed_and_not_erased(
    world: World, done: Entry, receipt: uuid.UUID
) -> None:
    """The check that is stored says it, and so do page, foot and metrics."""
    with removed(done):
        broken(done.id, "payload outcome is gone, and no receipt tells of it", kind="payload")
        asked = api(world.auditor).post("/api/v1/ledger/verify", {}, "application/json").json()
        drain()
        read = api(world.auditor).get(f"/api/v1/ledger/verify/{asked['id']}").json()
        assert (read["outcome"], read["result"]) == (
            "broken",
            {
                "entry": str(done.id), "kind": "payload",
                "detail": "payload outcome is gone, and no receipt tells of it",
            },
        )  # fmt: skip
        there = text_of(browser(world.auditor).get(f"/ledger/entries/{done.id}/").content)
        assert "gone, and no receipt tells of it; the hash still proves what it was" in there
        page = text_of(browser(world.auditor).get("/ledger/check/").content)
        assert "a payload was changed or removed" in page
        assert "payloads erased" not in page
        figures = api(world.auditor).get("/api/v1/ledger/metrics").content.decode()
        assert re.search(r"\namends_ledger_check_intact\{[^}]*\} 0\n", figures)
    asked = api(world.auditor).post("/api/v1/ledger/verify", {}, "application/json").json()
    drain()
    read = api(world.auditor).get(f"/api/v1/ledger/verify/{asked['id']}").json()
    ((count,),) = force(
        "SELECT count(*) FROM ledger_erasedpayload WHERE receipt_id = %s", [receipt]
    )
    assert (read["outcome"], read["result"]["erased"]) == ("valid", count)
    figures = api(world.auditor).get("/api/v1/ledger/metrics").content.decode()
    assert re.search(r"\namends_ledger_check_intact\{[^}]*\} 1\n", figures)


def test_an_erased_payload_leaves_every_hash_valid(world: World) -> None:
    person = one_more(world)
    item = states.completed(person)
    receipt = erase(world, person)
    last = states.history(world, "work_item", item.id)[-1].id
    assert gone_of(world, last) == ["outcome", "resolution"]
    ((count,),) = force("SELECT count(*) FROM ledger_erasedpayload", [])
    code, out, _ = run()
    assert (code, count >= telling(world, receipt).payloads[GONE]["payloads"]) == (0, True)
    assert out.endswith(f"{count} payloads erased.\n")


def test_the_first_of_several_is_named(world: World, done: Entry) -> None:
    """Of its chain the next entry is bad too; what is missing is looked up later than that."""
    chain = states.history(world, "work_item", done.subject_id)
    created = chain[0]
    assert created.payloads
    ((before,),) = force("SELECT hash FROM ledger_ledgerentry WHERE id = %s", [done.id])
    with without(("ledger_payload", "entry_id", created.id)):
        with rewritten("ledger_ledgerentry", "id = %s", [done.id], hash=bytes(32)):
            broken(created.id, "no receipt tells of it", kind="payload")
        assert before == done.hash


def test_a_mark_of_no_receipt_tells_of_nothing(world: World, done: Entry) -> None:
    other = new_id()
    with removed(done) as gone, marked(world, other, *gone):
        broken(done.id, f"gone under receipt {other}, and there is no such receipt", kind="payload")


def test_a_mark_added_to_a_receipt_is_not_what_its_entry_tells_of(
    world: World, done: Entry, receipt: uuid.UUID
) -> None:
    told = telling(world, receipt)
    count = told.payloads[GONE]["payloads"]
    with removed(done) as gone, marked(world, receipt, *gone):
        said = f"{count + 2} payloads are marked as gone under receipt {receipt}"
        broken(told.id, said, f"which tells of {count}", kind="payload")
        # The receipt is made to fit; its hash is not that of what it says.
        with counting(receipt, {**told.payloads["erased"], "payloads": count + 2}):
            broken(told.id, f"receipt {receipt} is not as it was written", kind="payload")


def test_a_mark_in_the_place_of_another_is_not_what_its_entry_tells_of(
    world: World, done: Entry, receipt: uuid.UUID
) -> None:
    """What was erased is put back out of an old copy, to make room for what was removed."""
    told = telling(world, receipt)
    ((entry,),) = force(
        "SELECT g.entry_id FROM ledger_erasedpayload g JOIN ledger_ledgerentry e"
        " ON e.id = g.entry_id AND e.subject_type = 'work_item' AND e.action = 'completed'"
        " WHERE g.receipt_id = %s AND g.name = 'outcome'", [receipt],
    )  # fmt: skip
    unmarked = without(("ledger_erasedpayload", "entry_id", entry))
    with removed(done) as gone, unmarked, marked(world, receipt, *gone):
        broken(entry, "payload outcome is gone, and no receipt tells of it", kind="payload")
        # What is put back is as it was committed to: here the check that would see is left out.
        other = "it tells of other payloads than those that are gone"
        with pytest.raises(Broken, match=other) as wrong, system_scope("verify"):
            check_receipts()
        assert (wrong.value.entry, wrong.value.kind) == (told.id, "payload")


def test_a_receipt_that_no_entry_tells_of_is_none(
    world: World, done: Entry, receipt: uuid.UUID
) -> None:
    """All its rows are there, and fit each other; who made them could not write into the tree."""
    copied, person = new_id(), new_id()
    force(
        "INSERT INTO ledger_erasurereceipt SELECT %s, tenant_id, %s, confirmed_by_id, basis,"
        """ '{"payloads": 2}', at, hash FROM ledger_erasurereceipt WHERE id = %s""",
        [copied, person, receipt],
    )
    try:
        with removed(done) as gone, marked(world, copied, *gone):
            broken(done.id, f"no entry tells of receipt {copied}", kind="payload")
    finally:
        force("DELETE FROM ledger_erasurereceipt WHERE id = %s", [copied])


def test_without_its_receipt_what_was_erased_is_untold(world: World, receipt: uuid.UUID) -> None:
    with without(("ledger_erasurereceipt", "id", receipt)):
        broken(None, f"gone under receipt {receipt}, and there is no such", kind="payload")


def test_while_somebody_is_erased_what_is_gone_is_told_of_by_who_confirmed_it(
    world: World, done: Entry
) -> None:
    person = one_more(world)
    states.completed(person)
    drain()
    id_ = counted_erasure(world, person)
    confirm(id_, call=Call(world.admin))
    drain()
    assert erase_due(world.system.tenant_id, id_) is False
    ((state, count),) = force(
        "SELECT state, (erased->>'payloads')::int FROM ledger_erasure WHERE id = %s", [id_]
    )
    assert (state, count > 0) == ("ERASING", True)
    report = verify_tenant(world.system.tenant_id, Report())
    assert report.erased == count
    confirmed = states.history(world, "actor", person.actor_id)
    said = next(each for each in confirmed if each.action == "erasure_confirmed")
    with removed(done) as gone, marked(world, id_, *gone):
        broken(said.id, f"{count + 2} payloads are marked as gone", kind="payload")
    drain(fast_forward=True)
    later = verify_tenant(world.system.tenant_id, Report())
    assert later.erased == telling(world, id_).payloads[GONE]["payloads"] >= count


def test_an_erasure_that_nobody_confirmed_or_that_has_ended_tells_of_nothing(
    world: World, done: Entry, receipt: uuid.UUID
) -> None:
    """Of whom a person's entries say that they are erased, or nothing, none is under way."""
    ended, actor = new_id(), telling(world, receipt).subject_id
    force(
        "INSERT INTO ledger_erasure (id, tenant_id, actor_id, requested_by_id, requested_at, state,"
        " confirmed_by_id, confirmed_at, erased) SELECT %s, tenant_id, actor_id, requested_by_id,"
        " requested_at, 'ERASING', confirmed_by_id, confirmed_at, '{\"payloads\": 2}'"
        " FROM ledger_erasure WHERE id = %s",
        [ended, receipt],
    )
    try:
        for whom in (actor, world.bystander.actor_id):
            force("UPDATE ledger_erasure SET actor_id = %s WHERE id = %s", [whom, ended])
            with removed(done) as gone, marked(world, ended, *gone):
                broken(done.id, f"no entry tells of receipt {ended}", kind="payload")
    finally:
        force("DELETE FROM ledger_erasure WHERE id = %s", [ended])


def test_erasing_who_confirmed_a_receipt_keeps_what_tells_of_it(
    world: World, receipt: uuid.UUID
) -> None:
    told = telling(world, receipt)
    erase_the_admin(world)
    assert telling(world, receipt).payloads == told.payloads
    assert (told.on_behalf_of_id, told.erased) == (world.admin.actor_id, frozenset())


def erase_the_admin(world: World) -> uuid.UUID:
    """Let another admin have who confirmed erasures erased. Returns the receipt."""
    other = one_more(world, role="tenant_admin")
    return erase(dataclasses.replace(world, admin=other), world.admin)


def test_of_receipts_of_earlier_versions_the_number_is_known(
    world: World, done: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, old_id = of_earlier_version(world, monkeypatch)
    told = telling(world, old_id)
    assert GONE not in told.committed
    verify_tenant(world.system.tenant_id, Report())
    with removed(done) as gone, marked(world, old_id, *gone):
        broken(told.id, "payloads are marked as gone under receipt", kind="payload")


def of_earlier_version(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> tuple[uuid.UUID, uuid.UUID]:
    """Let somebody who did a task be erased under a receipt whose entry does not say which payloads
    went. Returns the task, and the receipt."""
    known = identities()

    def note(tenant: Any, actor: Any, action: str, by: Any, payloads: Any) -> None:
        kept = {name: value for name, value in payloads.items() if name != GONE}
        known.note(tenant, actor, action, by, kept)

    def older() -> Identities:
        return dataclasses.replace(known, note=note)

    person = one_more(world)
    item = uuid.UUID(str(states.completed(person).id))
    drain()
    with monkeypatch.context() as patched:
        patched.setattr(erasing, "identities", older)
        return item, erase(world, person)


def test_of_earlier_versions_the_words_that_told_of_a_receipt_may_be_erased_too(
    world: World, done: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, old_id = of_earlier_version(world, monkeypatch)
    payload = personal_data.declared()["ledger_payload"]
    with monkeypatch.context() as patched:
        patched.setitem(
            personal_data._tables,  # noqa: SLF001  -- as it was declared then
            "ledger_payload",
            dataclasses.replace(payload, never=""),
        )
        erase_the_admin(world)
    told = telling(world, old_id)
    assert told.payloads == {}
    verify_tenant(world.system.tenant_id, Report())
    # As many receipts are without words as entries are: one more is told of by none.
    copied = new_id()
    force(
        "INSERT INTO ledger_erasurereceipt SELECT %s, tenant_id, actor_id, confirmed_by_id, basis,"
        """ '{"payloads": 2}', at + interval '1 hour', hash FROM ledger_erasurereceipt"""
        " WHERE id = %s",
        [copied, old_id],
    )
    try:
        with removed(done) as gone, marked(world, copied, *gone):
            broken(done.id, f"no entry tells of receipt {copied}", kind="payload")
    finally:
        force("DELETE FROM ledger_erasurereceipt WHERE id = %s", [copied])


def test_a_receipt_in_another_form_is_answered(world: World, receipt: uuid.UUID) -> None:
    told = telling(world, receipt)
    count = told.payloads[GONE]["payloads"]
    wrong: list[Any] = [[], {"payloads": "many"}, {"payloads": count, "tasks": 0.5}]
    for counts in wrong:
        with counting(receipt, counts):
            broken(told.id, str(receipt), kind="payload")


def test_many_are_looked_up_by_few_statements(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many entries at once, and what is left at the end."""
    settled: list[int] = []
    monkeypatch.setattr("ledger.erasure.receipt_checks._PORTION", 3)

    def settle(self: Missing) -> None:
        settled.append(len(self._portion))
        self._portion.clear()

    monkeypatch.setattr(Missing, "settle", settle)
    missing = Missing()
    for _n in range(7):
        missing.add(str(new_id()), ["outcome"])
        missing.add(str(new_id()), [])
    missing.settle()
    assert settled == [3, 3, 1]


def test_an_unknown_payload_is_found_by_the_lookup_itself(world: World, done: Entry) -> None:
    missing = Missing()
    missing.add(str(done.id), ["zeta", "alpha"])
    with pytest.raises(Broken, match="payload alpha is gone") as untold:
        missing.settle()
    assert (untold.value.entry, untold.value.kind) == (done.id, "payload")
