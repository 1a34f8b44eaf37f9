"""Every statement of a verb, a handler, an attempt or a page names the tenant it is about.

The policy of row-level security names it too, but only while the statement runs. What the
application's role sends is looked at here, as text, while a long story is told; the roles of the
scopes that look across tenants may not name one. `EXCEPT` is all that does not, each with its why.
"""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from django.db import connection

from accounts.acting import ActingUser
from cases import actions as cases
from compensation.actions.run_verbs import pause, resume
from compensation.actions.step_verbs import (
    abandon_step,
    hand_step_to_human,
    reassign_step,
    retry_step,
)
from executions.actions import cancel_execution, record_result, request_execution
from people import actions as people
from people.token_verbs import make_token, revoke_token
from tests import states
from tests.architecture.test_catalogue import tenant_tables
from tests.casework import (
    UNDO_STEPS,
    approved_loan,
    deploy,
    finish,
    open_item,
    open_undo,
    opened,
    plan_items,
    roll_back,
    run_row,
    steps,
    undo,
)
from tests.clients import api
from tests.definitions import automated, definition, human
from tests.draining import drain
from tests.integration import test_points_of_no_return_late as late
from tests.subcases import below, child
from tests.tenant_naming import unnamed_in
from tests.world import CAST, World
from verbs.call import Call
from workitems import actions as items

#: What need not name the tenant, and why.
EXCEPT: dict[str, str] = {
    r"^WITH (w0|entry) AS \((UPDATE|INSERT) ": (
        "writes rows that this transaction has read or locked, each by its primary key"
    ),
    r'^UPDATE "\w+" SET .* WHERE "\w+"\."id" = %s$': (
        "saves one row that this transaction has read or locked, by its primary key"
    ),
    r"^(WITH done AS \( )?UPDATE ledger_outboxtask .*(lease_token = %|WHERE id = )": (
        "ends tasks that this worker has leased, by their keys, all of the lane it has taken"
    ),
    r'FROM "workitems_candidate\w+" WHERE "workitems_candidate\w+"\."work_item_id" = %s$': (
        "the candidates of one item that is locked, by the item's key"
    ),
}
ROOT = Path(__file__).resolve().parents[2]
_ROLE = "SELECT current_setting('role')"


def _is_ours() -> bool:
    """Whether what sends a statement is no test, by the nearest file that is ours."""
    frame: FrameType | None = sys._getframe(2)  # noqa: SLF001  -- documented, if not for every Python
    while frame is not None:
        file = Path(frame.f_code.co_filename)
        if file.is_relative_to(ROOT) and "site-packages" not in file.parts:
            return not file.is_relative_to(ROOT / "tests")
        frame = frame.f_back
    return False


