"""An organisation whose people write long: without a space, from right to left, at length."""

from __future__ import annotations

import datetime as dt
import functools
import uuid
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Page

from accounts.models import User
from compensation.actions.plan_execution import execute
from compensation.actions.waiting_runs import approve_run
from compensation.models import CompensationRun
from executions.actions import request_execution
from ledger.clock import now
from ledger.models import LedgerEntry
from ledger.tenancy import tenant_scope
from people.actions import change_groups
from tests import batching
from tests.bank import open_bank, pay, paying_case
from tests.browser.long_around import Texts, pages_around
from tests.browser.long_erasing import erasing_pages
from tests.browser.long_others import (
    about_member,
    approval_pages,
    desk_pages,
    event_sent,
    key_pages,
    request_pages,
    substitution,
    template_pages,
    waiting_run_pages,
)
from tests.browser.long_refusals import refusal_pages
from tests.browser.visits import Visit, fold_out
from tests.casework import deploy, finish, open_item, open_undo, opened, plan_items, preview
from tests.definitions import automated, definition, human
from tests.draining import drain
from tests.integration import workitems_made as items
from tests.world import World
from verbs.call import Call
from workitems.actions import complete, delegate, start, suspend

#: One word of a hundred letters and more; words of many lines; from right to left.
UNBROKEN = "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichenprüfung" * 2
WORDS = "Check the statements of the employer and of the bank again " * 4
RTL = "مراجعة القرض رقم ١٢٣ للعميل R. Vega قبل نهاية الشهر"
GROUP = "kreditpruefungsabteilungsleiterstellvertretung" * 2
NAMES = {
    "surveyor": ("Maximiliane Charlotte Euphrosyne", "von Hohenlohe-Waldenburg-Schillingsfürst"),
    "analyst": ("Wolfeschlegelsteinhausenbergerdorff" * 3, ""),
    "operator": ("Konstantinos Apostolos", "Papadiamantopoulos" * 4),
    "compliance": ("عبد الرحمن بن محمد", "الخوارزمي"),
    "underwriter": ("Jo", "Li"),
}
WHY = f"{WORDS} {UNBROKEN} {RTL}"
TEXTS = Texts(UNBROKEN, RTL, WORDS)
ASKED = {
    "type": "object",
    "required": ["sum"],
    "properties": {
        "sum": {"type": "integer", "format": "money", "currency": "EUR", "title": UNBROKEN},
        "kind": {"enum": [UNBROKEN[:90], "small"], "title": WORDS},
        "seen_on": {"type": "string", "format": "date"},
        "lines": {
            "type": "array",
            "title": RTL,
            "items": {
                "type": "object",
                "properties": {
                    "what": {"type": "string", "title": UNBROKEN},
                    "sum": {"type": "integer", "format": "money", "currency": "EUR"},
                    "paid": {"type": "boolean"},
                },
            },
        },
    },
}


def _source() -> dict[str, Any]:
    titles = {"first": UNBROKEN, "second": RTL, "third": WORDS, "loose": f"Loose {UNBROKEN}"}
    source = definition(
        "long",
        human("first"),
        human("second", ".first != null and .second == null"),
        human("third", ".second != null and .third == null", reversibility="irreversible"),
        human("loose", ".third != null and .loose == null", compensation=None),
        automated("pay", "test.pay", ".loose != null", "{amount: 5}"),
        human("late", ".pay != null and .late == null", compensation=None),
    )
    source["title"] = f"Kreditantrag {UNBROKEN}"
    source["summary"] = WHY
    source["spec"]["inputSchema"] = ASKED
    for binding in source["spec"]["bindings"]:
        task = binding.get("humanTask")
        if task is not None:
            task["title"] = titles.get(binding["name"], binding["name"].title())
            task["candidateGroups"] = [GROUP, "analysts"]
            task["inputMapping"] = "."
    return source


def _case(world: World, upto: int) -> uuid.UUID:
    """Return a case of which so many tasks are done."""
    context = {
        "sum": 1_250_000_00,
        "kind": UNBROKEN[:90],
        "seen_on": "2026-03-11",
        "lines": [{"what": UNBROKEN, "sum": 7_550, "paid": True}, {"what": WORDS, "sum": 5}],
    }
    case_id = opened(world, "tests/long", context)
    for name in ("first", "second", "third", "loose")[:upto]:
        finish(world.analyst, case_id, name, None, {"note": WHY, "value": {UNBROKEN: UNBROKEN}})
    drain(fast_forward=True)
    return case_id


def _plan(world: World, case_id: uuid.UUID, **wish: Any) -> Any:
    basis = [{"code": "INTERNAL_POLICY", "note": UNBROKEN}, {"code": "GDPR_17", "note": WORDS}]
    return preview(
        ("case", case_id), call=Call(world.operator), reason=WHY, regulatory_basis=basis, **wish
    )


