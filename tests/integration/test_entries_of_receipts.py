"""The entry that tells of a receipt: which one that is, whatever the superuser takes away or
writes, and how it is found.

The worker's database is shared with other tests, so every change is taken back.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from audit.actions.erasing_people import confirm
from audit.actions.keeping_payloads import end_policy, set_policy
from ledger.broken import Broken
from ledger.canonical import canonical
from ledger.clock import now
from ledger.erasure import personal_data, receipt_entries, retention
from ledger.erasure.erasing import erase_due, make_receipt, search_of
from ledger.erasure.erasure_tables import Erasure, ErasureReceipt
from ledger.erasure.gone_payloads import GONE, gone_of
from ledger.erasure.identity import Identities, identities
from ledger.erasure.portions import sweep
from ledger.erasure.receipt_entries import ALL_TOLD, RECEIPT_GONE, receipt_hash
from ledger.erasure.retention import RETENTIONS, prune_due
from ledger.ids import new_id
from ledger.selectors import Entry, entries_by_id
from ledger.tenancy import set_tenant, system_scope, tenant_scope
from ledger.verify import Report, verify_tenant
from tests import states
from tests.draining import drain
from tests.erasing import counted_erasure, one_more
from tests.integration.test_gone_payloads import (
    counting,
    erase_the_admin,
    marked,
    of_earlier_version,
    removed,
    telling,
)
from tests.integration.test_verify_ledger import force, without
from tests.integration.test_verify_sealed import broken, rewritten
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
    """The sealed entry that says that a task is done."""
    return task_done(world)


def task_done(world: World) -> Entry:
    """Return the sealed entry that says that a task is done; it keeps an outcome."""
    item = states.completed(world.analyst)
    sealed(world.system.tenant_id)
    return states.history(world, "work_item", item.id)[-1]


def receipt_of(world: World, id_: uuid.UUID) -> ErasureReceipt:
    with tenant_scope(world.system.tenant_id):
        return ErasureReceipt.objects.get(id=id_)


@contextlib.contextmanager
def made_to_fit(world: World, id_: uuid.UUID, more: int) -> Iterator[None]:
    """A receipt says so many more payloads, with the hash of what it says, as anybody makes it."""
    row = receipt_of(world, id_)
    counts = {**row.counts, "payloads": row.counts["payloads"] + more}
    fits = receipt_hash(
        row.tenant_id, id_, counts, basis=row.basis, actor_id=row.actor_id,
        by=row.confirmed_by_id, at=row.at,
    )  # fmt: skip
    changed = rewritten("ledger_erasurereceipt", "id = %s", [id_], hash=fits)
    with counting(id_, counts), changed:
        yield


@contextlib.contextmanager
def words_erased_too(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Erasing who had something erased takes the words of that, as in earlier versions."""
    payload = personal_data.declared()["ledger_payload"]
    with monkeypatch.context() as patched:
        patched.setitem(
            personal_data._tables,  # noqa: SLF001  -- as it was declared then
            "ledger_payload",
            dataclasses.replace(payload, never=""),
        )
        yield


