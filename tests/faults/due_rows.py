"""A row of each source, due now, and how often its work has been done: for tests that kill workers.

What is prepared is due and leased by nobody, whatever was prepared of the same tenant before it.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from collections.abc import Callable

from django.db import connection, transaction

from accounts.acting import authority_of, system_of
from audit.actions.erasing_people import request
from audit.actions.keeping_payloads import set_policy
from audit.actions.watching import TROUBLE_FOUND
from audit.models import LedgerWatch
from cases.arrival_tables import EventRound
from cases.models import MissedNewsCheck
from compensation.check_tables import UndoCheck
from config.demo.transfers import open_accounts, transfers
from events.actions import receive_event
from executions.actions import request_execution
from executions.models import Execution
from ledger.clock import now
from ledger.dispatch import hints
from ledger.dispatch.hints import LaneWork
from ledger.dispatch.runner import do, find_due
from ledger.erasure.erasure_tables import Erasure, Retention
from ledger.erasure.retention import RETENTIONS
from ledger.models import LedgerTree, LedgerVerification, OutboxTask, TreeWitness
from ledger.tenancy import set_tenant, system_scope, tenant_scope
from ledger.tree.anchoring import TREES
from notifications.models import Delivery
from tests import states
from tests.approvals import asked, due_now
from tests.approvals import history as history_of_approval
from tests.casework import deploy, open_item, opened
from tests.definitions import definition, human
from tests.draining import drain
from tests.erasing import one_more
from tests.integration import test_deadlines as deadlines
from tests.integration import test_events_start_steps as inbound
from tests.integration import test_missed_news as missed
from tests.integration import test_schedules as schedules
from tests.integration.test_milestones import SLA, late
from tests.integration.test_notifications_email import task_for
from tests.integration.test_steps_by_schedule import come, timed
from tests.sealed import sealed, troubled
from tests.world import World
from verbs.call import Call
from verbs.move import move
from workitems import actions
from workitems.models import WorkItem

MINUTE = dt.timedelta(minutes=1)
TRANSFER = {"from": "bank", "to": "customer", "amount": 25_000}


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A row that is due: its id, and how often its work has been settled. `effects`: how often what
    its work does outside of its settlement has been done, where it does anything there."""

    id: uuid.UUID
    settled: Callable[[], int]
    effects: Callable[[], int] | None = None


def _hold(world: World) -> Prepared:
    item = states.in_progress(world.analyst)
    actions.suspend(item.id, call=Call(world.analyst), until=now() + dt.timedelta(hours=1))
    drain()
    _swept("UPDATE workitems_holdend SET due_at = ledger_now() WHERE item_id = %s", item.id)
    return Prepared(item.id, lambda: _said(world, "work_item", item.id, "resumed"))


def _deadline(world: World) -> Prepared:
    item = deadlines.opened(world, {"claim": deadlines.limit(deadlines.TELLS)})
    drain()
    (id_,) = states.come(item, "claim")
    return Prepared(id_, lambda: _said(world, "work_item", item.id, "deadline_missed"))


def _schedule(world: World) -> Prepared:
    name = f"Check {uuid.uuid4()}"
    row = schedules.scheduled(world, row=schedules.template(world, name=name), name=name)
    drain()
    schedules.come(row, minutes=1)
    before = len(schedules.made(row))
    return Prepared(row.id, lambda: len(schedules.made(row)) - before)


def _milestone(world: World) -> Prepared:
    source = definition(_name(), human("a"))
    source["spec"]["milestones"] = [SLA]
    case_id = _case(world, source)
    row = late(world, case_id, "m")
    return Prepared(row.id, lambda: _said(world, "case", case_id, "milestone_overdue"))


def _moment(world: World) -> Prepared:
    case_id = _case(world, definition(_name(), timed(), success=".over"))
    row = come(world, case_id)
    return Prepared(row.id, lambda: _said(world, "case", case_id, "moment_came"))


