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


def past_the_end(world: World, row: Execution) -> None:
    with tenant_scope(row.tenant_id):
        [job] = ExecutionJob.objects.filter(execution_id=row.id)
        assert job.accepted_at is not None
        ExecutionJob.objects.filter(execution_id=row.id).update(
            accepted_at=job.accepted_at - dt.timedelta(seconds=3600)
        )
    skip_backoffs()


def test_a_question_that_kills_its_worker_is_not_put_for_ever(world: World, shop: Shop) -> None:
    shop.results = [None]
    row = ordered(world)
    skip_backoffs()
    for _ in range(3):
        # Each is leased by a worker that dies of it; before the end the next one asks again.
        asking = begin(row.tenant_id, row.id)
        assert asking is not None
        assert (asking.call.ask, begin(row.tenant_id, row.id)) == ("order/1", None)
        expire_leases()
    past_the_end(world, row)
    drain()
    row = stored(world, row.id)
    said = "it was accepted, and nobody has said in time what became of it"
    assert (row.status, row.outcome_unknown) == ("UNCERTAIN", True)
    assert row.error == f"{said}: the worker fell silent while it asked"
    assert actions_of(world, row) == [*ACCEPTED, "outcome_unknown"]
    assert (shop.asked, len(shop.calls), job_of(world, row)) == ([], 1, None)


def test_at_the_end_it_is_asked_about_once_more(world: World, shop: Shop) -> None:
    shop.results = [Result({"receipt": 7})]
    row = ordered(world)
    past_the_end(world, row)
    drain()
    assert stored(world, row.id).status == "SUCCEEDED"
    assert shop.asked == ["order/1"]