def _undone(world: World, case_id: uuid.UUID, **wish: Any) -> uuid.UUID:
    plan = _plan(world, case_id, **wish)
    run = execute(plan.id, call=Call(world.operator, digest=plan.digest))
    if plan.requires_approval:
        approve_run(run.id, call=Call(world.approver))
    drain(fast_forward=True)
    return run.id


def _answer(world: World, case_id: uuid.UUID, outcome: str) -> uuid.UUID:
    task = open_undo(world.analyst, case_id)
    start(task.id, call=Call(world.analyst))
    complete(task.id, call=Call(world.analyst), outcome=outcome, reason=WHY, resolution=None)
    drain(fast_forward=True)
    return task.id


def _named(world: World) -> None:
    for who, (first, last) in NAMES.items():
        User.objects.filter(username=world.of(who).username).update(
            first_name=first, last_name=last
        )
    for who in ("analyst", "surveyor"):
        change_groups(world.of(who).membership_id, call=Call(world.admin), join=[GROUP])


def _cases(world: World) -> tuple[dict[str, uuid.UUID], dict[str, uuid.UUID]]:
    """Return cases by their state, and the rollbacks of those that have one."""
    cases = {
        "waiting": _case(world, 0),
        "running": _case(world, 2),
        "planned": _case(world, 4),
        "stale": _case(world, 3),
        "going": _case(world, 4),
        "stuck": _case(world, 2),
        "back": _case(world, 2),
        "partly": _case(world, 4),
    }
    runs = {name: _undone(world, cases[name]) for name in ("going", "stuck", "back", "partly")}
    _answer(world, cases["stuck"], "CANNOT_REVERSE")
    for name, outcome in (("back", "REVERSED"), ("back", "CORRECTED"), ("partly", "REVERSED")):
        _answer(world, cases[name], outcome)
    deploy(world, definition("fails", automated("pay", "demo.fail", "true", "{}")))
    cases["faulted"] = opened(world, "tests/fails")
    drain(fast_forward=True)
    return cases, runs


def _inbox(world: World) -> uuid.UUID:
    """Fill the lists with what a row can show; return a task whose undo failed."""
    failed = items.faulted(world).id
    mine = {"assignee": world.operator.username}
    items.opened(world, title=UNBROKEN, priority="URGENT", due_at="2020-01-01T00:00:00Z", **mine)
    items.opened(world, title=RTL, priority="HIGH", due_at="2999-01-01T00:00:00Z", **mine)
    items.opened(world, title=WORDS, **mine)
    items.opened(world, title=f"Pool {UNBROKEN}", candidate_groups=[GROUP])
    items.undo_task(world, title=f"Loan {UNBROKEN}"[:255])
    return failed


def _confirm(page: Page) -> None:
    """Run a plan that has been overtaken."""
    page.locator("#confirm").fill(page.locator("label[for=confirm]").inner_text().split(" ")[1])
    page.locator("main form:has(#confirm) button").click()
    page.locator("main [role=alert]").wait_for()


def _send_nothing(page: Page) -> None:
    """Send the form of the page as it is, whatever the browser thinks of it."""
    page.locator("main form[method=post]").evaluate_all(
        "forms => { const fields = (it) => it.querySelectorAll(':not([type=hidden])').length;"
        " const form = forms.sort((one, other) => fields(other) - fields(one))[0];"
        " form.noValidate = true; form.requestSubmit(); }"
    )
    page.locator("main [aria-invalid=true], main [role=alert]").first.wait_for()


def _with_others(world: World) -> dict[str, Visit]:
    """Return the pages of an item that is handed on, and of one that is on hold."""
    asked, held = (
        items.opened(world, title=UNBROKEN, assignee=world.analyst.username).id for _ in range(2)
    )
    delegate(asked, call=Call(world.analyst), to=world.operator.username, reason=UNBROKEN)
    suspend(held, call=Call(world.analyst), until=now() + dt.timedelta(days=1), reason=UNBROKEN)
    page = functools.partial(reverse, "workitems:detail")
    return {
        "handed on": Visit(world.analyst, page(args=[asked])),
        "asked to take over": Visit(world.operator, page(args=[asked]), then=fold_out),
        "decline": Visit(world.operator, reverse("workitems:decline-delegation", args=[asked])),
        "on hold": Visit(world.analyst, page(args=[held]), then=fold_out),
        "inbox, on hold": Visit(world.analyst, "/inbox/?tab=held"),
    }


