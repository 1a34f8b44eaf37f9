"""A worker that is killed while it erases somebody: the next goes on, and counts nothing twice."""

from __future__ import annotations

import signal

import pytest
from django.db import connection

from ledger.erasure.erasure_tables import Erasure, ErasureReceipt
from ledger.tenancy import system_scope, tenant_scope
from ledger.verify import Report, verify_tenant
from tests import states
from tests.clients import api
from tests.draining import drain
from tests.erasing import counted_erasure, one_more
from tests.faults.kills import Runner
from tests.faults.test_failpoints import PATHS
from tests.world import World


@pytest.mark.parametrize("point", PATHS["erase"])
def test_a_worker_killed_anywhere_leaves_the_rest_to_the_next(
    world: World, runner: Runner, point: str
) -> None:
    person, tenant = one_more(world), world.system.tenant_id
    states.completed(person, title=f"By {person.username}")
    drain()
    erasure = counted_erasure(world, person)
    path = f"/api/v1/ledger/erasures/{erasure}/confirm"
    assert api(world.admin).post(path, {}, content_type="application/json").status_code == 202
    # News of the end of the membership is heard first: until then its payload stays.
    with system_scope("sweep"), connection.cursor() as cursor:
        taken = "UPDATE ledger_erasure SET leased_until = now() + interval '1 hour' WHERE id = %s"
        cursor.execute(taken, [erasure])
    drain()
    assert runner.do("erase", erasure, world.admin, point=point) == -signal.SIGKILL
    with tenant_scope(tenant):
        assert Erasure.objects.get(id=erasure).state == "ERASING"
    assert runner.do("erase", erasure, world.admin) == 0
    drain(fast_forward=True)
    with tenant_scope(tenant):
        row, receipt = Erasure.objects.get(id=erasure), ErasureReceipt.objects.get(id=erasure)
    assert (row.state, row.names, row.erased) == ("DONE", None, receipt.counts)
    assert row.erased["work items"] == 1
    assert verify_tenant(tenant, Report()).erased == row.erased["payloads"]