@contextlib.contextmanager
def watched() -> Iterator[dict[str, str]]:
    """Gather the statements of the application's role that are about a tenant's table and do not
    name the tenant, each with that table."""
    found: dict[str, str] = {}
    tables = tenant_tables()

    def look(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001  -- as Django calls it
        said = " ".join(str(sql).split())
        for part in unnamed_in(said, tables) if said not in found and _is_ours() else ():
            role = context["connection"].connection.execute(_ROLE).fetchone()[0]
            if role == "none":
                found[said] = part
        return execute(sql, params, many, context)

    with connection.execute_wrapper(look):
        yield found


def loan(world: World) -> None:
    """Approve the example's loan and roll it back."""
    case_id = approved_loan(world)
    run = roll_back(world, case_id)
    for who, _binding in UNDO_STEPS:
        undo(world.of(who), case_id)
    assert run_row(world, run.id).status == "COMPLETED"


def rollback(world: World) -> None:
    """Roll a case back, with every decision about a step that failed."""
    call = Call(world.operator)
    deploy(world, definition("rolled", human("a"), human("b")))
    case_id = opened(world, "tests/rolled")
    for name in ("a", "b"):
        finish(world.analyst, case_id, name, "DONE")
    run = roll_back(world, case_id)
    pause(run.id, call=call, reason="Lunch")
    resume(run.id, call=call)
    decisions: list[Callable[[int], object]] = [
        lambda n: retry_step(run.id, n, call=call),
        lambda n: hand_step_to_human(run.id, n, call=call, assignee=world.analyst.username),
        lambda n: reassign_step(run.id, n, call=call, assignee=world.underwriter.username),
        lambda n: abandon_step(run.id, n, call=call, reason="Enough"),
    ]
    for decide in decisions:
        who = states.stored(world, open_undo(world.operator, case_id).id).assignee_id
        undo(next(each for each in _cast(world) if each.actor_id == who), case_id, "CANNOT_REVERSE")
        decide(next(step.n for step in steps(world, run.id) if step.status == "FAILED"))
        drain()
    undo(world.analyst, case_id)
    assert run_row(world, run.id).status == "PARTIAL"


def _cast(world: World) -> list[ActingUser]:
    return [world.of(name) for name in CAST]


def undone_by_bindings(world: World) -> None:
    """Undo one step by itself and the rest by a run that waits for a late result."""
    undone = {"title": "Undo", "inputMapping": "{why: .reason}", "outputMapping": "{gone: true}"}
    late = automated("late", "erp.late", "true", "{n: 1}", compensation={"mode": "human"})
    deploy(
        world,
        definition(
            "told", human("a", compensation=None, compensate="una"), human("b"), human("c"), late,
            {"name": "una", "compensation": True, "humanTask": undone},
        ),
    )  # fmt: skip
    case_id = opened(world, "tests/told")
    for name in ("a", "b"):
        finish(world.analyst, case_id, name, "DONE")
    item = plan_items(world, case_id)["a"].work[1]
    items.compensate(item, call=Call(world.operator), reason="forged")
    undo(world.analyst, case_id)
    cases.suspend_case(case_id, call=Call(world.operator), reason="Stop")
    cases.resume_case(case_id, call=Call(world.operator))
    roll_back(world, case_id)
    owed = plan_items(world, case_id)["late"].work[1]
    record_result(owed, call=Call(world.operator), outcome="succeeded", output={"n": 1})
    drain()
    undo(world.operator, case_id)
    undo(world.analyst, case_id)


def failing_case(world: World) -> None:
    """Let a case fail, try it again, and cancel it."""
    deploy(world, definition("fails", human("a"), human("b")))
    case_id = opened(world, "tests/fails")
    task = open_item(world.analyst, case_id, "a").id
    items.start(task, call=Call(world.analyst))
    items.reject(task, call=Call(world.analyst), reason="No")
    drain()
    cases.retry_case(case_id, call=Call(world.operator))
    drain()
    cases.cancel_case(case_id, call=Call(world.operator), reason="Enough")
    drain()


def loose_work(world: World) -> None:
    """Do and undo what belongs to no case: items by each verb, executions that work and fail."""
    by = Call(world.operator)
    item = states.new_item(world.operator, candidate_users=[world.analyst.username])
    items.assign(item.id, call=by, assignee=world.analyst.username)
    items.release(item.id, call=Call(world.analyst))
    items.claim(item.id, call=Call(world.analyst))
    items.edit(item.id, call=by, title="Other")
    states.work(world.analyst, item.id, "PASSED")
    items.compensate(item.id, call=by, reason="forged", assignee=world.surveyor.username)
    items.withdraw(item.id, call=by, reason="Not so")
    faulted = states.faulted(world.operator).original
    items.abandon(faulted.id, call=by, reason="Enough")
    for capability, given in (("demo.flaky", {"fail_times": 1}), ("demo.fail", {})):
        request_execution(call=by, capability=capability, input=given)
    drain(fast_forward=True)
    cancelled = request_execution(call=by, capability="demo.slow", input={"seconds": 0})
    cancel_execution(cancelled.id, call=by)
    drain()


def members(world: World) -> None:
    """Change who is here and what they may do, and make and end a token."""
    by = Call(world.admin)
    people.change_roles(world.bystander.membership_id, call=by, roles=["operator"])
    people.change_groups(world.bystander.membership_id, call=by, join=["analysts"], leave=[])
    people.deactivate(world.bystander.membership_id, call=by)
    people.reactivate(world.bystander.membership_id, call=by)
    made = make_token(call=Call(world.agent), name="t")
    revoke_token(made.row.public_id, call=Call(world.agent))


def below_a_case(world: World) -> None:
    """Roll back a case below one that has passed a point of no return since, and have a case undo
    itself while a program is under way in the one below."""
    deploy(world, definition("low", human("x"), success=".x != null"))
    after = human("p", ".low != null and .p == null", reversibility="pivot")
    deploy(world, definition("top", below("low", "low"), after, human("last", ".p != null")))
    top = opened(world, "tests/top")
    finish(world.analyst, child(world, top).id, "x", "OK")
    finish(world.analyst, top, "p", "OK")
    assert roll_back(world, child(world, top).id).status == "PENDING_APPROVAL"
    deploy(world, definition("inner", late.PAY))
    deploy(world, definition("outer", human("a"), below("inner", "inner"), late.BACK))
    outer = opened(world, "tests/outer")
    finish(world.analyst, outer, "a", "BAD")
    inner = child(world, outer).id
    late.report(world, inner, "pay")
    assert plan_items(world, inner)["pay"].compensation_state == "COMPENSATING"


def over_the_api(world: World) -> None:
    """Call, call again with the same key, be refused, and have a plan made and executed."""
    item = states.completed(world.operator)
    client, url = api(world.operator), f"/api/v1/work-items/{item.id}"
    for _ in range(2):
        client.post(f"{url}/compensation-plans", {"reason": "r"}, content_type="application/json")
        client.post(
            f"{url}/compensate", {"reason": "forged"}, content_type="application/json",
            headers={"Idempotency-Key": "once"},
        )  # fmt: skip
    client.post(f"{url}/complete", {}, content_type="application/json")
    drain()


@pytest.mark.parametrize(
    "told",
    [
        loan, rollback, undone_by_bindings, failing_case, loose_work, members, over_the_api,
        below_a_case,
    ],
    ids=[
        "loan", "rollback", "bindings", "failing_case", "loose_work", "members", "over_the_api",
        "below_a_case",
    ],
)  # fmt: skip
def test_every_statement_names_its_tenant(world: World, told: Callable[[World], None]) -> None:
    with watched() as found:
        told(world)
    left = [
        part for said, part in found.items() if not any(re.search(each, said) for each in EXCEPT)
    ]
    assert left == [], "\n".join(left)


def test_the_statements_are_read_as_they_are_meant() -> None:
    tables = {"t", "u", "accounts_tenant"}
    for named in (
        """SELECT "t"."id" FROM "t" WHERE ("t"."tenant_id" = 'x'::uuid AND "t"."a")""",
        """SELECT m.id FROM t m WHERE m.tenant_id = 'x' AND m.id = 'y'""",
        """SELECT 1 FROM "other" WHERE true""",
        """UPDATE t SET a = 1 WHERE tenant_id = %s AND id = %s""",
        """UPDATE t SET a = now() WHERE tenant_id = %s AND id = %s""",
    ):
        assert list(unnamed_in(named, tables)) == []
    inner = """SELECT 1 FROM "t" WHERE "t"."tenant_id" = 'x' AND EXISTS(SELECT 1 FROM "u" U0)"""
    assert list(unnamed_in(inner, tables)) == [f"u in {inner}"]
    for unnamed in (
        """SELECT "t"."id" FROM "t" WHERE "t"."id" = 1""",
        """UPDATE "t" SET "a" = 1 WHERE "t"."id" = 1""",
        """DELETE FROM "t" WHERE "t"."id" = 1""",
        """SELECT r.id FROM t r, LATERAL (SELECT * FROM u WHERE tenant_id = r.tenant_id) h""",
    ):
        assert len(list(unnamed_in(unnamed, tables))) == 1
