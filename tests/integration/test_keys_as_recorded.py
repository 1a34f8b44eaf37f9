"""The check of the ledger compares keys by which members sign with the entries about them.

The worker's database is shared with other tests, so every change is taken back.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.actions.erasing_people import confirm
from audit.actions.keeping_payloads import end_policy, set_policy
from ledger.broken import Broken
from ledger.clock import now, rfc3339
from ledger.erasure import retention
from ledger.erasure.retention import RETENTIONS, prune_due
from ledger.selectors import Entry, entries_of
from ledger.tenancy import tenant_scope
from ledger.verify import Report, verify_tenant
from people.key_verbs import report_compromise, retire_key
from tests.draining import drain
from tests.erasing import counted_erasure, erase, one_more
from tests.integration.test_signatures import finished, seen
from tests.integration.test_verify_ledger import force, without
from tests.integration.test_verify_sealed import broken, rewritten
from tests.sealed import sealed
from tests.signing import SigningKey, registered, signed_by
from tests.verifying import run
from tests.world import World
from verbs.call import Call

pytestmark = pytest.mark.usefixtures("database_of_the_module")

KEYS = "accounts_signaturekey"
HOUR = dt.timedelta(hours=1)


@pytest.fixture(autouse=True)
def _holds_afterwards() -> Iterator[None]:
    yield
    assert run()[::2] == (0, "")


def about(world: World, who: Any, action: str) -> Entry:
    """Return the last entry about a member that says this."""
    with tenant_scope(world.system.tenant_id):
        found = entries_of(world.system.tenant_id, "actor", who.actor_id)
    return [each for each in found if each.action == action][-1]


def found_broken(world: World, entry: Entry | None, message: str) -> None:
    """The check of all tenants says it, and that of this one."""
    broken(None if entry is None else entry.id, message, kind="subject")
    with pytest.raises(Broken) as found:
        verify_tenant(world.system.tenant_id, Report())
    assert (found.value.entry, str(found.value)) == (entry and entry.id, message)


@pytest.fixture
def lost(world: World) -> SigningKey:
    """A key that is known to have been compromised for two hours, first for one; sealed."""
    key = registered(world.agent)
    for hours in (1, 2):
        report_compromise(
            key.id, call=Call(world.agent), since=now() - hours * HOUR, reason="It was in a log"
        )
    sealed(world.system.tenant_id)
    return key


def test_a_key_that_is_as_recorded_is_no_fault(world: World, lost: SigningKey) -> None:
    """Compromised twice, retired, of a program by an admin, or as it was registered."""
    registered(world.analyst)
    retired = registered(world.admin, member=world.agent.username)
    retire_key(retired.id, call=Call(world.admin))
    retire_key(lost.id, call=Call(world.agent))
    assert run()[::2] == (0, "")
    verify_tenant(world.system.tenant_id, Report())


def test_a_compromise_that_is_taken_back_or_moved_is_found(world: World) -> None:
    key = registered(world.agent)
    _item, done = finished(world)
    since = now() - HOUR
    signed_by(world.agent, key, done)
    report_compromise(key.id, call=Call(world.agent), since=since, reason="It was in a log")
    said = about(world, world.agent, "key_compromised")
    assert seen(world, done) == "suspect"
    words = f"signature key {key.id} is compromised since {{}}, but its last entry says since {{}}"
    for moment, shown in ((None, "never"), (since + 2 * HOUR, rfc3339(since + 2 * HOUR))):
        with rewritten(KEYS, "id = %s", [key.id], compromised_since=moment):
            # This is what it is done for.
            assert seen(world, done) == "valid"
            found_broken(world, said, words.format(shown, rfc3339(since)))
    sound = registered(world.analyst)
    registering = about(world, world.analyst, "key_registered")
    with rewritten(KEYS, "id = %s", [sound.id], compromised_since=since):
        now_since = f"signature key {sound.id} is compromised since {rfc3339(since)}"
        found_broken(world, registering, f"{now_since}, but its last entry says since never")


def test_another_key_in_its_place_is_found(world: World, lost: SigningKey) -> None:
    registering = about(world, world.agent, "key_registered")
    other = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    with rewritten(KEYS, "id = %s", [lost.id], public_key=other):
        found_broken(world, registering, f"signature key {lost.id} is another than it registered")
    with rewritten(KEYS, "id = %s", [lost.id], actor_id=world.analyst.actor_id):
        said = f"signature key {lost.id} is not of the member it was registered for"
        found_broken(world, registering, said)


def test_a_key_that_is_gone_is_found(world: World, lost: SigningKey) -> None:
    registering = about(world, world.agent, "key_registered")
    with without((KEYS, "id", lost.id)):
        said = f"signature key {lost.id}, which it registered, is gone"
        found_broken(world, registering, said)


def test_a_key_that_nobody_registered_is_found(world: World) -> None:
    key = registered(world.agent)
    more, public = uuid.uuid4(), Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    force(
        f"INSERT INTO {KEYS} (id, tenant_id, actor_id, name, public_key, version, created_at)"  # noqa: S608  -- own names
        f" SELECT %s, tenant_id, actor_id, name, %s, 1, created_at FROM {KEYS} WHERE id = %s",
        [more, public, key.id],
    )
    try:
        found_broken(world, None, f"no entry has registered signature key {more}")
    finally:
        force(f"DELETE FROM {KEYS} WHERE id = %s", [more])  # noqa: S608  -- own names


def test_a_key_is_retired_where_an_entry_says_so(world: World) -> None:
    used, retired = registered(world.analyst), registered(world.agent)
    retire_key(retired.id, call=Call(world.agent))
    said = about(world, world.agent, "key_retired")
    with rewritten(KEYS, "id = %s", [retired.id], retired_at=None):
        words = f"signature key {retired.id} is not retired, as its entry says"
        found_broken(world, said, words)
    registering = about(world, world.analyst, "key_registered")
    with rewritten(KEYS, "id = %s", [used.id], retired_at=now()):
        found_broken(
            world, registering, f"signature key {used.id} is retired, but no entry says so"
        )


def test_of_an_erased_member_no_key_is_missed(world: World) -> None:
    person = one_more(world)
    key = registered(person)
    report_compromise(key.id, call=Call(person), reason="It was in a log")
    drain()
    erase(world, person)
    assert about(world, person, "key_compromised").payloads == {}
    assert force(f"SELECT count(*) FROM {KEYS} WHERE id = %s", [key.id]) == [(0,)]  # noqa: S608  -- own names
    assert run()[::2] == (0, "")


def test_a_key_that_goes_before_what_is_said_of_it_is_not_missed(world: World) -> None:
    """One registered while its member is being erased, or of which a hold keeps the words."""
    person = one_more(world)
    erasure = counted_erasure(world, person)
    key = registered(person)
    with without((KEYS, "id", key.id)):
        said = f"signature key {key.id}, which it registered, is gone"
        found_broken(world, about(world, person, "key_registered"), said)
    confirm(erasure, call=Call(world.admin))
    with without((KEYS, "id", key.id)):
        assert about(world, person, "key_registered").payloads["key"] == str(key.id)
        assert run()[::2] == (0, "")
    drain(fast_forward=True)


def test_a_key_whose_words_were_pruned_is_no_fault(
    world: World, lost: SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an earlier version did, before these entries lasted."""
    retire_key(lost.id, call=Call(world.agent))
    drain()
    tenant_id = world.system.tenant_id
    row: Any = set_policy(call=Call(world.admin), kind="ADMIN", keep="P1D")
    with monkeypatch.context() as patched:
        patched.setattr(retention, "lasting_actions", list)
        patched.setattr(retention, "now", lambda: now() + 48 * HOUR)
        with tenant_scope(tenant_id):
            RETENTIONS.put_back(tenant_id, row.id, -1.0)
        assert prune_due(tenant_id, row.id) is True
    end_policy(row.id, call=Call(world.admin))
    for action in ("key_registered", "key_compromised", "key_retired"):
        assert about(world, world.agent, action).payloads == {}
    assert force(f"SELECT count(*) FROM {KEYS} WHERE id = %s", [lost.id]) == [(1,)]  # noqa: S608  -- own names
    assert run()[::2] == (0, "")
    # What is said anew counts.
    key = registered(world.agent)
    report_compromise(key.id, call=Call(world.agent), since=now() - HOUR, reason="Seen")
    said = about(world, world.agent, "key_compromised")
    with rewritten(KEYS, "id = %s", [key.id], compromised_since=None):
        broken(said.id, f"signature key {key.id} is compromised since never", kind="subject")
