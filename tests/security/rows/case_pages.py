"""Pages of cases, definitions, plans and rollbacks: members read, operators change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cases import actions
from compensation.actions.plan_execution import execute
from compensation.actions.run_verbs import pause as pause_run
from executions.actions import request_execution
from ledger.tenancy import tenant_scope
from tests.casework import LOAN, deploy, opened, preview
from tests.definitions import automated
from tests.definitions import definition as definition_of
from tests.draining import drain
from tests.engine_news import stop_run
from tests.security.matrix import Kwargs, Row, expect
from tests.security.rows.cases import asking
from tests.states import work
from tests.world import World
from verbs.call import Call
from workitems import actions as items
from workitems.models import WorkItem

CONTEXT = {"applicant": "R. Vega", "amount": 1}
DIGEST = "0" * 64
REASON = {"reason": "It was wrong"}


def case(world: World) -> Kwargs:
    """Open a case that fires nothing."""
    actions.deploy_definition(call=Call(world.operator), source=LOAN)
    opened = actions.open_case(
        call=Call(world.operator), definition="examples/loan-approval", context=CONTEXT
    )
    return {"id": opened.id}


def suspended(world: World) -> Kwargs:
    """Put such a case on hold."""
    made = case(world)
    actions.suspend_case(made["id"], call=Call(world.operator))
    return made


def faulted(world: World) -> Kwargs:
    """Cancel such a case, so that it may be closed."""
    made = case(world)
    actions.cancel_case(made["id"], call=Call(world.operator))
    return made


def stuck(world: World) -> Kwargs:
    """Open a case whose only step fails."""
    deploy(world, definition_of("fails", automated("no", "demo.fail", "true", "{}")))
    case_id = opened(world, "tests/fails")
    drain(fast_forward=True)
    return {"id": case_id}


def definition(world: World) -> Kwargs:
    """Deploy the loan."""
    row = actions.deploy_definition(call=Call(world.operator), source=LOAN)
    return {"namespace": row.namespace, "name": row.name, "version": row.version}


def finished(world: World) -> Kwargs:
    """Complete a task without a case."""
    item = items.create_work_item(call=Call(world.operator), title="Sign")
    items.start(item.id, call=Call(world.analyst))
    items.complete(item.id, call=Call(world.analyst), outcome=None, resolution=None)
    return {"id": item.id}


def plan(world: World) -> Kwargs:
    """Preview the undo of a finished task."""
    made = preview(("work_item", finished(world)["id"]), call=Call(world.operator), reason="Wrong")
    return {"id": made.id}


def case_plan(world: World) -> Kwargs:
    """Preview the rollback of a case."""
    made = preview(("case", case(world)["id"]), call=Call(world.operator), reason="Wrong")
    return {"id": made.id}


def run(world: World) -> Kwargs:
    """Start a rollback of one task."""
    made = preview(("work_item", finished(world)["id"]), call=Call(world.operator), reason="Wrong")
    started = execute(made.id, call=Call(world.operator, digest=made.digest))
    return {"id": started.id}


def paused(world: World) -> Kwargs:
    """Pause such a rollback."""
    made = run(world)
    pause_run(made["id"], call=Call(world.operator))
    return made


def stopped(world: World) -> Kwargs:
    """Begin such a rollback, which stops at once."""
    made = run(world)
    stop_run(world, made["id"])
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
        call=Call(world.operator), capability="demo.flaky", input={"fail_times": 0}
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
    "cases:retry": Row(make=stuck, POST=expect(403, operator=303, admin=303)),
    "cases:cancel": Row(
        make=case,
        GET=expect(403, operator=200, admin=200),
        POST=expect(403, operator=303, admin=303),
    ),
    # It hears none: whatever is sent is none of those that are offered.
    "cases:signal": Row(
        make=case,
        GET=expect(403, operator=200, admin=200),
        POST=expect(403, operator=422, admin=422),
    ),
    "cases:close": Row(
        make=faulted,
        GET=expect(403, operator=200, admin=200),
        POST=expect(403, operator=303, admin=303),
    ),
    "cases:chain": Row(make=case, GET=expect(200)),
    "cases:chain-svg": Row(make=case, GET=expect(200)),
    "cases:chain-dot": Row(make=case, GET=expect(200)),
    "compensation:rollback-case": Row(
        make=case,
        GET=expect(403, operator=200, admin=200),
        POST=expect(403, operator=303, admin=303, body={**REASON, "scope": "whole"}),
    ),
    "compensation:rollback-execution": Row(
        make=executed,
        GET=expect(403, operator=200, admin=200),
        POST=expect(403, operator=303, admin=303, body=REASON),
    ),
    "compensation:rollback-work-item": Row(
        make=finished,
        GET=expect(403, operator=200, admin=200),
        POST=expect(403, operator=303, admin=303, body=REASON),
    ),
    "compensation:plan": Row(make=plan, GET=expect(200)),
    "compensation:plan-scope": Row(
        make=case_plan, POST=expect(403, operator=303, admin=303, body={"scope": "whole"})
    ),
    # Nothing is left out of this plan, of which anything could be said.
    "compensation:plan-words": Row(
        make=case_plan,
        POST=expect(403, operator=422, admin=422, body={"word": "waive:a", "why": "It may"}),
    ),
    "compensation:plan-execute": Row(
        make=plan, POST=expect(403, operator=412, admin=412, body=digest_of)
    ),
    "compensation:runs": Row(GET=expect(200)),
    "compensation:run": Row(make=run, GET=expect(200)),
    "compensation:run-approve": Row(
        make=asking, GET=expect(200), POST=expect(403, approver=303, admin=303)
    ),
    "compensation:run-reject": Row(
        make=asking, GET=expect(200), POST=expect(403, approver=303, admin=303, body=REASON)
    ),
    "compensation:run-cancel": Row(
        make=asking, GET=expect(200), POST=expect(403, operator=303, admin=303)
    ),
    "compensation:run-pause": Row(make=run, POST=expect(403, operator=303, admin=303)),
    "compensation:run-resume": Row(make=paused, POST=expect(403, operator=303, admin=303)),
    "compensation:run-retry": Row(make=stopped, POST=expect(403, operator=303, admin=303)),
    "compensation:run-step": Row(make=failed, GET=expect(200)),
    "compensation:run-step-retry": Row(make=failed, POST=expect(403, operator=303, admin=303)),
    "compensation:run-step-reassign": Row(
        make=failed,
        POST=expect(403, operator=303, admin=303, body={"candidate_groups": "compliance"}),
    ),
    "compensation:run-step-hand-to-human": Row(
        make=failed, POST=expect(403, operator=303, admin=303)
    ),
    "compensation:run-step-attest": Row(
        make=failed, POST=expect(403, operator=303, admin=303, body={"evidence": "I saw it"})
    ),
    "compensation:run-step-abandon": Row(
        make=failed, POST=expect(403, operator=303, admin=303, body={"reason": "It may stay"})
    ),
}
