"""Another program answers 200, 202, 409, 410, 4xx, 5xx, not at all, in part, or with a redirect."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator
from typing import Any

import pytest

from executions import capability_registry
from executions.actions import request_execution
from executions.http_capabilities import http_capability
from executions.models import Execution
from ledger import selectors as entries
from ledger.tenancy import tenant_scope
from tests.answering import LOOPBACK, Answering, Heard, answering
from tests.bank import actions_of, stored
from tests.counting import (
    SECRET,
    Seats,
    Way,
    cut,
    declare_seats,
    done,
    hanging,
    known,
    saying,
)
from tests.draining import drain, skip_backoffs
from tests.world import World
from verbs.call import Call

SEAT = {"seat": 7}


@pytest.fixture
def seats() -> Seats:
    return Seats()


@pytest.fixture
def target(seats: Seats, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[Answering]:
    settings.AMENDS_EGRESS_ALLOW = [LOOPBACK]
    with answering(seats) as server:
        declare_seats(monkeypatch, server)
        yield server


def asked_for(world: World, name: str = "test.book") -> Execution:
    made = request_execution(call=Call(world.operator), capability=name, input=SEAT)
    drain()
    return stored(world, made.id)


def ended(world: World, row: Execution) -> Execution:
    """Let the back-offs of its attempts pass."""
    drain(fast_forward=True)
    return stored(world, row.id)


def posts(target: Answering) -> list[Heard]:
    return [each for each in target.heard if each.method == "POST"]


def test_200_is_the_result(world: World, target: Answering, seats: Seats) -> None:
    row = asked_for(world)
    assert (row.status, row.output, row.attempts) == ("SUCCEEDED", SEAT, 1)
    assert seats.effects == [(str(row.id), 7)]


def test_a_call_says_who_asks_for_what_and_is_signed(world: World, target: Answering) -> None:
    row = asked_for(world)
    [heard] = target.heard
    assert (heard.method, heard.path) == ("POST", "/book")
    key = str(row.id)
    assert heard.json == {
        "capability": "test.book", "idempotency_key": key, "mode": "commit", "input": SEAT,
        "undoes": None,
    }  # fmt: skip
    with tenant_scope(row.tenant_id):
        dispatched = entries.entries_of(row.tenant_id, "execution", row.id)[1]
    told = {name: heard.headers.get(f"amends-{name}") for name in (
        "execution", "attempt", "correlation-id", "causation-id", "actor", "on-behalf-of",
    )}  # fmt: skip
    assert told == {
        "execution": key, "attempt": "1", "correlation-id": key,
        "causation-id": str(dispatched.id), "actor": str(world.system.actor_id),
        "on-behalf-of": str(world.operator.actor_id),
    }  # fmt: skip
    assert heard.headers["idempotency-key"] == heard.headers["webhook-id"] == key
    signed = f"{key}.{heard.headers['webhook-timestamp']}.".encode() + heard.body
    secret = base64.b64decode(SECRET.removeprefix("whsec_"))
    mark = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    assert heard.headers["webhook-signature"] == f"v1,{mark}"
    assert "authorization" not in heard.headers


def test_202_is_asked_about_until_it_is_done(world: World, target: Answering, seats: Seats) -> None:
    seats.ways = [saying(202, None, books=True, Location="/jobs/1", Retry_After="30")]
    seats.knows = saying(202)
    row = asked_for(world)
    assert (row.status, len(target.heard)) == ("WAITING", 1)
    for _ in range(2):
        skip_backoffs()
        drain()
        assert stored(world, row.id).status == "WAITING"
    seats.knows = known
    skip_backoffs()
    drain()
    row = stored(world, row.id)
    assert (row.status, row.output, row.attempts) == ("SUCCEEDED", SEAT, 1)
    assert [each.path for each in target.heard] == ["/book", *["/jobs/1"] * 3]
    assert {each.key for each in target.heard} == {str(row.id)}
    assert actions_of(world, row) == ["requested", "dispatched", "accepted", "succeeded"]
    assert len(seats.effects) == 1


def test_the_body_of_202_may_say_where_to_ask(
    world: World, target: Answering, seats: Seats
) -> None:
    seats.ways = [saying(202, {"status_url": target.url("/jobs/2")}, books=True)]
    row = asked_for(world)
    row = ended(world, row)
    assert (row.status, target.heard[-1].path) == ("SUCCEEDED", "/jobs/2")


def test_accepted_work_that_failed_is_said_so(
    world: World, target: Answering, seats: Seats
) -> None:
    seats.ways, seats.knows = [saying(202, Location="/jobs/1")], saying(422, {"detail": "sold out"})
    row = ended(world, asked_for(world))
    assert (row.status, row.error) == ("FAILED", "it says that there is no effect: sold out")
    assert len(posts(target)) == 1


@pytest.mark.parametrize("where", ["https://else.test/jobs?key=1", "http://127.0.0.1:1/", "ftp:x"])
def test_202_that_leads_elsewhere_is_no_answer(
    world: World, target: Answering, seats: Seats, where: str
) -> None:
    seats.ways = [saying(202, Location=where), done]
    row = asked_for(world)
    assert row.status == "PENDING"
    told = where.replace("key=1", "…")  # A query may be a secret.
    assert row.error.endswith(f"says to ask elsewhere, which is refused: '{told}'")
    row = ended(world, row)
    assert (row.status, row.attempts, len(seats.effects)) == ("SUCCEEDED", 2, 1)


@pytest.mark.parametrize("status", [409, 410])
def test_409_and_410_mean_that_it_is_done_already(
    world: World, target: Answering, seats: Seats, status: int
) -> None:
    seats.ways = [saying(status, SEAT, books=True)]
    row = asked_for(world)
    assert (row.status, row.output, row.attempts) == ("SUCCEEDED", SEAT, 1)
    assert len(target.heard) == 1


@pytest.mark.parametrize("body", [None, {"detail": "was done"}])
def test_done_already_without_a_result_has_what_its_status_says(
    world: World, target: Answering, seats: Seats, body: Any
) -> None:
    seats.ways = [saying(409, body, books=True)]
    row = asked_for(world)
    assert (row.status, row.output) == ("SUCCEEDED", SEAT)
    assert [each.method for each in target.heard] == ["POST", "GET"]


def test_done_already_and_not_ready_is_waited_for(
    world: World, target: Answering, seats: Seats
) -> None:
    seats.ways, seats.knows = [saying(409, {"detail": "in progress"}, books=True)], saying(202)
    row = asked_for(world)
    assert row.status == "WAITING"
    seats.knows = known
    row = ended(world, row)
    assert (row.status, row.output, len(posts(target))) == ("SUCCEEDED", SEAT, 1)


def test_done_already_and_no_effect_contradict_each_other(
    world: World, target: Answering, seats: Seats
) -> None:
    seats.ways, seats.knows = [saying(409, books=True)], saying(422)
    row = ended(world, asked_for(world))
    assert (row.status, row.attempts) == ("UNCERTAIN", 1)
    assert row.error == "it answered 409, done already, and its status says that there is no effect"


def test_done_already_needs_no_result_where_none_is_needed(
    world: World, target: Answering, seats: Seats, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare_seats(monkeypatch, target, "test.any", output_schema={"type": "object"})
    seats.ways, seats.knows = [saying(409, books=True)], saying(404)
    row = ended(world, asked_for(world, "test.any"))
    assert (row.status, row.output) == ("SUCCEEDED", {})


@pytest.mark.parametrize("status", [203, 206, 226])
def test_a_success_of_another_kind_is_unknown_and_no_redirect(
    world: World, target: Answering, seats: Seats, status: int
) -> None:
    seats.ways = [saying(status, SEAT, books=True)]
    row = ended(world, asked_for(world))
    assert (row.status, row.attempts) == ("UNCERTAIN", 1)
    assert row.error == f"it answered {status}, which does not say whether it was done"


@pytest.mark.parametrize("answer", [(307, "FAILED", 1), (302, "UNCERTAIN", 1)])
def test_a_redirect_to_what_is_no_address_is_one_all_the_same(
    world: World, target: Answering, seats: Seats, answer: tuple[int, str, int]
) -> None:
    status, ends, attempts = answer
    seats.ways = [saying(status, Location="//[x")]
    row = ended(world, asked_for(world))
    assert (row.status, row.attempts) == (ends, attempts)
    assert row.error.startswith(f"it answered {status}, a redirect to '//[x': refused, ")


def test_done_already_with_a_result_that_nobody_knows_is_unknown(
    world: World, target: Answering, seats: Seats, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare_seats(monkeypatch, target, "test.mute", status_url="")
    seats.ways = [saying(410)]
    row = ended(world, asked_for(world, "test.mute"))
    assert (row.status, row.attempts) == ("UNCERTAIN", 1)
    assert row.error == "it answered 410, done already, without a result that fits"
    declare_seats(monkeypatch, target, "test.any", status_url="", output_schema={"type": "object"})
    row = ended(world, asked_for(world, "test.any"))
    assert (row.status, row.output) == ("SUCCEEDED", {})


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
def test_a_refusal_is_a_declared_failure(
    world: World, target: Answering, seats: Seats, status: int
) -> None:
    seats.ways = [saying(status, {"detail": "no such row"})]
    row = ended(world, asked_for(world))
    assert (row.status, row.attempts, row.outcome_unknown) == ("FAILED", 1, False)
    assert row.error == f"it answered {status}: no such row"
    assert len(target.heard) == 1


def test_a_refusal_says_nothing_of_an_earlier_call(
    world: World, target: Answering, seats: Seats
) -> None:
    seats.ways, seats.knows = [hanging, saying(401)], saying(404)
    row = ended(world, asked_for(world))
    assert (row.status, row.error) == ("UNCERTAIN", "it answered 401")
    assert len(seats.effects) == 1


def test_too_many_calls_are_made_again(world: World, target: Answering, seats: Seats) -> None:
    seats.ways = [saying(429), saying(408), done]
    row = ended(world, asked_for(world))
    assert (row.status, row.attempts, len(seats.effects)) == ("SUCCEEDED", 3, 1)


WAYS: dict[str, Way] = {
    "500": saying(500, books=True),
    "503": saying(503, {"title": "down"}, books=True),
    "hang": hanging,
    "closed amid the answer": cut,
    "unreadable": saying(200, "no object", books=True),
}


@pytest.mark.parametrize("way", WAYS)
def test_what_is_unknown_is_asked_about_and_not_done_twice(
    world: World, target: Answering, seats: Seats, way: str
) -> None:
    seats.ways = [WAYS[way]]
    row = asked_for(world)
    assert (row.status, row.outcome_unknown) == ("PENDING", True)
    row = ended(world, row)
    assert (row.status, row.output, row.attempts) == ("SUCCEEDED", SEAT, 2)
    assert [each.method for each in target.heard] == ["POST", "GET"]
    assert target.heard[1].path == f"/calls/{row.id}"
    assert seats.effects == [(str(row.id), 7)]


@pytest.mark.parametrize("way", WAYS)
def test_what_nobody_can_tell_is_repeated_with_the_same_key_and_then_uncertain(
    world: World, target: Answering, seats: Seats, way: str
) -> None:
    seats.ways, seats.knows = [WAYS[way]], saying(404)
    row = ended(world, asked_for(world))
    assert (row.status, row.attempts, row.outcome_unknown) == ("UNCERTAIN", 3, True)
    calls = posts(target)
    assert len(calls) == 3
    assert {each.key for each in calls} == {str(row.id)}
    assert len({each.body for each in calls}) == 1
    assert [each.headers["amends-attempt"] for each in calls] == ["1", "2", "3"]
    assert seats.effects == [(str(row.id), 7)]


@pytest.mark.parametrize(
    "redirect",
    [
        ("http://10.0.0.1/x", "10.0.0.1 is a private address"),
        ("http://169.254.169.254/latest/", "169.254.169.254 is a metadata address"),
        ("//[::1]:80/", "::1 is a loopback address"),
    ],
)
@pytest.mark.parametrize("answer", [(307, "FAILED"), (308, "FAILED"), (302, "UNCERTAIN")])
def test_a_redirect_to_a_private_address_is_refused_by_name(
    world: World, target: Answering, seats: Seats, redirect: tuple[str, str], answer: Any
) -> None:
    (where, named), (status, ends) = redirect, answer
    seats.ways = [saying(status, Location=where)]
    row = ended(world, asked_for(world))
    assert (row.status, row.attempts) == (ends, 1)
    assert f"it answered {status}, a redirect to 'http:" in row.error
    assert row.error.endswith(f"refused, {named}; AMENDS_EGRESS_ALLOW does not list it")
    assert (len(target.heard), seats.effects) == (1, [])


def test_no_redirect_is_followed_even_where_it_might_be(
    world: World, target: Answering, seats: Seats
) -> None:
    seats.ways = [saying(307, Location="/book2"), done]
    row = ended(world, asked_for(world))
    assert row.status == "FAILED"
    assert row.error == f"it answered 307, a redirect to '{target.url('/book2')}': not followed"
    assert (len(target.heard), seats.effects) == (1, [])


def test_a_guarded_address_hears_nothing_and_is_named(
    world: World, target: Answering, settings: Any
) -> None:
    settings.AMENDS_EGRESS_ALLOW = []
    row = ended(world, asked_for(world))
    assert (row.status, row.attempts, target.heard) == ("FAILED", 1, [])
    said = "127.0.0.1 is a loopback address; AMENDS_EGRESS_ALLOW does not list it"
    assert row.error == said


def test_nobody_there_is_no_effect_and_tried_again(
    world: World, seats: Seats, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.AMENDS_EGRESS_ALLOW = [LOOPBACK]
    with answering(seats) as gone:
        declare_seats(monkeypatch, gone, status_url="")
    row = ended(world, asked_for(world))
    assert (row.status, row.attempts, row.outcome_unknown) == ("FAILED", 3, False)
    assert row.error.startswith("no connection: ")


def test_a_result_that_breaks_its_schema_is_faulted_with_pointers(
    world: World, target: Answering, seats: Seats
) -> None:
    seats.ways = [saying(200, {"seat": "seven"}, books=True)]
    row = ended(world, asked_for(world))
    assert (row.status, row.attempts) == ("UNCERTAIN", 1)
    assert row.error == 'its output breaks the schema at /seat: "seven" is not of type "integer"'


def test_a_result_that_is_too_large_is_faulted(
    world: World, target: Answering, seats: Seats
) -> None:
    seats.ways = [saying(200, {"seat": 7, "more": "x" * 3000}, books=True)]
    row = ended(world, asked_for(world))
    assert (row.status, row.attempts) == ("UNCERTAIN", 1)
    assert row.error == "the answer has more than 2000 bytes"


def test_images_come_with_the_output(
    world: World, target: Answering, seats: Seats, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare_seats(monkeypatch, target, "test.images", images=True)
    seats.ways = [saying(200, {"output": SEAT, "before": {"free": 1}, "after": {"free": 0}})]
    row = asked_for(world, "test.images")
    assert (row.output, row.before, row.after) == (SEAT, {"free": 1}, {"free": 0})


def test_what_cannot_be_called_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOD", SECRET)
    monkeypatch.setenv("BAD", "geheim")
    monkeypatch.setenv("BLANK", "Bearer geheim ")
    monkeypatch.delenv("NONE", raising=False)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"url": "ftp://x/", "secret_env": "GOOD"}, "no address of http or https"),
        ({"url": "https://u:p@x/", "secret_env": "GOOD"}, "a name and a password"),
        ({"url": "https://x/", "secret_env": "NONE"}, "NONE must be set in the environment"),
        ({"url": "https://x/", "secret_env": "BAD"}, "BAD must be whsec_"),
        ({"url": "https://x/", "secret_env": "GOOD", "status_url": "x"}, "no address of http"),
        (
            {"url": "https://x/", "secret_env": "GOOD", "authorization_env": "BLANK"},
            "BLANK must be set in the environment",
        ),
        ({"url": "https://x/", "secret_env": "GOOD", "risk": "huge"}, "unknown risk 'huge'"),
    ]
    for given, said in wrong:
        with pytest.raises(ValueError, match=said) as refused:
            http_capability("test.wrong", **given)
        assert "geheim" not in str(refused.value)
    assert capability_registry.get("test.wrong") is None
