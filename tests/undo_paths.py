"""Every way in which something is taken back, each gone to its end: what tests look at it from
different sides begin with."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Mapping

from accounts.acting import ActingUser
from compensation.actions.plan_execution import execute
from config.demo.transfers import open_accounts
from executions.actions import request_execution
from tests import states
from tests.batching import FAILS, asked, calls_now, transfer
from tests.casework import BASIS, deploy, finish, opened, preview, roll_back, undo
from tests.definitions import definition, human
from tests.draining import drain
from tests.world import World
from verbs.call import Call
from workitems.actions import abandon, attest

REASON = "The credit check was forged"
EVIDENCE = "Letter of 3 March, file 118"
LEFT = "The customer has moved abroad"


@dataclasses.dataclass(frozen=True, slots=True)
class Path:
    """A finished piece whose undo has ended: who did the piece, who ended its undo and how that is
    recorded, in which mode, and whether it is undone."""

    original: tuple[str, uuid.UUID]
    did: ActingUser
    ended_by: ActingUser
    action: str
    mode: str
    undone: bool = True
    why: str = REASON


def _undoing(world: World) -> tuple[uuid.UUID, uuid.UUID]:
    """A finished task whose undo, as asked for by the operator, failed."""
    item = states.completed(world.analyst)
    begun = states.compensate(
        item, world.operator, reason=REASON, regulatory_basis=BASIS,
        assignee=world.compliance.username,
    )  # fmt: skip
    return item.id, begun.attempt.compensation_id


def by_a_person(world: World) -> Path:
    """A person reverses what another did."""
    item_id, task_id = _undoing(world)
    states.undo(task_id, world.compliance)
    return Path(
        ("work_item", item_id), world.analyst, world.compliance, "compensation_completed", "human"
    )


def by_a_program(world: World) -> Path:
    """A transfer is paid back by its own rollback."""
    open_accounts(world.operator.tenant_id)
    given = transfer(5)
    made = request_execution(call=Call(world.operator), **given)
    drain(fast_forward=True)
    _run(world, ("execution", made.id))
    return Path(
        ("execution", made.id), world.system, world.system, "compensation_completed", "automated"
    )


def _run(world: World, subject: tuple[str, uuid.UUID]) -> None:
    plan = preview(subject, call=Call(world.operator), reason=REASON, regulatory_basis=BASIS)
    execute(plan.id, call=Call(world.operator, digest=plan.digest))
    drain(fast_forward=True)


def vouched_for(world: World) -> Path:
    """The undo failed, and somebody says that it happened all the same."""
    item_id, task_id = _undoing(world)
    states.undo(task_id, world.compliance, "CANNOT_REVERSE")
    attest(item_id, call=Call(world.operator), evidence=EVIDENCE)
    return Path(
        ("work_item", item_id), world.analyst, world.operator, "compensation_attested", "human"
    )


def given_up(world: World) -> Path:
    """The undo failed, and somebody lets the effect stand."""
    item_id, task_id = _undoing(world)
    states.undo(task_id, world.compliance, "CANNOT_REVERSE")
    abandon(item_id, call=Call(world.operator), reason=LEFT)
    return Path(
        ("work_item", item_id), world.analyst, world.operator, "compensation_abandoned", "human",
        undone=False, why=LEFT,
    )  # fmt: skip


def in_a_case(world: World) -> Path:
    """A case is rolled back."""
    deploy(world, definition("one", human("a"), success=".a != null"))
    case_id = opened(world, "tests/one")
    item_id = finish(world.analyst, case_id, "a", None)
    roll_back(world, case_id)
    undo(world.analyst, case_id)
    return Path(
        ("work_item", item_id), world.analyst, world.analyst, "compensation_completed", "human"
    )


def in_a_batch(world: World) -> Path:
    """A batch that stopped half-way is rolled back."""
    open_accounts(world.operator.tenant_id)
    batch = asked(world, transfer(5), FAILS)
    drain(fast_forward=True)
    _run(world, ("batch", batch.id))
    first = calls_now(world, batch.id)[0]
    return Path(
        ("execution", first.id), world.system, world.system, "compensation_completed", "automated"
    )


PATHS: Mapping[str, Callable[[World], Path]] = {
    made.__name__: made
    for made in (by_a_person, by_a_program, vouched_for, given_up, in_a_case, in_a_batch)
}