def test_an_entry_has_not_lost_its_words_because_somebody_takes_them(
    world: World, done: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that a receipt of an earlier version says is written anew, and the words that would tell
    are marked as gone under it, or under a receipt that had nothing to do with them."""
    _, old_id = of_earlier_version(world, monkeypatch)
    _, other_id = of_earlier_version(world, monkeypatch)
    told = telling(world, old_id)
    taken = [(told.id, name) for name in told.payloads]
    said = f"no entry tells of receipt {old_id}"
    for under in (old_id, other_id):
        with contextlib.ExitStack() as stack:
            gone = stack.enter_context(removed(done))
            stack.enter_context(without(("ledger_payload", "entry_id", told.id)))
            stack.enter_context(marked(world, old_id, *gone))
            stack.enter_context(marked(world, under, *taken))
            stack.enter_context(made_to_fit(world, old_id, len(gone)))
            stack.enter_context(made_to_fit(world, under, len(taken)))
            broken(None, said, kind="payload")


def prune_as_earlier(world: World, monkeypatch: pytest.MonkeyPatch) -> list[uuid.UUID]:
    """Let an earlier version prune what is old enough. Returns its receipts, oldest first."""
    known = identities()

    def note(tenant: Any, action: str, by: Any, payloads: Any) -> None:
        kept = {name: value for name, value in payloads.items() if name != GONE}
        known.note_on_tenant(tenant, action, by, kept)

    def older() -> Identities:
        return dataclasses.replace(known, note_on_tenant=note)

    for _n in range(3):
        states.completed(world.analyst)
    drain()
    tenant_id = world.system.tenant_id
    row: Any = set_policy(call=Call(world.admin), kind="TRANSITION", keep="P1D")
    before = {each.id for each in receipts_of(world)}
    with monkeypatch.context() as patched:
        patched.setattr(retention, "identities", older)
        patched.setattr(retention, "PORTION", 5)
        patched.setattr(retention, "now", lambda: now() + dt.timedelta(days=2))
        with tenant_scope(tenant_id):
            RETENTIONS.put_back(tenant_id, row.id, -1.0)
        assert prune_due(tenant_id, row.id) is True
    end_policy(row.id, call=Call(world.admin))
    made = [each for each in receipts_of(world) if each.id not in before]
    assert len(made) > 1
    return [each.id for each in sorted(made, key=lambda each: each.at)]


def receipts_of(world: World) -> list[ErasureReceipt]:
    with tenant_scope(world.system.tenant_id):
        return list(ErasureReceipt.objects.filter(actor_id=None))


def test_several_receipts_of_one_organisation_may_have_lost_their_words(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many as there are such entries, each with its own number."""
    pruned = prune_as_earlier(world, monkeypatch)
    done = task_done(world)
    counts = {each.id: each.counts["payloads"] for each in receipts_of(world)}
    assert found_by(world, pruned)[1] == [False]
    with words_erased_too(monkeypatch):
        erase_the_admin(world)
    tenant_id = world.system.tenant_id
    with tenant_scope(tenant_id):
        told = receipt_entries.telling(tenant_id, pruned)
        entries = entries_by_id(tenant_id, [row.entry_id for row in told.values() if row.entry_id])
    assert [told[each].says for each in pruned] == [{}] * len(pruned)
    assert len(entries) == len(pruned)
    assert verify_tenant(tenant_id, Report()).erased >= sum(counts[each] for each in pruned)
    first, second, *_ = pruned
    said = f"payloads are marked as gone under receipt {first}, which tells of {counts[first]}"
    with removed(done) as gone, marked(world, first, *gone):
        broken(told[first].entry_id, said, kind="payload")
    # Of one more there is none.
    more = uuid.uuid4()
    force(
        "INSERT INTO ledger_erasurereceipt SELECT %s, tenant_id, actor_id, confirmed_by_id, basis,"
        """ '{"payloads": 2}', at, hash FROM ledger_erasurereceipt WHERE id = %s""",
        [more, second],
    )
    try:
        with removed(done) as gone, marked(world, more, *gone):
            broken(None, "receipt", kind="payload")
    finally:
        force("DELETE FROM ledger_erasurereceipt WHERE id = %s", [more])


def test_a_few_receipts_are_found_without_looking_at_all_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an entry names is found by its time; only what none names needs the rest."""
    _, old_id = of_earlier_version(world, monkeypatch)
    before = telling(world, old_id).id
    assert found_by(world, [old_id]) == ({old_id: before}, [False])
    with words_erased_too(monkeypatch):
        new_id = erase_the_admin(world)
    wanted = {old_id: before, new_id: telling(world, new_id).id}
    assert found_by(world, [old_id, new_id]) == (wanted, [False, True])
    assert found_by(world, [new_id]) == ({new_id: wanted[new_id]}, [False])


def found_by(
    world: World, ids: list[uuid.UUID]
) -> tuple[dict[uuid.UUID, uuid.UUID | None], list[bool]]:
    """Return the entries that tell of receipts, and of each statement whether it looked at all."""
    tenant_id = world.system.tenant_id
    with tenant_scope(tenant_id), CaptureQueriesContext(connection) as asked:
        found = receipt_entries.telling(tenant_id, ids)
    looked = ["wordless" in each["sql"] for each in asked.captured_queries]
    return {id_: row.entry_id for id_, row in found.items()}, looked


def _compared_again(plan: dict[str, Any], *, inner: bool = False) -> Iterator[str]:
    """Yield the parts of a statement that a plan reads once for each row of another."""
    if inner and plan["Node Type"] == "CTE Scan":
        yield plan["CTE Name"]
    for each in plan.get("Plans", []):
        again = each.get("Parent Relationship") == "Inner" and plan["Node Type"] == "Nested Loop"
        yield from _compared_again(each, inner=inner or again)


@pytest.mark.parametrize("statement", [ALL_TOLD, RECEIPT_GONE])
@pytest.mark.parametrize("off", ["", "hashjoin", "mergejoin", "hashjoin mergejoin"])
def test_however_many_receipts_there_are_no_two_lists_are_compared_each_with_each(
    off: str, statement: str
) -> None:
    """Whatever the server takes their numbers to be, which it cannot know."""
    with system_scope("verify"), connection.cursor() as cursor:
        for each in off.split():
            cursor.execute(f"SET LOCAL enable_{each} = off")
        cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}")
        ((found,),) = cursor.fetchall()
        connection.set_rollback(True)
    [whole] = json.loads(found) if isinstance(found, str) else found
    assert list(_compared_again(whole["Plan"])) == []


def receipt_of_nothing(world: World, person: uuid.UUID | None) -> tuple[uuid.UUID, Entry]:
    """Write the receipt of a person, or of the organisation, of whom nothing was left to go, as
    whoever erases or prunes does. Returns it, and the entry that tells of it."""
    tenant_id, by, id_ = world.system.tenant_id, world.admin.actor_id, new_id()
    about = ("tenant", tenant_id) if person is None else ("actor", person)
    with transaction.atomic(durable=True):
        set_tenant(tenant_id)
        row = make_receipt(tenant_id, id_, {}, basis="TESTED", actor_id=person, by=by)
        payloads = {"receipt": str(id_), "hash": row.hash.hex(), GONE: gone_of([])}
        if person is None:
            identities().note_on_tenant(tenant_id, "payloads_pruned", by, payloads)
        else:
            identities().note(tenant_id, person, "erased", by, payloads)
    sealed(tenant_id)
    return id_, states.history(world, *about)[-1]


def test_a_receipt_of_nothing_is_missed_too(world: World) -> None:
    """No mark is of it, so that only the entry that tells of it can say that it was there."""
    for person in (one_more(world).actor_id, None):
        id_, told = receipt_of_nothing(world, person)
        assert told.payloads["receipt"] == str(id_)
        assert run()[::2] == (0, "")
        gone = f"receipt {id_}, of which it tells, is gone"
        with without(("ledger_erasurereceipt", "id", id_)):
            broken(told.id, gone, kind="payload")
            with pytest.raises(Broken, match=gone) as found:
                verify_tenant(world.system.tenant_id, Report())
            assert (found.value.entry, found.value.kind) == (told.id, "payload")
        # Nor is it there under somebody else's name.
        with rewritten("ledger_erasurereceipt", "id = %s", [id_], actor_id=uuid.uuid4()):
            broken(None, f"receipt {id_}", kind="payload")


def test_what_confirmed_an_erasure_says_which(world: World, done: Entry) -> None:
    person = one_more(world)
    states.completed(person)
    drain()
    id_ = counted_erasure(world, person)
    confirm(id_, call=Call(world.admin))
    confirmed = states.history(world, "actor", person.actor_id)[-1]
    assert (confirmed.action, confirmed.payloads) == ("erasure_confirmed", {"receipt": str(id_)})
    drain()
    assert erase_due(world.system.tenant_id, id_) is False
    sealed(world.system.tenant_id)
    # Another request in its place, with what is marked under that.
    ((before,),) = force("SELECT erased::text FROM ledger_erasure WHERE id = %s", [id_])
    other, count = uuid.uuid4(), json.loads(before)["payloads"]
    renamed = "UPDATE ledger_erasure SET id = %s WHERE id = %s"
    marks = "UPDATE ledger_erasedpayload SET receipt_id = %s WHERE receipt_id = %s"
    for each in (renamed, marks):
        force(each, [other, id_])
    try:
        assert count > 0
        broken(confirmed.id, f"it tells of another erasure than {other}", kind="payload")
    finally:
        for each in (renamed, marks):
            force(each, [id_, other])
    drain(fast_forward=True)
    # Erasing who confirmed it leaves that it was confirmed, and of what.
    erase_the_admin(world)
    assert entries_now(world, confirmed).payloads == {"receipt": str(id_)}
    assert canonical(telling(world, id_).payloads[GONE])


def entries_now(world: World, entry: Entry) -> Entry:
    """Return an entry as it is now."""
    [found] = [e for e in states.history(world, "actor", entry.subject_id) if e.id == entry.id]
    return found


def _read(plan: dict[str, Any]) -> Iterator[str]:
    """Yield the tables that a plan reads."""
    if "Relation Name" in plan:
        yield plan["Relation Name"]
    for each in plan.get("Plans", []):
        yield from _read(each)


def _limited(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if plan["Node Type"] == "Limit":
        yield plan
    else:
        for each in plan.get("Plans", []):
            yield from _limited(each)


def test_what_a_portion_asks_is_asked_of_its_own_rows(world: World) -> None:
    """However many payloads there are: of all of them the server would read all entries instead."""
    id_ = counted_erasure(world)
    with tenant_scope(world.system.tenant_id):
        search = search_of(Erasure.objects.get(id=id_))
        table = personal_data.declared()["ledger_payload"]
        with system_scope("erase"), CaptureQueriesContext(connection) as asked:
            sweep(table, search, None, apply=False)
        first = next(e["sql"] for e in asked.captured_queries if "LIMIT 500" in e["sql"])
        with system_scope("erase"), connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (FORMAT JSON) {first}".replace("%", "%%"), [])
            ((found,),) = cursor.fetchall()
    [whole] = json.loads(found) if isinstance(found, str) else found
    assert "ledger_ledgerentry" in set(_read(whole["Plan"]))
    [portion] = _limited(whole["Plan"])
    assert set(_read(portion)) == {"ledger_payload"}
