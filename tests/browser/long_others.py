"""Pages with long texts of what is neither a case nor a task: approvals, events, members."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable

from django.urls import reverse
from playwright.sync_api import Page

from accounts.acting import ActingUser
from compensation.actions.plan_execution import execute
from events.actions import receive_event
from ledger.clock import now
from people.substituting import substitute
from tests import states
from tests.approvals import TWO, approve, ask, reject
from tests.browser.long_around import Texts
from tests.browser.visits import Visit, fold_out
from tests.casework import preview
from tests.outside import asked_from_outside
from tests.signing import registered
from tests.world import World
from verbs.call import Call
from verbs.catalogue import find
from verbs.input import MAX_NAME
from workitems.actions import add_schedule


def event_sent(world: World, texts: Texts) -> uuid.UUID:
    """Return an event from outside that says long things."""
    return receive_event(
        call=Call(world.operator), specversion="1.0", id=texts.unbroken, source="/" + "far" * 60,
        type=texts.unbroken, subject=texts.unbroken,
        data={texts.unbroken: texts.unbroken}, more=texts.unbroken,
    ).id  # fmt: skip


def about_member(who: ActingUser, verb: str) -> str:
    return reverse(f"people:member-{verb}", args=[who.actor_id])


def substitution(world: World) -> uuid.UUID:
    """The operator stands in for the analyst."""
    until = now() + dt.timedelta(days=1)
    return substitute(call=Call(world.analyst), substitute=world.operator.username, until=until).id


def key_pages(world: World, texts: Texts) -> dict[str, Visit]:
    """Return the pages about a key of the analyst that is called something long."""
    who, key = world.analyst, registered(world.analyst, texts.unbroken[:MAX_NAME])
    return {
        "signature keys": Visit(who, reverse("people:signature-keys")),
        "retire a key": Visit(who, reverse("people:signature-key-retire", args=[key.id])),
        "a compromised key": Visit(
            who, reverse("people:signature-key-report-compromise", args=[key.id])
        ),
    }


def approval_pages(world: World, texts: Texts) -> dict[str, Visit]:
    """Return the pages of undos that need agreement."""
    why = f"{texts.words} {texts.unbroken} {texts.rtl}"
    wanted, refused = (
        ask(states.completed(world.analyst, title=texts.unbroken, compensation=TWO), by, reason=why)
        for by in (world.admin, world.operator)
    )
    approve(wanted.id, call=Call(world.approver), reason=why)
    reject(refused.id, call=Call(world.approver), reason=why)
    waits = ask(states.completed(world.analyst, compensation=TWO), world.operator)
    boss, queue = world.approver, reverse("governance:approvals")
    return {
        "approvals": Visit(boss, queue),
        "approvals, none": Visit(world.analyst, queue),
        "approvals, all": Visit(world.operator, f"{queue}?show=all"),
        "approval, granted in part": Visit(
            boss, reverse("governance:approval", args=[wanted.id]), then=fold_out
        ),
        "approval, refused": Visit(boss, reverse("governance:approval", args=[refused.id])),
        "item, its approvals": Visit(
            boss, reverse("workitems:detail", args=[refused.about_id]), then=fold_out
        ),
        **{
            f"approval, {verb}": Visit(boss, reverse(f"governance:{verb}", args=[waits.id]))
            for verb in ("approve", "reject", "withdraw")
        },
    }


def waiting_run_pages(world: World, texts: Texts) -> dict[str, Visit]:
    """Return the pages of a rollback that others have to agree to."""
    why = f"{texts.words} {texts.unbroken} {texts.rtl}"
    item = states.completed(world.analyst, title=texts.unbroken, compensation=TWO)
    plan = preview(("work_item", item.id), call=Call(world.operator), reason=why)
    run = execute(plan.id, call=Call(world.operator, digest=plan.digest))
    by = {"approve": world.approver, "reject": world.approver, "cancel": world.operator}
    return {
        "run, waiting": Visit(world.operator, reverse("compensation:run", args=[run.id])),
        **{
            f"run, {verb}": Visit(who, reverse(f"compensation:run-{verb}", args=[run.id]))
            for verb, who in by.items()
        },
    }


def _press(name: str) -> Callable[[Page], object]:
    def press(page: Page) -> None:
        page.get_by_role("button", name=name, exact=True).click()
        page.wait_for_load_state()

    return press


def desk_pages(world: World) -> dict[str, Visit]:
    """Return the pages on which the ledger, and packs from elsewhere, are checked."""
    check, drop = reverse("audit:check"), reverse("audit:check-export")
    return {
        "check of the ledger": Visit(world.auditor, check),
        "check of the ledger, under way": Visit(world.auditor, check, then=_press("Check it now")),
        "evidence pack": Visit(world.auditor, drop),
        "evidence pack, none chosen": Visit(world.auditor, drop, then=_press("Check it")),
    }


def request_pages(world: World, texts: Texts) -> dict[str, Visit]:
    """Return the pages of what another organisation asks to have undone."""
    why = f"{texts.words} {texts.unbroken} {texts.rtl}"
    asked = asked_from_outside(world, title=texts.unbroken, reason=why, name=texts.unbroken[:80])
    boss, queue = world.operator, reverse("compensation:requests")
    return {
        "requests": Visit(boss, queue),
        "requests, all": Visit(boss, f"{queue}?show=all"),
        "figures of undoing": Visit(boss, reverse("cases:undo-figures")),
        "request": Visit(boss, reverse("compensation:request", args=[asked.id]), then=fold_out),
        **{
            f"request, {verb}": Visit(
                boss, reverse(f"compensation:request-{verb}", args=[asked.id])
            )
            for verb in ("approve", "reject")
        },
    }


def _agreeing(world: World, texts: Texts) -> uuid.UUID:
    """Ask for an execution that several policies have others agree to, and return it."""
    add, request = find("policy", "create"), find("execution", "request")
    steps = [{"groups": [texts.unbroken[:90]]}, {"roles": ["approver"]}]
    for number in range(2):
        add(
            call=Call(world.admin), name=f"{number} {texts.unbroken[:140]}", priority=number,
            when='.capability == "demo.flaky"', effect="require_approval", reason=texts.words,
            approvers=steps,
        )  # fmt: skip
    asked = request(
        call=Call(world.operator), capability="demo.flaky", input={"fail_times": 0},
        reason=texts.words,
    )  # fmt: skip
    return uuid.UUID(str(asked.id))


def _laid_out(world: World, texts: Texts) -> uuid.UUID:
    """Return an item whose outcomes are called at length, and whose form is in groups."""
    words = texts.all(90)
    wanted = {
        "permitted_outcomes": [{"name": f"O{n}", "label": said} for n, said in enumerate(words)],
        "resolution_schema": {"type": "object", "properties": {
            "risk": {"enum": words}, "sure": {"type": "boolean"}, "note": {"type": "string"},
        }},
        "form": {
            "widgets": {"risk": "radio", "sure": "select", "note": "hidden-by-default"},
            "groups": [{"title": texts.unbroken[:150], "fields": ["note", "risk"]}],
        },
    }  # fmt: skip
    return states.in_progress(world.analyst, **wanted).id


def _policy(world: World, texts: Texts) -> uuid.UUID:
    """Add a policy that says as much as one can, and return it."""
    add = find("policy", "create")
    row = add(
        call=Call(world.admin), name=texts.unbroken[:150], priority=1, reason=texts.words,
        when=f'.input.note == "{texts.unbroken}"', effect="modify",
        change=f'{{input: {{note: "{texts.unbroken}"}}}}',
    )  # fmt: skip
    return uuid.UUID(str(row.id))


def template_pages(world: World, texts: Texts) -> dict[str, Visit]:
    """Return the pages of templates, and of what comes again."""
    boss, add = world.operator, find("work_item_template", "add")
    for text in texts.all():
        of_all = {"candidate_groups": [texts.unbroken[:90]], "permitted_outcomes": texts.all(90)}
        made = add(
            call=Call(boss), name=text, title=f"{text} {{sum}}", description=texts.words,
            payload={"sum": "1"},
            input_schema={"type": "object", "properties": {"sum": {"title": texts.unbroken}}},
            **of_all,
        )  # fmt: skip
        comes = add_schedule(
            call=Call(boss), name=text, template=str(made.id), cron="0 8 * * 1-5",
            zone="America/Argentina/ComodRivadavia",
        )  # fmt: skip
    one = reverse("workitems:template", args=[made.id])
    schedules = reverse("workitems:schedules")
    agreeing = _agreeing(world, texts)
    policy, policies = _policy(world, texts), reverse("governance:policies")
    laid_out = reverse("workitems:detail", args=[_laid_out(world, texts)])
    return {
        "answer, laid out": Visit(world.analyst, laid_out, then=fold_out),
        "templates": Visit(boss, reverse("workitems:templates")),
        "template": Visit(boss, one, then=fold_out),
        "template, next version": Visit(
            boss, reverse("workitems:template-version", args=[made.id])
        ),
        "end a template": Visit(boss, reverse("workitems:template-end", args=[made.id])),
        "execution that waits": Visit(boss, reverse("executions:detail", args=[agreeing])),
        **{
            f"execution, {verb}": Visit(
                world.approver, reverse(f"executions:{verb}", args=[agreeing])
            )
            for verb in ("approve", "reject")
        },
        "policies": Visit(world.admin, policies),
        "policies, of a reader": Visit(world.analyst, policies),
        "change a policy": Visit(world.admin, reverse("governance:policy-edit", args=[policy])),
        "end a policy": Visit(world.admin, reverse("governance:policy-end", args=[policy])),
        "schedules": Visit(boss, schedules),
        "schedules, of a reader": Visit(world.analyst, schedules),
        "change a schedule": Visit(boss, reverse("workitems:schedule-edit", args=[comes.id])),
        "end a schedule": Visit(boss, reverse("workitems:schedule-end", args=[comes.id])),
    }
