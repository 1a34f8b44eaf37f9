"""One tenant with little or much of everything that pages show, told the same way twice."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
import uuid
from typing import Any

from django.test import Client

from accounts.acting import ActingUser
from accounts.actions import create_token
from accounts.models import User
from compensation.actions.plan_execution import execute
from compensation.models import CompensationRun, CompensationStep
from config.demo.transfers import open_accounts
from events.actions import receive_event
from executions.actions import request_execution
from executions.models import Execution
from governance.models import Approval, ApprovalExpiry
from ledger.clock import now
from ledger.models import LedgerEntry
from ledger.tenancy import tenant_scope
from notifications.models import Delivery
from people.substituting import substitute
from tests import batching, states
from tests.approvals import TWO, ask, finished, reject
from tests.casework import deploy, opened, plan_for, preview, roll_back
from tests.clients import browser
from tests.definitions import automated, definition, human
from tests.draining import drain
from tests.erasing import counted_erasure, kept_for_long, placed_hold, withdrawn_erasure
from tests.outside import asked_from_outside
from tests.sealed import sealed_and_checked
from tests.signing import something_signed
from tests.world import World, make_world
from verbs.call import Call
from verbs.catalogue import find
from workitems import actions, selectors
from workitems.around.additions import ADD
from workitems.around.drafts import save_draft
from workitems.around.progress_reports import report_progress
from workitems.models import WorkItem

WHO = ("analyst", "surveyor", "underwriter", "compliance")
#: What such tasks are called whose undo fails; that of the others waits.
FAILS = "Sent out"
MONEY = '{from: "bank", to: "customer", amount: 1}'
#: The arguments of an address by what is seen there: {"under way": {"id": …}}.
Seen = dict[str, dict[str, Any]]


@dataclasses.dataclass(frozen=True, slots=True)
class Size:
    """How much there is: rows of each kind, steps of a case (as many by programs), notices."""

    rows: int
    steps: int
    notices: int


LITTLE, MUCH = Size(rows=1, steps=2, notices=1), Size(rows=30, steps=12, notices=120)


@dataclasses.dataclass(frozen=True, slots=True)
class Told:
    """What was told, the member with every role who looks at it, and what addresses may show."""

    world: World
    boss: ActingUser
    client: Client
    items: Seen
    cases: Seen
    executions: Seen
    batches: Seen
    approvals: Seen
    requests: Seen
    runs: Seen
    steps: Seen
    plans: Seen
    entries: Seen
    subjects: Seen
    notices: Seen
    events: Seen
    absences: Seen
    templates: Seen
    schedules: Seen
    policies: Seen
    erasures: Seen
    holds: Seen
    keys: Seen
    retention: Seen


def _absence(world: World, number: int) -> uuid.UUID:
    """Let one of two stand in for somebody: the member who looks, and another."""
    mine = number % 2 == 0
    return substitute(
        call=Call(world.admin),
        person=(world.analyst if mine else world.surveyor).username,
        substitute=(world.operator if mine else world.underwriter).username,
        until=now() + dt.timedelta(days=1),
    ).id


def tell(size: Size) -> Told:
    """Make a tenant with so much of everything."""
    world = make_world()
    boss = world.operator
    states.change_roles(world, boss, "operator", "approver", "auditor", "tenant_admin")
    for name in WHO:
        User.objects.filter(username=world.of(name).username).update(first_name=f"The {name}")
    open_accounts(boss.tenant_id)
    absences = [_absence(world, number) for number in range(size.rows)]
    keys = [something_signed(world.of(WHO[n % len(WHO)])) for n in range(size.rows)]
    for number in range(size.rows):
        _one_of_each_kind(world, number)
    drain(fast_forward=True)
    _fail_undos(world)
    cases = _cases(world, size)
    _put_around_one(world, size.rows, cases["fresh"])
    _save_filters(world, size.rows, cases["fresh"])
    plans = {"open": {"id": plan_for(world, cases["done"]).id}}
    runs = {name: roll_back(world, cases[name]) for name in ("going", "stuck", "undone")}
    drain(fast_forward=True)
    _answer_undos(world, cases["going"], most=1)
    _answer_undos(world, cases["undone"], most=2 * size.steps)
    _answer_undos(world, cases["stuck"], most=1, outcome="CANNOT_REVERSE")
    agreed = _approvals(world, size.rows)
    requests = [asked_from_outside(world, title=f"Asked {n}") for n in range(size.rows)]
    for number in range(size.notices):
        actions.create_work_item(
            call=Call(world.admin), title=f"Told {number}", assignee=boss.username
        )
    sent = [_sent(world, number) for number in range(size.rows)]
    batches = _batches(world, size)
    templates = _templates(world, size.rows)
    schedules = _schedules(world, size.rows, templates["newest"]["id"])
    policies = _policies(world, size.rows)
    held = [placed_hold(world) for _number in range(size.rows)]
    kept = kept_for_long(world, size.rows)
    erasures = [counted_erasure(world), *(withdrawn_erasure(world) for _n in range(size.rows))]
    drain()
    sealed_and_checked(world)
    plans |= {name: {"id": run.plan_id} for name, run in runs.items()}
    with tenant_scope(boss.tenant_id):
        return Told(
            world=world, boss=boss, client=browser(boss), plans=plans,
            cases={name: {"id": id_} for name, id_ in cases.items()},
            runs={name: {"id": run.id} for name, run in runs.items()},
            items=_items(world, cases) | {"agreed": {"id": agreed[-1].about_id}},
            approvals={"waits": {"id": agreed[0].id}, "refused": {"id": agreed[-1].id}},
            requests={"waits": {"id": requests[0].id}},
            executions=_executions(world, cases), batches=batches, steps=_steps(runs),
            absences={"one": {"id": absences[0]}}, templates=templates,
            schedules=schedules, policies=policies, keys={"one": {"id": keys[0]}},
            erasures={"counted": {"id": erasures[0]}}, holds={"one": {"id": held[0]}},
            retention={"one": {"id": kept}},
            events={"any": {"id": sent[0].id}}, **_recorded(world, cases, runs),
        )  # fmt: skip


def _one_of_each_kind(world: World, number: int) -> None:
    by, call = world.operator, Call(world.operator)
    payload = {"seen_by": [world.of(name).username for name in WHO]}
    actions.create_work_item(
        call=call, title=f"Mine {number}", assignee=by.username, payload=payload
    )
    actions.create_work_item(call=call, title=f"Pool {number}", candidate_groups=["analysts"])
    for title in ("Done", FAILS):
        item = states.completed(world.analyst, title=f"{title} {number}", payload=payload)
        plan = preview(("work_item", item.id), call=call, reason="Wrong")
        execute(plan.id, call=Call(by, digest=plan.digest))
    states.compensating(by, title=f"Undone by hand {number}")
    for capability, given in (("demo.flaky", {"fail_times": 1}), ("demo.fail", {})):
        request_execution(call=call, capability=capability, input=given)
    deploy(world, definition(f"other-{number}", human("look")))
    opened(world, f"tests/other-{number}")
    create_token(by, name=f"Program {number}")


def _templates(world: World, rows: int) -> Seen:
    """Make so many versions of a template, and return the newest."""
    add = find("work_item_template", "add")
    made = [add(call=Call(world.operator), name="One", title=f"Version {n}") for n in range(rows)]
    return {"newest": {"id": made[-1].id}}


def _schedules(world: World, rows: int, template: uuid.UUID) -> Seen:
    """Let tasks of a template come again at so many moments, and return the last."""
    add = find("schedule", "create")
    said = {"template": str(template), "cron": "0 8 * * MON", "zone": "UTC"}
    made = [add(call=Call(world.operator), name=f"Week {n}", **said) for n in range(rows)]
    return {"last": {"id": made[-1].id}}


def _policies(world: World, rows: int) -> Seen:
    """Add so many policies, each of which names people, and return the last."""
    add = find("policy", "create")
    steps = [{"users": [world.of(name).username]} for name in WHO]
    said = {"when": "false", "effect": "require_approval", "reason": "Because", "approvers": steps}
    made = [add(call=Call(world.admin), name=f"P {n}", priority=n, **said) for n in range(rows)]
    return {"last": {"id": made[-1].id}}


def _put_around_one(world: World, rows: int, case_id: uuid.UUID) -> None:
    """Begin a task and put so much of everything around it, by different people: it is related to
    tasks, programs and a case, and as many others are related to it."""
    boss = world.operator
    item = states.in_progress(boss, title="Around")
    tenant_id, people_ = boss.tenant_id, itertools.cycle(world.of(name) for name in WHO)
    tasks = [states.new_item(boss, title=f"Beside {n}") for n in range(2 * rows)]
    with tenant_scope(tenant_id):
        programs = list(Execution.objects.filter(tenant_id=tenant_id)[:rows])
    others = [("execution", each.id) for each in programs] + [("case", case_id)]
    others += [("work_item", each.id) for each in tasks[:rows]]
    own: dict[str, list[dict[str, Any]]] = {
        "note": [{"text": f"Note {n}"} for n in range(rows)],
        "label": [{"name": f"label {n}"} for n in range(rows)],
        "link": [{"url": f"https://files.example/{n}"} for n in range(rows)],
        "attachment": [{"name": f"{n}.txt", "content": "Tm90ZQ=="} for n in range(rows)],
        "relation": [
            {"type": "RELATES_TO", "target": {"type": type_, "id": str(id_)}}
            for type_, id_ in others
        ],
    }
    for kind, bodies in own.items():
        for body, who in zip(bodies, people_, strict=False):
            ADD[kind](item.id, call=Call(who), **body)
    to_it = {"type": "work_item", "id": str(item.id)}
    for each in tasks[rows:]:
        ADD["relation"](each.id, call=Call(next(people_)), type="BLOCKS", target=to_it)
    steps = [{"name": f"Step {n}", "done": n == 0} for n in range(rows)]
    report_progress(item.id, call=Call(boss), dimension="forward", shape="steps", value=steps)
    save_draft(item.id, call=Call(boss), form={"resolution.note": "Half of it"})


def _save_filters(world: World, rows: int, case_id: uuid.UUID) -> None:
    """Let each of two people share so many filters, and the one who looks keep as many."""
    sharing = (world.analyst, world.surveyor)
    for who, number in itertools.product((world.operator, *sharing), range(rows)):
        actions.save_filter(
            call=Call(who), name=f"Filter {number}", shared=who != world.operator,
            filter={"case": str(case_id), "label": f"label {number}", "kind": "TASK"},
        )  # fmt: skip


def _approvals(world: World, number: int) -> list[Approval]:
    """Let as many undos wait for approval, and as many of one task be refused."""
    waiting = [ask(finished(world, **TWO), world.admin) for _ in range(number)]
    item, refused = finished(world), []
    for _ in range(number):
        refused.append(ask(item, world.admin))
        reject(refused[-1].id, call=Call(world.approver), reason="No")
    with tenant_scope(world.operator.tenant_id):
        # Whatever lets time pass for another tenant leaves these.
        ApprovalExpiry.objects.update(due_at=now() + dt.timedelta(days=1000))
    return [*waiting, *refused]


def _fail_undos(world: World) -> None:
    """Let people say of everything that is called so that it cannot be undone."""
    tenant_id = world.operator.tenant_id
    with tenant_scope(tenant_id):
        rows = selectors.visible(tenant_id)
        done = rows.filter(kind="TASK", title__startswith=FAILS).values("id")
        found = list(rows.filter(undoes_id__in=done).values_list("id", flat=True))
    for id_ in found:
        states.undo(id_, world.analyst, "CANNOT_REVERSE")
    drain()


def _cases(world: World, size: Size) -> dict[str, uuid.UUID]:
    """Open cases of so many steps by people and as many by programs; do all of them but one's."""
    steps = [human(f"step-{n}") for n in range(size.steps)]
    steps += [automated(f"pay-{n}", "demo.transfer", "true", MONEY) for n in range(size.steps)]
    deploy(world, definition("long", *steps, success=".never == true"))
    found = {}
    for name in ("fresh", "done", "going", "stuck", "undone"):
        found[name] = opened(world, "tests/long")
        if name != "fresh":
            for item, who in zip(_open(world, found[name]), itertools.cycle(WHO), strict=False):
                states.work(world.of(who), item.id, "DONE")
        drain()
    return found


