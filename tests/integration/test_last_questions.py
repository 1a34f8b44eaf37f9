"""The end of waiting for accepted work, whoever was asking: one last question, and no more."""

from __future__ import annotations

import datetime as dt

import pytest

from executions.actions.execution_attempts import begin
from executions.capability_registry import Result
from executions.models import Execution, ExecutionJob
from ledger.tenancy import tenant_scope
from tests.bank import actions_of, stored
from tests.draining import drain, expire_leases, skip_backoffs
from tests.integration.test_accepted_work import ACCEPTED, Shop, job_of, open_shop, ordered
from tests.world import World


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Shop:
    return open_shop(monkeypatch)


def past_the_end(row: Execution, *, silent_since: int | None = None) -> None:
    """Let the time to wait be over since 60 s. `silent_since`: how many seconds before its end the
    lease ended of who died asking; without, it has just ended."""
    with tenant_scope(row.tenant_id):
        [job] = ExecutionJob.objects.filter(execution_id=row.id)
        assert job.accepted_at is not None
        accepted = job.accepted_at - dt.timedelta(seconds=3660)
        lease: dict[str, dt.datetime] = {}
        if silent_since is not None:
            assert job.lease_token is not None
            end = accepted + dt.timedelta(seconds=3600)
            lease = {"leased_until": end - dt.timedelta(seconds=silent_since)}
        ExecutionJob.objects.filter(execution_id=row.id).update(accepted_at=accepted, **lease)
    skip_backoffs()


def die_asking(row: Execution) -> None:
    """Lease it to ask about it, and say nothing more."""
    skip_backoffs()
    asking = begin(row.tenant_id, row.id)
    assert asking is not None
    assert (asking.call.ask, begin(row.tenant_id, row.id)) == ("order/1", None)


def test_a_question_that_kills_its_worker_is_not_put_for_ever(world: World, shop: Shop) -> None:
    shop.results = [None]
    row = ordered(world)
    for _ in range(3):
        # Each is leased by a worker that dies of it; before the end the next one asks again.
        die_asking(row)
        expire_leases()
    past_the_end(row)
    drain()
    assert_given_up(world, row)
    assert (shop.asked, len(shop.calls)) == ([], 1)


def assert_given_up(world: World, row: Execution) -> None:
    row = stored(world, row.id)
    said = "it was accepted, and nobody has said in time what became of it"
    assert (row.status, row.outcome_unknown) == ("UNCERTAIN", True)
    assert row.error == f"{said}: the worker fell silent while it asked"
    assert actions_of(world, row) == [*ACCEPTED, "outcome_unknown"]
    assert job_of(world, row) is None


def test_who_died_asking_before_the_end_leaves_the_last_question_to_be_put(
    world: World, shop: Shop
) -> None:
    shop.results = [Result({"receipt": 7})]
    row = ordered(world)
    die_asking(row)
    past_the_end(row, silent_since=1200)
    drain()
    row = stored(world, row.id)
    assert (row.status, row.output, row.outcome_unknown) == ("SUCCEEDED", {"receipt": 7}, False)
    assert actions_of(world, row) == [*ACCEPTED, "succeeded"]
    assert (shop.asked, len(shop.calls)) == (["order/1"], 1)


def test_the_last_question_is_put_once_though_it_kills_its_worker_too(
    world: World, shop: Shop
) -> None:
    shop.results = [Result({"receipt": 7})]
    row = ordered(world)
    die_asking(row)
    past_the_end(row, silent_since=1)
    die_asking(row)
    expire_leases()
    drain()
    assert_given_up(world, row)
    assert (shop.asked, len(shop.calls)) == ([], 1)


def test_who_died_asking_at_the_end_has_put_the_last_question(world: World, shop: Shop) -> None:
    shop.results = [Result({"receipt": 7})]
    row = ordered(world)
    die_asking(row)
    past_the_end(row, silent_since=0)
    drain()
    assert_given_up(world, row)
    assert (shop.asked, len(shop.calls)) == ([], 1)


def test_at_the_end_it_is_asked_about_once_more(world: World, shop: Shop) -> None:
    shop.results = [Result({"receipt": 7})]
    row = ordered(world)
    past_the_end(row)
    drain()
    assert stored(world, row.id).status == "SUCCEEDED"
    assert shop.asked == ["order/1"]
