"""Does one piece of work at a time in a process that may be killed in the middle of it.

`python -m tests.faults.runner` reads a job a line from standard input (JSON: scenario, point,
username, subject) and answers with the exit status of the process that did it, negative for the
signal that killed it. Every job has a process of its own: a fork of this one, which has loaded the
application and holds no connection. With `point` it dies by SIGKILL at that failpoint.

Doing a job again is what a client does who got no answer: a refusal because it is already done is
then the answer.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import sys
import traceback
import uuid
from collections.abc import Callable
from unittest import mock

import django

django.setup()

# Models can be loaded only now.
from django.db import connections  # noqa: E402

from accounts.acting import ActingUser  # noqa: E402
from accounts.selectors import acting_as  # noqa: E402
from compensation.actions.plan_execution import execute  # noqa: E402
from compensation.selectors import plan  # noqa: E402
from ledger import failpoints  # noqa: E402
from ledger.dispatch import runner as dispatch_runner  # noqa: E402
from ledger.dispatch.consumer_registry import Trouble, source_named, sources  # noqa: E402
from ledger.dispatch.lease_table import Due  # noqa: E402
from ledger.erasure.erasing import erase_due  # noqa: E402
from ledger.errors import Conflict  # noqa: E402
from ledger.ids import new_token  # noqa: E402
from ledger.tenancy import system_scope, tenant_scope  # noqa: E402
from ledger.tree.sealer import seal_due  # noqa: E402
from tests.draining import drain, expire_leases  # noqa: E402
from verbs import catalogue  # noqa: E402
from verbs.call import Call  # noqa: E402
from workitems import actions  # noqa: E402

Scenario = Callable[[uuid.UUID, ActingUser], object]
_LEASE_SECONDS = 60.0


def _work(_subject: uuid.UUID, _by: ActingUser) -> None:
    """What a worker does: everything that is due, once the leases of a dead one are over."""
    expire_leases()
    drain(fast_forward=True)


def _once(_subject: uuid.UUID, _by: ActingUser) -> None:
    """The same without what is due only later."""
    drain()


def _seal(tenant_id: uuid.UUID, _by: ActingUser) -> None:
    """What a worker does when entries have waited long enough."""
    seal_due(tenant_id)


def _erase(erasure_id: uuid.UUID, by: ActingUser) -> None:
    """What workers do of an erasure once the lease of a dead one is over, and after its rest."""
    for _ in range(2):
        with system_scope("sweep"), connections["default"].cursor() as cursor:
            cursor.execute(
                "UPDATE ledger_erasure SET leased_until = NULL, due_at = ledger_now()"
                " WHERE id = %s",
                [erasure_id],
            )
        while erase_due(by.tenant_id, erasure_id):
            pass


def _due(source: str, id_: uuid.UUID, by: ActingUser) -> None:
    """What a worker does that is told of a due row."""
    dispatch_runner.work_row(source, by.tenant_id, id_)


def _fail(source: str, id_: uuid.UUID, by: ActingUser) -> None:
    """The same of one that meets trouble of our own once it has leased the row."""
    found = source_named(source)
    assert found is not None
    table = found.table

    def meets(tenant_id: uuid.UUID, row_id: uuid.UUID) -> bool:
        due = Due(tenant_id, row_id, new_token())
        with tenant_scope(tenant_id) if table.scope == "sweep" else system_scope(table.scope):
            if not table.take(due, _LEASE_SECONDS):
                return False
        raise Trouble("jq cannot be started")

    failing = dataclasses.replace(found, work=meets)
    with mock.patch.object(dispatch_runner, "source_named", return_value=failing):
        _due(source, id_, by)


def _execute(plan_id: uuid.UUID, by: ActingUser) -> None:
    """What an operator does who has seen a plan."""
    with tenant_scope(by.tenant_id):
        digest = plan(by.tenant_id, plan_id).digest
    execute(plan_id, call=Call(by, digest=digest))


SCENARIOS: dict[str, Scenario] = {
    "complete": lambda id_, by: actions.complete(id_, call=Call(by), outcome="PASSED"),
    "settle": lambda id_, by: actions.complete(id_, call=Call(by), outcome="REVERSED"),
    "compensate": lambda id_, by: actions.compensate(id_, call=Call(by), reason="Forged"),
    "approve": lambda id_, by: catalogue.find("approval", "approve")(id_, call=Call(by)),
    "agree": lambda id_, by: catalogue.find("compensation_request", "approve")(id_, call=Call(by)),
    "execute": _execute,
    "work": _work,
    "once": _once,
    "seal": _seal,
    "erase": _erase,
    **{f"due {each.name}": functools.partial(_due, each.name) for each in sources()},
    **{f"fail {each.name}": functools.partial(_fail, each.name) for each in sources()},
}


def _do(job: dict[str, str]) -> int:
    if job["point"]:
        failpoints.arm(job["point"])
    by = acting_as(job["username"])
    assert by is not None
    try:
        SCENARIOS[job["scenario"]](uuid.UUID(job["subject"]), by)
    except Conflict as refusal:
        return 0 if refusal.code in {"illegal_state", "run_live"} else 2
    return 0


def _forked(job: dict[str, str]) -> int:
    child = os.fork()
    if child == 0:
        code = 3
        try:
            code = _do(job)
        except BaseException:  # noqa: BLE001  -- whatever it was, the exit status says it
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            connections.close_all()
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def main() -> None:
    """Do job after job until standard input ends."""
    connections.close_all()
    for line in sys.stdin:
        print(_forked(json.loads(line)), flush=True)  # noqa: T201  -- the answer


if __name__ == "__main__":
    main()