def _open(world: World, case_id: uuid.UUID, kind: str = "TASK") -> list[WorkItem]:
    with tenant_scope(world.operator.tenant_id):
        rows = WorkItem.objects.filter(case_id=case_id, kind=kind)
        return list(rows.filter(status__in=["PENDING", "ASSIGNED"]).order_by("created_at", "id"))


def _answer_undos(
    world: World, case_id: uuid.UUID, *, most: int, outcome: str = "REVERSED"
) -> None:
    """Let the people who are asked to undo something in a case answer, at most so often."""
    for _ in range(most):
        drain(fast_forward=True)
        tasks = _open(world, case_id, "COMPENSATION")
        if not tasks:
            return
        by = {world.of(name).actor_id: world.of(name) for name in WHO}
        who = tasks[0].assignee_id
        assert who is not None
        states.work(by[who], tasks[0].id, outcome)
    drain(fast_forward=True)


def _items(world: World, cases: dict[str, uuid.UUID]) -> Seen:
    rows = WorkItem.objects.filter(tenant_id=world.operator.tenant_id).order_by("created_at", "id")
    tasks, undos = rows.filter(kind="TASK"), rows.filter(kind="COMPENSATION")
    lone = tasks.filter(case_id=None)
    found = {
        "mine": lone.filter(title__startswith="Mine"),
        "with much around": lone.filter(title="Around"),
        "of a group": lone.filter(title__startswith="Pool"),
        "being undone": lone.filter(status="COMPENSATING"),
        "not undone": lone.filter(status="COMPENSATION_FAULTED"),
        "undo": undos.filter(case_id=None, status="ASSIGNED"),
        "failed undo": undos.filter(case_id=None).exclude(status="ASSIGNED"),
        "of a fresh case": tasks.filter(case_id=cases["fresh"]),
        "of a case": tasks.filter(case_id=cases["done"]),
        "undone in a case": tasks.filter(case_id=cases["undone"]),
        "being undone in a case": tasks.filter(case_id=cases["going"], status="COMPENSATING"),
        "not undone in a case": tasks.filter(case_id=cases["stuck"], status="COMPENSATION_FAULTED"),
        "undo in a case": undos.filter(case_id=cases["going"], status="ASSIGNED"),
        "failed undo in a case": undos.filter(case_id=cases["stuck"]),
    }
    return {name: {"id": each[0].id} for name, each in found.items()}


