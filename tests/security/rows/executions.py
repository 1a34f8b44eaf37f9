"""Capabilities and executions: operators ask for one; whose it is decides about it."""

from __future__ import annotations

from typing import Any

from executions.actions import request_execution
from executions.actions.execution_opening import NewExecution, open_execution
from governance.actions.policy_verbs import add_policy
from governance.policies import in_force
from ledger.ids import new_id
from ledger.record import ActorRef
from ledger.tenancy import tenant_scope
from tests.security.matrix import Row, expect
from tests.world import World
from verbs.call import Call


def _pending(world: World) -> dict[str, object]:
    """An execution that the operator asked for and nobody has started."""
    row = request_execution(
        call=Call(world.operator), capability="demo.flaky", input={"fail_times": 0}
    )
    return {"id": row.id}


def _waiting(world: World, **given: Any) -> dict[str, object]:
    """An execution that the analyst asked for and an outside party owes."""
    system = world.system
    with tenant_scope(system.tenant_id):
        row = open_execution(
            NewExecution(
                tenant_id=system.tenant_id,
                capability="erp.book",
                input={},
                requested_by=world.analyst.actor_id,
                case_id=new_id(),
                **given,
            ),
            by=ActorRef(system.actor_id, system.actor_type, "system"),
        )
    return {"id": row.id}


def _with_agent(world: World) -> dict[str, object]:
    """Such an execution, given to the agent."""
    return _waiting(world, performer=world.agent.actor_id)


def _agreeing(world: World) -> dict[str, object]:
    """An execution that the operator asked for, and that approvers have to agree to."""
    said = {"name": "Agreement", "when": '.reason == "agree"', "effect": "require_approval"}
    with tenant_scope(world.system.tenant_id):
        known = in_force(world.system.tenant_id).filter(name=said["name"]).exists()
    if not known:
        add_policy(call=Call(world.admin), **said, priority=1, reason="R")
    row = request_execution(
        call=Call(world.operator), capability="demo.flaky", input={"fail_times": 0}, reason="agree"
    )
    return {"id": row.id}


_WHY = {"reason": "R"}
_OPERATORS: dict[str, Any] = {"operator": 200, "admin": 200}
_SHOWN = {"happened": "true", "evidence": "E"}

ROWS = {
    "executions-api:capabilities": Row(GET=expect(200)),
    "executions-api:list": Row(
        GET=expect(200),
        POST=expect(
            403,
            operator=201,
            admin=201,
            body={"capability": "demo.flaky", "input": {"fail_times": 0}},
        ),
    ),
    "executions-api:detail": Row(make=_pending, GET=expect(200)),
    "executions-api:history": Row(make=_pending, GET=expect(200)),
    "executions-api:cancel": Row(make=_pending, POST=expect(403, **_OPERATORS)),
    "executions-api:approve": Row(make=_agreeing, POST=expect(403, approver=200, admin=200)),
    "executions-api:reject": Row(
        make=_agreeing, POST=expect(403, approver=200, admin=200, body=_WHY)
    ),
    "executions-api:result": Row(
        make=_with_agent,
        POST=expect(403, analyst=200, agent=200, **_OPERATORS, body={"outcome": "succeeded"}),
    ),
    "executions-api:outcome": Row(
        make=_with_agent,
        POST=expect(403, **_OPERATORS, body={"happened": True, "evidence": "E"}),
    ),
    "executions:list": Row(GET=expect(200)),
    "executions:detail": Row(make=_pending, GET=expect(200)),
    "executions:cancel": Row(
        make=_pending, GET=expect(200), POST=expect(403, operator=303, admin=303)
    ),
    "executions:approve": Row(
        make=_agreeing, GET=expect(200), POST=expect(403, approver=303, admin=303)
    ),
    "executions:reject": Row(
        make=_agreeing, GET=expect(200), POST=expect(403, approver=303, admin=303, body=_WHY)
    ),
    "executions:outcome": Row(
        make=_waiting, POST=expect(403, operator=303, admin=303, body=_SHOWN)
    ),
}
