"""Cases, definitions, plans and runs: members read and open; operators and admins decide."""

from __future__ import annotations

import functools
import secrets
from collections.abc import Mapping
from typing import Any

from cases import actions
from compensation.actions.plan_execution import execute
from compensation.actions.run_verbs import pause as pause_run
from compensation.models import CompensationPlan
from executions.actions import request_execution
from tests import states
from tests.approvals import finished
from tests.casework import (
    CONTEXT,
    LOAN,
    REASON,
    deploy,
    finish,
    open_item,
    opened,
    plan_for,
    preview,
    undo,
)
from tests.definitions import definition, human
from tests.draining import drain
from tests.engine_news import stop_run
from tests.security.matrix import Row, expect
from tests.world import World
from verbs.call import Call
from workitems.actions import create_work_item, reject, start

_ENDS = {"success": ".a != null"}


def _definition(world: World) -> dict[str, object]:
    deploy(world, LOAN)
    return {"namespace": "examples", "name": "loan-approval", "version": "1.0.0"}


def _running(world: World) -> dict[str, Any]:
    """A case that waits for its first task."""
    deploy(world, definition("one", human("a"), **_ENDS))
    return {"id": opened(world, "tests/one")}


def _suspended(world: World) -> dict[str, object]:
    case = _running(world)
    actions.suspend_case(case["id"], call=Call(world.operator))
    return case


def _faulted(world: World) -> dict[str, object]:
    """A case whose first task was rejected."""
    case = _running(world)
    item = open_item(world.analyst, case["id"], "a")
    start(item.id, call=Call(world.analyst))
    reject(item.id, call=Call(world.analyst), reason="R")
    drain()
    return case


def _done(world: World) -> dict[str, Any]:
    """A completed case of one task."""
    case = _running(world)
    finish(world.analyst, case["id"], "a", None)
    return case


def _listening(world: World) -> dict[str, Any]:
    """A case that waits for a signal."""
    deploy(world, definition("listens", human("a", on={"signal": {"name": "go"}}), **_ENDS))
    return {"id": opened(world, "tests/listens")}


def _plan_row(world: World) -> CompensationPlan:
    return plan_for(world, _done(world)["id"])


def _plan(world: World) -> dict[str, object]:
    return {"id": _plan_row(world).id}


def _run(world: World) -> dict[str, object]:
    """A run whose one step waits for a person."""
    plan = _plan_row(world)
    run = execute(plan.id, call=Call(world.operator, digest=plan.digest))
    drain()
    return {"id": run.id}


def _paused(world: World) -> dict[str, object]:
    run = _run(world)
    pause_run(run["id"], call=Call(world.operator))
    return run


def _stopped(world: World) -> dict[str, Any]:
    """A rollback of a task without a case, which has stopped."""
    item = states.completed(world.analyst)
    plan = preview(("work_item", item.id), call=Call(world.operator), reason=REASON)
    run = execute(plan.id, call=Call(world.operator, digest=plan.digest))
    stop_run(world, run.id)
    return {"id": run.id}


def asking(world: World) -> dict[str, Any]:
    """A rollback that the operator asked for, and that an approver has to agree to."""
    item = finished(world)
    plan = preview(("work_item", item.id), call=Call(world.operator), reason=REASON)
    return {"id": execute(plan.id, call=Call(world.operator, digest=plan.digest)).id}


def _failed(world: World) -> dict[str, object]:
    """A run whose one step failed."""
    plan = _plan_row(world)
    run = execute(plan.id, call=Call(world.operator, digest=plan.digest))
    drain()
    undo(world.analyst, plan.subject_id, "CANNOT_REVERSE")
    return {"id": run.id, "n": 1}


def _item(world: World) -> dict[str, object]:
    return {"id": create_work_item(call=Call(world.operator), title="T").id}


def _execution(world: World) -> dict[str, object]:
    row = request_execution(
        call=Call(world.operator), capability="demo.flaky", input={"fail_times": 0}
    )
    return {"id": row.id}