def _sent(world: World, number: int) -> Any:
    return receive_event(
        call=Call(world.admin), specversion="1.0", id=str(number), source="/elsewhere",
        type="tests.said", subject=f"Subject {number}", data={"who": world.analyst.username},
    )  # fmt: skip


def _batches(world: World, size: Size) -> Seen:
    """Ask for batches with so many calls, the last of which fails, and take one of them back."""
    calls = [batching.transfer(1)] * size.steps
    failed, undone = (batching.asked(world, *calls, batching.FAILS).id for _each in range(2))
    for _number in range(size.rows):
        batching.asked(world, batching.transfer(1))
    drain(fast_forward=True)
    plan = preview(("batch", undone), call=Call(world.operator), reason="Half done")
    execute(plan.id, call=Call(world.operator, digest=plan.digest))
    drain(fast_forward=True)
    return {"failed": {"id": failed}, "undone": {"id": undone}}


def _executions(world: World, cases: dict[str, uuid.UUID]) -> Seen:
    rows = Execution.objects.filter(tenant_id=world.operator.tenant_id).order_by("created_at")
    found = {
        "done": rows.filter(capability="demo.flaky"),
        "failed": rows.filter(capability="demo.fail"),
        "of a case": rows.filter(case_id=cases["done"]),
        "undone in a case": rows.filter(case_id=cases["undone"], undoes_id=None),
        "undo in a case": rows.filter(case_id=cases["undone"], undoes_id__isnull=False),
    }
    return {name: {"id": each[0].id} for name, each in found.items()}


