"""Keys by which members sign: registered, retired, reported as compromised; each is an entry."""

from __future__ import annotations

import base64
import datetime as dt
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accounts.acting import ActingUser
from ledger.clock import now, rfc3339
from ledger.errors import Conflict, Invalid, NotFound, NotPermitted
from ledger.selectors import Entry, entries_of
from ledger.tenancy import tenant_scope
from people.key_verbs import register_key, report_compromise, retire_key
from tests.clients import api, browser
from tests.concurrency.test_cases import at_once
from tests.pages import text_of
from tests.signing import public_of, registered
from tests.verifying import verify
from tests.world import World
from verbs.call import Call

ROOT = "/api/v1/signature-keys"
JSON = "application/json"


def about(who: ActingUser) -> list[Entry]:
    with tenant_scope(who.tenant_id):
        return entries_of(who.tenant_id, "actor", who.actor_id)


def test_a_key_is_registered_retired_and_reported_each_with_an_entry(world: World) -> None:
    public = public_of(Ed25519PrivateKey.generate())
    answer = api(world.agent).post(ROOT, {"name": "Robot", "public_key": public}, content_type=JSON)
    assert answer.status_code == 201, answer.content
    key = answer.json()
    assert (key["member"], key["name"], key["public_key"]) == (
        world.agent.username, "Robot", public,
    )  # fmt: skip
    assert (key["retired_at"], key["compromised_since"], key["version"]) == (None, None, 1)
    assert answer.headers["Location"] == f"{ROOT}/{key['id']}"
    last = about(world.agent)[-1]
    assert (last.kind, last.action, last.actor_id) == (
        "ADMIN", "key_registered", world.agent.actor_id,
    )  # fmt: skip
    assert last.payloads == {"key": key["id"], "name": "Robot", "public_key": public}
    here = f"{ROOT}/{key['id']}"
    assert api(world.bystander).get(here).json()["public_key"] == public
    answer = api(world.agent).delete(here)
    assert answer.status_code == 200
    assert answer.json()["retired_at"] is not None
    assert about(world.agent)[-1].action == "key_retired"
    # Again: it stays as it is, and nothing is recorded.
    assert api(world.agent).delete(here).json() == answer.json()
    assert [each.action for each in about(world.agent)].count("key_retired") == 1
    since = now() - dt.timedelta(days=3)
    answer = api(world.agent).post(
        f"{here}/report-compromise", {"since": rfc3339(since), "reason": "It was in a log"},
        content_type=JSON,
    )  # fmt: skip
    assert (answer.status_code, answer.json()["compromised_since"]) == (200, rfc3339(since))
    last = about(world.agent)[-1]
    assert (last.action, last.payloads["reason"], last.payloads["since"]) == (
        "key_compromised", "It was in a log", rfc3339(since),
    )  # fmt: skip
    verify()


def test_a_compromise_is_found_earlier_and_never_later_or_to_come(world: World) -> None:
    key, moment = registered(world.agent), now()
    hour = dt.timedelta(hours=1)

    def report(since: dt.datetime) -> Any:
        return report_compromise(key.id, call=Call(world.agent), since=since, reason="Seen")

    with pytest.raises(Invalid) as refused:
        report(moment + hour)
    assert [each.pointer for each in refused.value.errors] == ["/since"]
    report(moment - hour)
    for since in (moment, moment - hour):
        with pytest.raises(Conflict) as known:
            report(since)
        assert known.value.code == "key_compromised"
    assert report(moment - 2 * hour).compromised_since == moment - 2 * hour
    assert [each.action for each in about(world.agent)].count("key_compromised") == 2


def test_one_registers_for_oneself_and_an_admin_for_programs(world: World) -> None:
    registered(world.analyst)
    registered(world.admin, member=world.agent.username)
    assert about(world.agent)[-1].actor_id == world.admin.actor_id
    with pytest.raises(NotPermitted):
        registered(world.operator, member=world.agent.username)
    with pytest.raises(Invalid) as refused:
        registered(world.admin, member=world.analyst.username)
    assert [each.pointer for each in refused.value.errors] == ["/member"]
    assert [each.action for each in about(world.analyst)].count("key_registered") == 1