def _source(_world: World, _kwargs: Mapping[str, object]) -> Mapping[str, object]:
    """A definition nobody deployed yet, so that each call may."""
    return definition(f"d-{secrets.token_hex(4)}", human("a"))


_WHY = {"reason": REASON}
# Reading changes nothing, so everybody may read the same one.
_READ = Row(make=functools.cache(_running), GET=expect(200))
ROWS = {
    "cases-api:definitions": Row(
        GET=expect(200), POST=expect(403, operator=201, admin=201, body=_source)
    ),
    "cases-api:validate": Row(POST=expect(200, body=_source)),
    "cases-api:schema": Row(GET=expect(200)),
    "cases-api:definition": Row(make=functools.cache(_definition), GET=expect(200)),
    "cases-api:graph": Row(make=functools.cache(_definition), GET=expect(200)),
    "cases-api:list": Row(
        GET=expect(200),
        # Of a definition that is not there: who may open it is told so.
        POST=expect(422, auditor=403, body={"definition": "no/such", "context": CONTEXT}),
    ),
    "cases-api:detail": _READ,
    "cases-api:plan-items": _READ,
    "cases-api:context": _READ,
    "cases-api:timeline": _READ,
    "cases-api:history": _READ,
    "cases-api:causal-chain": _READ,
    "cases-api:suspend": Row(make=_running, POST=expect(403, operator=200, admin=200)),
    "cases-api:resume": Row(make=_suspended, POST=expect(403, operator=200, admin=200)),
    "cases-api:retry": Row(make=_faulted, POST=expect(403, operator=200, admin=200)),
    "cases-api:cancel": Row(make=_running, POST=expect(403, operator=200, admin=200)),
    "cases-api:signals": Row(
        make=_listening, POST=expect(403, operator=200, admin=200, body={"name": "go"})
    ),
    "cases-api:close": Row(make=_done, POST=expect(403, operator=200, admin=200)),
    "cases-api:compensation-plan": Row(
        make=functools.cache(_done), POST=expect(403, operator=201, admin=201, body=_WHY)
    ),
    "compensation-api:work-item-plan": Row(
        make=functools.cache(_item), POST=expect(403, operator=201, admin=201, body=_WHY)
    ),
    "compensation-api:execution-plan": Row(
        make=functools.cache(_execution), POST=expect(403, operator=201, admin=201, body=_WHY)
    ),
    "compensation-api:plan": Row(make=functools.cache(_plan), GET=expect(200)),
    # Without digest and key an operator is asked for them; nobody else gets that far.
    "compensation-api:execute": Row(
        make=functools.cache(_plan), POST=expect(403, operator=428, admin=428)
    ),
    "compensation-api:runs": Row(GET=expect(200)),
    "compensation-api:run": Row(make=functools.cache(_run), GET=expect(200)),
    "compensation-api:run-approve": Row(make=asking, POST=expect(403, approver=200, admin=200)),
    "compensation-api:run-reject": Row(
        make=asking, POST=expect(403, approver=200, admin=200, body=_WHY)
    ),
    "compensation-api:run-cancel": Row(make=asking, POST=expect(403, operator=200, admin=200)),
    "compensation-api:run-pause": Row(make=_run, POST=expect(403, operator=200, admin=200)),
    "compensation-api:run-resume": Row(make=_paused, POST=expect(403, operator=200, admin=200)),
    "compensation-api:run-retry": Row(make=_stopped, POST=expect(403, operator=200, admin=200)),
    "compensation-api:step-retry": Row(make=_failed, POST=expect(403, operator=200, admin=200)),
    "compensation-api:step-reassign": Row(
        make=_failed,
        POST=expect(403, operator=200, admin=200, body={"candidate_groups": ["compliance"]}),
    ),
    "compensation-api:step-hand-to-human": Row(
        make=_failed, POST=expect(403, operator=200, admin=200)
    ),
    "compensation-api:step-attest": Row(
        make=_failed, POST=expect(403, operator=200, admin=200, body={"evidence": "A letter"})
    ),
    "compensation-api:step-abandon": Row(
        make=_failed, POST=expect(403, operator=200, admin=200, body=_WHY)
    ),
}