def _round(world: World) -> Prepared:
    type_ = f"com.bank.{_name()}"
    listener = {**inbound.listener(), "on": {"cloudEvent": {"type": type_}}}
    case_id = _case(world, definition(_name(), listener, success=".over"))
    received = receive_event(
        call=Call(world.operator), specversion="1.0", id=str(uuid.uuid4()), source="/bank",
        type=type_,
    )  # fmt: skip
    heard()
    with tenant_scope(world.system.tenant_id):
        row = EventRound.objects.get(entry_id=received.entry_id)

    def over() -> int:
        with tenant_scope(row.tenant_id):
            return 1 - EventRound.objects.filter(id=row.id).count()

    return Prepared(row.id, over, lambda: _said(world, "case", case_id, "event_arrived"))


def _missed(world: World) -> Prepared:
    case_id = _case(world, definition(_name(), human("a"), human("b", ".a != null")))
    states.work(world.analyst, open_item(world.analyst, case_id, "a").id, None)
    missed.lose_news(case_id)
    drain()

    def told_again() -> int:
        with system_scope("dispatch"):
            return OutboxTask.objects.filter(shard=case_id, done_at=None).count()

    row = missed.made_due(world)

    def looked() -> int:
        with tenant_scope(row.tenant_id):
            return MissedNewsCheck.objects.filter(id=row.id, due_at__gt=now() + MINUTE).count()

    return Prepared(row.id, looked, told_again)


def _approval(world: World) -> Prepared:
    approval = asked(world)
    drain()
    due_now(approval)

    def expired() -> int:
        return [each.action for each in history_of_approval(world, approval)].count("expired")

    return Prepared(approval.id, expired)


def _undo_check(world: World) -> Prepared:
    tenant, item = world.system.tenant_id, states.compensating(world.operator).original
    drain()
    with transaction.atomic():
        set_tenant(tenant)
        # Ended past the door: nothing is under way any more that undoes it.
        undo = WorkItem.objects.select_for_update(of=("self",)).get(undoes_id=item.id)
        undo.cancel()
        undo.ended_at = undo.created_at
        system = authority_of(system_of(tenant)).ref()
        move(undo, "cancelled", before="ASSIGNED", by=system, fields=["ended_at"])
    _swept("UPDATE compensation_undocheck SET due_at = ledger_now() WHERE tenant_id = %s", tenant)
    before = _checked(tenant)
    return Prepared(
        before.id,
        lambda: int(_checked(tenant).checked_at != before.checked_at),
        lambda: _said(world, "work_item", item.id, "compensation_faulted"),
    )


def _checked(tenant: uuid.UUID) -> UndoCheck:
    with tenant_scope(tenant):
        return UndoCheck.objects.get()


def _execution(world: World) -> Prepared:
    tenant = world.system.tenant_id
    open_accounts(tenant)
    drain()
    before = len(transfers(tenant))
    row = request_execution(call=Call(world.operator), capability="demo.transfer", input=TRANSFER)

    def succeeded() -> int:
        with tenant_scope(tenant):
            return Execution.objects.filter(id=row.id, status="SUCCEEDED").count()

    return Prepared(row.id, succeeded, lambda: len(transfers(tenant)) - before)


def _delivery(world: World) -> Prepared:
    item = task_for(world, world.analyst)
    heard()
    with tenant_scope(world.system.tenant_id):
        row = Delivery.objects.get(
            recipient_id=world.analyst.actor_id, channel="email", subject_id=item
        )

    def accepted() -> int:
        with tenant_scope(row.tenant_id):
            return Delivery.objects.filter(id=row.id, status="ACCEPTED").count()

    return Prepared(row.id, accepted)


def _check(world: World) -> Prepared:
    tenant = world.system.tenant_id
    sealed(tenant)
    with transaction.atomic():
        set_tenant(tenant)
        row = LedgerVerification.objects.create(
            tenant_id=tenant, requested_by_id=world.auditor.actor_id, requested_at=now(), total=1,
        )  # fmt: skip

    def ended() -> int:
        with tenant_scope(tenant):
            return LedgerVerification.objects.filter(id=row.id, outcome="valid").count()

    return Prepared(row.id, ended)