def test_others_neither_retire_nor_report_it(world: World) -> None:
    key = registered(world.agent)
    for who, expected in ((world.operator, NotPermitted), (world.outsider, NotFound)):
        with pytest.raises(expected):
            retire_key(key.id, call=Call(who))
        with pytest.raises(expected):
            report_compromise(key.id, call=Call(who), reason="I wish it were")
    assert about(world.agent)[-1].action == "key_registered"
    assert retire_key(key.id, call=Call(world.admin)).retired_at is not None


#: What is no key: by its length, by its form, and points of small order with either sign.
NO_KEYS = [
    base64.b64encode(bytes(31)).decode(),
    base64.b64encode(bytes(33)).decode(),
    "no base64 at all",
    *(
        base64.b64encode(bytes.fromhex(each)).decode()
        for each in (
            "00" * 32, "01" + "00" * 31, "01" + "00" * 30 + "80", "ec" + "ff" * 30 + "7f",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize("text", NO_KEYS)
def test_what_is_no_key_is_refused_and_records_nothing(world: World, text: str) -> None:
    with pytest.raises(Invalid) as refused:
        register_key(call=Call(world.agent), name="Bad", public_key=text)
    assert [each.pointer for each in refused.value.errors] == ["/public_key"]
    assert about(world.agent)[-1].action == "member_added"


def test_a_key_is_one_members_and_once(world: World) -> None:
    public = public_of(Ed25519PrivateKey.generate())

    def register(who: ActingUser) -> Any:
        return register_key(call=Call(who), name="Shared", public_key=public)

    found = at_once(lambda: register(world.agent), lambda: register(world.analyst))
    said = (each if isinstance(each, str) else type(each).__name__ for each in found)
    assert sorted(said) == ["SignatureKey", "key_known"]
    with pytest.raises(Conflict) as refused:
        register(world.agent)
    assert refused.value.code == "key_known"
    # Another organisation knows nothing of it.
    register(world.outsider)


def test_so_many_keys_are_the_most(world: World) -> None:
    for _n in range(20):
        last = registered(world.agent)
    with pytest.raises(Conflict) as refused:
        registered(world.agent)
    assert refused.value.code == "too_many"
    retire_key(last.id, call=Call(world.agent))
    registered(world.agent)


def test_the_list_is_of_all_or_of_one_member(world: World) -> None:
    first, second = registered(world.agent), registered(world.analyst)
    listed = api(world.bystander).get(ROOT).json()["results"]
    assert [each["id"] for each in listed] == [str(second.id), str(first.id)]
    of_one = api(world.bystander).get(f"{ROOT}?member={world.agent.username}").json()["results"]
    assert [each["id"] for each in of_one] == [str(first.id)]
    assert api(world.bystander).get(f"{ROOT}?member=nobody").json()["results"] == []
    assert api(world.outsider).get(ROOT).json()["results"] == []


def test_on_pages_a_key_is_registered_seen_and_reported(world: World) -> None:
    client, public = browser(world.agent), public_of(Ed25519PrivateKey.generate())
    answer = client.post("/signature-keys/", {"name": "Robot", "public_key": public})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/signature-keys/")
    assert client.post("/signature-keys/", {"name": "x", "public_key": "y"}).status_code == 422
    read = text_of(client.get("/signature-keys/").content)
    assert "Robot" in read
    assert public in read
    assert "in use" in read
    members = browser(world.admin).get("/members/").content.decode()
    assert f'href="/signature-keys/?member={world.agent.username}"' in members
    assert f"?member={world.analyst.username}" not in members
    [key] = api(world.agent).get(ROOT).json()["results"]
    here = f"/signature-keys/{key['id']}/report-compromise/"
    assert "This cannot be taken back" in text_of(client.get(here).content)
    assert client.post(here, {"reason": "It was in a log"}).status_code == 303
    assert "compromised since" in text_of(client.get("/signature-keys/").content)