def long_pages(world: World, patch: pytest.MonkeyPatch) -> dict[str, Visit]:
    """Tell the long story and return its pages."""
    bank = open_bank(patch)
    _named(world)
    deploy(world, _source())
    cases, runs = _cases(world)
    faulted = _inbox(world)
    planned = _plan(world, cases["planned"])
    kept = _plan(world, cases["partly"], scope={"kind": "from_step", "step": "third"})
    stale = _plan(world, cases["stale"])
    answered = open_item(world.analyst, cases["running"], "third").id
    start(answered, call=Call(world.analyst))
    asked = items.opened(
        world, title=UNBROKEN, assignee=world.analyst.username, resolution_schema=ASKED,
        permitted_outcomes=["VALUED", "REJECTED"],
    ).id  # fmt: skip
    start(asked, call=Call(world.analyst))
    pooled = open_item(world.analyst, cases["waiting"], "first").id
    undo = open_undo(world.analyst, cases["going"]).id
    failed = request_execution(
        call=Call(world.operator), capability="demo.fail", input={UNBROKEN: UNBROKEN}, reason=WHY
    ).id
    drain(fast_forward=True)
    stuck_batch = batching.asked(
        world, {**batching.FAILS, "input": {UNBROKEN: UNBROKEN}}, batching.FAILS, reason=WHY
    ).id
    drain(fast_forward=True)
    bank.answers = False
    unclear = pay(world).id
    unsure, _ = paying_case(world)
    with tenant_scope(world.operator.tenant_id):
        entry = LedgerEntry.objects.filter(case_id=cases["stuck"]).latest("at").id
    stuck_item = plan_items(world, cases["stuck"])["second"].work[1]
    finish(world.analyst, cases["stale"], "loose", None)

    def case_page(name: str, view: str = "detail") -> str:
        return reverse(f"cases:{view}", args=[cases[name]])

    def item(id_: uuid.UUID, view: str = "detail") -> str:
        return reverse(f"workitems:{view}", args=[id_])

    boss, clerk = world.operator, world.analyst
    plan, version = "compensation:plan", ["tests", "long", "1.0.0"]
    step = [runs["stuck"], 1]
    visits = {
        "inbox": Visit(boss, "/inbox/"),
        "inbox of a reviewer": Visit(clerk, "/inbox/?tab=groups", then=fold_out),
        "inbox, narrowed": Visit(boss, f"/inbox/?tab=unassigned&sort=newest&due=none&q={UNBROKEN}"),
        "all work": Visit(boss, reverse("workitems:all")),
        "all work, a filter to keep": Visit(
            boss, f"{reverse('workitems:all')}?overdue=false&outcome={UNBROKEN}", then=fold_out
        ),
        "decisions": Visit(boss, reverse("workitems:decisions")),
        "search": Visit(boss, f"{reverse('search')}?q=do"),
        "search, nothing": Visit(boss, f"{reverse('search')}?q={UNBROKEN}{UNBROKEN}x"),
        "cases": Visit(boss, reverse("cases:list"), then=fold_out),
        "rollbacks": Visit(boss, reverse("compensation:runs")),
        "executions": Visit(boss, reverse("executions:list"), then=fold_out),
        "execution, failed": Visit(
            boss, reverse("executions:detail", args=[failed]), then=fold_out
        ),
        "execution, unclear": Visit(
            boss, reverse("executions:detail", args=[unclear]), then=fold_out
        ),
        "execution, outcome": Visit(boss, reverse("executions:outcome", args=[unclear])),
        "execution, rollback": Visit(
            boss, reverse("compensation:rollback-execution", args=[unclear])
        ),
        "batches": Visit(boss, reverse("executions:batches"), then=fold_out),
        "batch, failed": Visit(
            boss, reverse("executions:batch", args=[stuck_batch]), then=fold_out
        ),
        "batch rollback": Visit(boss, reverse("compensation:rollback-batch", args=[stuck_batch])),
        "definitions": Visit(boss, reverse("cases:definitions")),
        "definition": Visit(boss, reverse("cases:definition", args=version), then=fold_out),
        "kinds to start": Visit(boss, f"{reverse('cases:start')}?definition=none"),
        "start": Visit(boss, f"{reverse('cases:start')}?definition=tests/long 1.0.0"),
        "start, broken": Visit(
            boss, f"{reverse('cases:start')}?definition=tests/long 1.0.0", then=_send_nothing
        ),
        "unsure case": Visit(boss, reverse("cases:detail", args=[unsure])),
        "case, folded out": Visit(boss, case_page("stuck"), then=fold_out),
        "case rollback": Visit(
            boss, reverse("compensation:rollback-case", args=[cases["running"]])
        ),
        "case rollback, broken": Visit(
            boss, reverse("compensation:rollback-case", args=[cases["running"]]), then=_send_nothing
        ),
        "preview": Visit(boss, reverse(plan, args=[planned.id])),
        "preview, in part": Visit(boss, reverse(plan, args=[kept.id])),
        "preview, stale": Visit(boss, reverse(plan, args=[stale.id]), then=_confirm),
        "decide a step": Visit(boss, reverse("compensation:run-step", args=step), then=fold_out),
        "templates": Visit(boss, reverse("workitems:templates")),
        "schedules": Visit(boss, reverse("workitems:schedules")),
        "schedules, broken": Visit(boss, reverse("workitems:schedules"), then=_send_nothing),
        "new task": Visit(boss, reverse("workitems:new")),
        "new task, broken": Visit(boss, reverse("workitems:new"), then=_send_nothing),
        "answer": Visit(clerk, item(answered)),
        "answer by a form": Visit(clerk, item(asked)),
        "answer by a form, broken": Visit(clerk, item(asked), then=_send_nothing),
        "undo": Visit(clerk, item(undo), then=fold_out),
        "item, to take": Visit(clerk, item(pooled)),
        "item, stuck": Visit(boss, item(stuck_item), then=fold_out),
        "item chain": Visit(boss, item(undo, "causal-chain")),
        "item rollback": Visit(boss, reverse("compensation:rollback-work-item", args=[stuck_item])),
        "ledger": Visit(world.auditor, reverse("audit:entries"), then=fold_out),
        "ledger entry": Visit(world.auditor, reverse("audit:entry", args=[entry]), then=fold_out),
        "attest an entry": Visit(
            world.auditor, reverse("audit:entry-attest", args=[entry]), then=_send_nothing
        ),
        "report": Visit(
            world.auditor, reverse("audit:report") + f"?type=case&subject={cases['stuck']}"
        ),
        "completeness": Visit(world.auditor, reverse("audit:health")),
        "ledger of a case": Visit(
            world.auditor, reverse("audit:subject", args=["case", cases["stuck"]])
        ),
        "notifications": Visit(boss, reverse("notifications:list")),
        "events": Visit(boss, reverse("events:list"), then=fold_out),
        "event": Visit(boss, reverse("events:detail", args=[event_sent(world, TEXTS)])),
        "settings": Visit(clerk, reverse("people:settings")),
        "members": Visit(world.admin, reverse("people:members")),
        "change a member": Visit(world.admin, about_member(clerk, "edit")),
        "end a membership": Visit(world.admin, about_member(clerk, "deactivate")),
        "substitutes": Visit(clerk, reverse("people:substitutions")),
        **key_pages(world, TEXTS),
        "other dates": Visit(
            clerk, reverse("people:substitution-edit", args=[substitution(world)])
        ),
        "missing": Visit(boss, f"/cases/{uuid.uuid4()}/", status=404),
        "only by post": Visit(clerk, item(pooled, "claim")),
    }
    visits |= {f"case, {name}": Visit(boss, case_page(name)) for name in cases}
    visits |= {f"chain, {name}": Visit(boss, case_page(name, "chain")) for name in runs}
    visits |= {
        f"run, {name}": Visit(boss, reverse("compensation:run", args=[run]))
        for name, run in runs.items()
    }
    visits |= {
        f"ask to {verb}": Visit(boss, item(pooled, verb))
        for verb in "assign cancel skip extend change-owner forward suspend spawn".split()
    }
    visits |= {
        f"case, {verb}": Visit(boss, case_page("running", verb))
        for verb in ("suspend", "cancel", "close", "signal")
    }
    visits |= {
        f"failed undo, {verb}": Visit(boss, item(faulted, verb))
        for verb in "compensate retry reassign hand-to-human attest abandon withdraw".split()
    }
    visits["execution, cancel"] = Visit(boss, reverse("executions:cancel", args=[failed]))
    visits |= {verb: Visit(clerk, item(answered, verb)) for verb in "reject fail delegate".split()}
    visits |= _with_others(world)
    visits |= pages_around(
        world,
        TEXTS,
        cases=cases,
        failed=faulted,
        executed=_plan_of(world, runs["partly"]),
    )
    visits |= approval_pages(world, TEXTS) | template_pages(world, TEXTS)
    visits |= request_pages(world, TEXTS) | desk_pages(world)
    visits |= erasing_pages(world, TEXTS)
    visits |= waiting_run_pages(world, TEXTS)
    visits |= refusal_pages(world, TEXTS)
    return {f"long {name}": visit for name, visit in visits.items()}


def _plan_of(world: World, run_id: uuid.UUID) -> uuid.UUID:
    with tenant_scope(world.operator.tenant_id):
        return CompensationRun.objects.get(id=run_id).plan_id