def _steps(runs: dict[str, CompensationRun]) -> Seen:
    found = {}
    for name, run in runs.items():
        steps = CompensationStep.objects.filter(run_id=run.id)
        # The one that was tried last, or failed.
        step = steps.filter(status="FAILED").first() or steps.exclude(status="PLANNED").last()
        assert step is not None
        found[name] = {"id": run.id, "n": step.n}
    return found


def _recorded(
    world: World, cases: dict[str, uuid.UUID], runs: dict[str, CompensationRun]
) -> dict[str, Seen]:
    tenant_id, actor_id = world.operator.tenant_id, world.operator.actor_id
    entries = LedgerEntry.objects.filter(tenant_id=tenant_id)
    said = {
        "completed": entries.filter(case_id=cases["undone"], action="completed"),
        "rollback": entries.filter(action="compensation_started", subject_id=runs["undone"].id),
        "answered": entries.filter(case_id=cases["stuck"], action="compensation_step_failed"),
        "of a program": entries.filter(case_id=cases["done"], subject_type="execution"),
    }
    about = {
        "case": ("case", cases["undone"]), "run": ("compensation_run", runs["undone"].id),
        "member": ("actor", actor_id),
    }  # fmt: skip
    told = Delivery.objects.filter(tenant_id=tenant_id, recipient_id=actor_id, channel="in_app")
    return {
        "entries": {name: {"id": each[0].id} for name, each in said.items()},
        "subjects": {name: {"type": type_, "id": id_} for name, (type_, id_) in about.items()},
        "notices": {"newest": {"id": told.order_by("-created_at")[0].id}},
    }
