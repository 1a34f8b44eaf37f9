"""Pages of cases, definitions, plans and rollbacks: members read, operators change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cases import actions
from executions.actions import request_execution
from ledger.tenancy import tenant_scope
from tests.casework import LOAN, work
from tests.draining import drain
from tests.security.matrix import Kwargs, Row, expect
from tests.world import World
from workitems import actions as items
from workitems.actions.creating import Wanted
from workitems.models import WorkItem

CONTEXT = {"applicant": None, "amount": 1}
DIGEST = "0" * 64
REASON = {"reason": "It was wrong"}


def case(world: World) -> Kwargs:
    """Open a case that fires nothing."""
    actions.deploy_definition(LOAN, acting_user=world.operator)
    opened = actions.open_case(
        "examples/loan-approval", context=CONTEXT, acting_user=world.operator
    )
    return {"id": opened.id}


def suspended(world: World) -> Kwargs:
    """Put such a case on hold."""
    made = case(world)
    actions.suspend_case(made["id"], acting_user=world.operator)
    return made


def faulted(world: World) -> Kwargs:
    """Cancel such a case, so that it may be closed."""
    made = case(world)
    actions.cancel_case(made["id"], acting_user=world.operator)
    return made


def definition(world: World) -> Kwargs:
    """Deploy the loan."""
    row = actions.deploy_definition(LOAN, acting_user=world.operator)
    return {"namespace": row.namespace, "name": row.name, "version": row.version}


def finished(world: World) -> Kwargs:
    """Complete a task without a case."""
    item = items.create_work_item(Wanted(title="Sign"), acting_user=world.operator)
    items.start(item.id, acting_user=world.analyst)
    items.complete(item.id, outcome=None, resolution=None, acting_user=world.analyst)
    return {"id": item.id}


def plan(world: World) -> Kwargs:
    """Preview the undo of a finished task."""
    made = actions.preview(
        ("work_item", finished(world)["id"]), reason="Wrong", acting_user=world.operator
    )
    return {"id": made.id}


def case_plan(world: World) -> Kwargs:
    """Preview the rollback of a case."""
    made = actions.preview(("case", case(world)["id"]), reason="Wrong", acting_user=world.operator)
    return {"id": made.id}


def run(world: World) -> Kwargs:
    """Start a rollback of one task."""
    made = actions.preview(
        ("work_item", finished(world)["id"]), reason="Wrong", acting_user=world.operator
    )
    started = actions.execute(made.id, digest=made.digest, acting_user=world.operator)
    return {"id": started.id}


def paused(world: World) -> Kwargs:
    """Pause such a rollback."""
    made = run(world)
    actions.pause_run(made["id"], acting_user=world.operator)
    return made


def failed(world: World) -> Kwargs:
    """Return the one step of such a rollback, which its person could not undo."""
    made = run(world)
    drain()
    with tenant_scope(world.operator.tenant_id):
        task = WorkItem.objects.get(run_id=made["id"])
    work(world.analyst, task.id, "CANNOT_REVERSE")
    drain()
    return {**made, "n": 1}


def executed(world: World) -> Kwargs:
    """Ask for an execution that no worker has started."""
    row = request_execution(
        capability="demo.flaky", input={"fail_times": 0}, acting_user=world.analyst
    )
    return {"id": row.id}


def digest_of(_world: World, _kwargs: Kwargs) -> Mapping[str, Any]:
    """Send a digest that is not the plan's."""
    return {"digest": DIGEST}


# Members whose role may not enter the admin, and auditors, who look but do not undo.
ADMIN_PAGE = expect(403, anonymous=302, operator=302, admin=302, outsider=302)

ROWS = {
    # Nothing chosen, so back to the list.
    "admin:cases_case_roll_back": Row(GET=ADMIN_PAGE, POST=ADMIN_PAGE),
    "admin:workitems_workitem_compensate": Row(GET=ADMIN_PAGE, POST=ADMIN_PAGE),
    "cases:list": Row(GET=expect(200)),
    "cases:start": Row(GET=expect(200), POST=expect(422)),
    "cases:definitions": Row(GET=expect(200), POST=expect(422)),
    "cases:definition": Row(make=definition, GET=expect(200)),
    "cases:detail": Row(make=case, GET=expect(200)),
    "cases:suspend": Row(make=case, POST=expect(403, operator=303, admin=303)),
    "cases:resume": Row(make=suspended, POST=expect(403, operator=303, admin=303)),
    "cases:cancel": Row(
        make=case,
        GET=expect(403, operator=200, admin=200),
        POST=expect(403, operator=303, admin=303),
    ),
    "cases:close": Row(
        make=faulted,
        GET=expect(403, operator=200, admin=200),
        POST=expect(403, operator=303, admin=303),
    ),
    "cases:chain": Row(make=case, GET=expect(200)),
    "cases:chain-svg": Row(make=case, GET=expect(200)),
    "cases:chain-dot": Row(make=case, GET=expect(200)),
    "cases:rollback": Row(
        make=case,
        GET=expect(403, operator=200, admin=200),
        POST=expect(403, operator=303, admin=303, body={**REASON, "scope": "whole"}),
    ),
    "cases:rollback-execution": Row(
        make=executed,
        GET=expect(403, operator=200, admin=200),
        POST=expect(403, operator=303, admin=303, body=REASON),
    ),
    "cases:rollback-work-item": Row(
        make=finished,
        GET=expect(403, operator=200, admin=200),
        POST=expect(403, operator=303, admin=303, body=REASON),
    ),
    "cases:plan": Row(make=plan, GET=expect(200)),
    "cases:plan-scope": Row(
        make=case_plan, POST=expect(403, operator=303, admin=303, body={"scope": "whole"})
    ),
    "cases:plan-execute": Row(make=plan, POST=expect(403, operator=412, admin=412, body=digest_of)),
    "cases:runs": Row(GET=expect(200)),
    "cases:run": Row(make=run, GET=expect(200)),
    "cases:run-pause": Row(make=run, POST=expect(403, operator=303, admin=303)),
    "cases:run-resume": Row(make=paused, POST=expect(403, operator=303, admin=303)),
    "cases:run-step": Row(make=failed, GET=expect(200)),
    "cases:run-step-retry": Row(make=failed, POST=expect(403, operator=303, admin=303)),
    "cases:run-step-reassign": Row(
        make=failed,
        POST=expect(403, operator=303, admin=303, body={"candidate_groups": "compliance"}),
    ),
    "cases:run-step-hand-to-human": Row(make=failed, POST=expect(403, operator=303, admin=303)),
    "cases:run-step-attest": Row(
        make=failed, POST=expect(403, operator=303, admin=303, body={"evidence": "I saw it"})
    ),
    "cases:run-step-abandon": Row(
        make=failed, POST=expect(403, operator=303, admin=303, body={"reason": "It may stay"})
    ),
}