def _anchor(world: World) -> Prepared:
    tenant = world.system.tenant_id
    drain()
    states.new_item(world.analyst)
    newest = sealed(tenant)
    with system_scope("seal"):
        TREES.put_back(tenant, tenant, 0.0)

    def anchored() -> int:
        with system_scope("seal"):
            return LedgerTree.objects.filter(tenant_id=tenant, anchored_size=newest.size).count()

    return Prepared(tenant, anchored)


def _witness(world: World) -> Prepared:
    tenant = world.system.tenant_id
    sealed(tenant)
    # Of one whom nobody knows any more: it is settled without asking it.
    with system_scope("seal"):
        row = TreeWitness.objects.create(tenant_id=tenant, name=_name())

    def seen() -> int:
        with system_scope("seal"):
            return TreeWitness.objects.filter(id=row.id, asked_at__isnull=False).count()

    return Prepared(row.id, seen)


def _erasure(world: World) -> Prepared:
    person = one_more(world)
    drain()
    wish = {"person": person.username, "reason": "They asked for it"}
    id_ = uuid.UUID(str(request(call=Call(world.admin), **wish).id))

    def counted() -> int:
        with tenant_scope(world.system.tenant_id):
            return Erasure.objects.filter(id=id_, state="COUNTED").count()

    return Prepared(id_, counted)


def _retention(world: World) -> Prepared:
    tenant = world.system.tenant_id
    drain()
    with tenant_scope(tenant):
        row = Retention.objects.filter(ended_at=None).first()
    if row is None:
        row = set_policy(call=Call(world.admin), kind="MESSAGE", keep="P900D")
    with tenant_scope(tenant):
        RETENTIONS.put_back(tenant, row.id, -1.0)

    def looked() -> int:
        with tenant_scope(tenant):
            return Retention.objects.filter(id=row.id, due_at__gt=now() + MINUTE).count()

    return Prepared(row.id, looked)


def _watch(world: World) -> Prepared:
    tenant = world.system.tenant_id
    troubled(tenant, "")
    sealed(tenant)
    # What it is to find, each time anew.
    troubled(tenant, "ROLLBACK: outside there is more")
    _swept(
        "UPDATE audit_ledgerwatch SET due_at = ledger_now(), noted = '' WHERE tenant_id = %s",
        tenant,
    )
    with tenant_scope(tenant):
        row = LedgerWatch.objects.get()
    before = _said(world, "tenant", tenant, TROUBLE_FOUND)
    return Prepared(row.id, lambda: _said(world, "tenant", tenant, TROUBLE_FOUND) - before)


PREPARED: dict[str, Callable[[World], Prepared]] = {
    "work_item_holds": _hold,
    "work_item_deadlines": _deadline,
    "work_item_schedules": _schedule,
    "case_milestones": _milestone,
    "case_schedules": _moment,
    "case_events": _round,
    "case_missed_news": _missed,
    "approval_expiries": _approval,
    "undo_checks": _undo_check,
    "executions": _execution,
    "notifications.deliveries": _delivery,
    "ledger_verifications": _check,
    "ledger_anchoring": _anchor,
    "ledger_witnessing": _witness,
    "ledger_erasures": _erasure,
    "ledger_retention": _retention,
    "ledger_watch": _watch,
}
#: Sources of which no row is prepared, and why.
LEFT_OUT = {
    "ledger_sealing": "It has no lease: a lock keeps others away; killed in `test_seal_kills`.",
}


def heard() -> None:
    """Let all news be heard of, and nothing be done that falls due."""
    with hints.collected():
        while lanes := [each for each in find_due() if isinstance(each, LaneWork)]:
            do(lanes, goes_on=lambda work: isinstance(work, LaneWork))


def _name() -> str:
    return f"way-{uuid.uuid4().hex[:8]}"


def _case(world: World, source: dict[str, object]) -> uuid.UUID:
    """Open a case of a definition of its own."""
    deploy(world, source)
    return opened(world, f"tests/{source['name']}")


def _said(world: World, type_: str, id_: uuid.UUID, action: str) -> int:
    return states.actions_of(world, type_, id_).count(action)


def _swept(statement: str, id_: uuid.UUID) -> None:
    with system_scope("sweep"), connection.cursor() as cursor:
        cursor.execute(statement, [id_])
        assert cursor.rowcount == 1
