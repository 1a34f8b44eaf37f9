"""A rollback that nobody executes by hand, killed while it begins: by the fault of a case, and by
the last word of who agrees to it. It begins once."""

from __future__ import annotations

import signal
import uuid
from typing import Any

from compensation.models import CompensationRun
from compensation.selectors import runs_in
from governance.models import Approval
from ledger.tenancy import tenant_scope
from tests.casework import case_row, deploy, finish, open_undo, opened, plan_for, undo
from tests.definitions import definition, human
from tests.faults.kills import Runner
from tests.faults.test_failpoints import AFTER_COMMIT, PATHS
from tests.integration.test_governed_executions import policy
from tests.integration.test_governed_runs import ROLL_BACK
from tests.integration.test_undone_on_fault import failed, in_order, says
from tests.states import actions_of
from tests.verifying import verify
from tests.world import World


def stands(world: World, case_id: uuid.UUID) -> Any:
    """Return how a case and its rollbacks stand, without ids and times."""
    with tenant_scope(world.operator.tenant_id):
        runs = list(runs_in(world.operator.tenant_id, case_id))
    return (
        str(case_row(world, case_id).status),
        [(str(run.status), str(run.trigger), run.version) for run in runs],
        [actions_of(world, "compensation_run", run.id) for run in runs],
        actions_of(world, "case", case_id),
    )


def test_a_fault_killed_anywhere_begins_its_rollback_once(world: World, runner: Runner) -> None:
    deploy(world, says(in_order()))
    by = world.operator

    def about_to_fail() -> uuid.UUID:
        case_id = opened(world, "tests/failing")
        failed(world, case_id)
        return case_id

    smooth = about_to_fail()
    assert runner.do("work", smooth, by) == 0
    wanted = stands(world, smooth)
    assert (wanted[0], [run[:2] for run in wanted[1]]) == (
        "COMPENSATING", [("RUNNING", "fault")],
    )  # fmt: skip
    for point in PATHS["begin"]:
        case_id = about_to_fail()
        assert runner.do("work", case_id, by, point=point) == -signal.SIGKILL, point
        assert runner.do("work", case_id, by) == 0, point
        assert stands(world, case_id) == wanted, point
        for name in "ba":
            assert open_undo(world.analyst, case_id).title.endswith(name), point
            undo(world.analyst, case_id)
        assert case_row(world, case_id).status == "COMPENSATED", point
    verify()


def test_the_last_word_killed_anywhere_begins_its_rollback_once_or_not_at_all(
    world: World, runner: Runner
) -> None:
    policy(world, "require_approval", ROLL_BACK, approvers=[{"roles": ["approver"]}])
    deploy(world, definition("one", human("a"), success=".a"))

    def asked_for() -> tuple[uuid.UUID, uuid.UUID]:
        case_id = opened(world, "tests/one")
        finish(world.analyst, case_id, "a", "OK")
        plan = plan_for(world, case_id)
        assert runner.do("execute", plan.id, world.operator) == 0
        with tenant_scope(world.operator.tenant_id):
            run = CompensationRun.objects.get(plan_id=plan.id)
            return case_id, Approval.objects.get(about_id=run.id).id

    smooth, approval = asked_for()
    untouched = stands(world, smooth)
    assert (untouched[0], [run[0] for run in untouched[1]]) == ("COMPLETED", ["PENDING_APPROVAL"])
    assert runner.do("approve", approval, world.approver) == 0
    wanted = stands(world, smooth)
    assert (wanted[0], [run[0] for run in wanted[1]]) == ("COMPENSATING", ["RUNNING"])
    for point in PATHS["grant"]:
        case_id, approval = asked_for()
        assert runner.do("approve", approval, world.approver, point=point) == -signal.SIGKILL, point
        now = wanted if point in AFTER_COMMIT else untouched
        assert stands(world, case_id) == now, point
        assert runner.do("approve", approval, world.approver) == 0, point
        assert stands(world, case_id) == wanted, point
    verify()
