"""The pages that browser tests look at: two organisations with things in every state, one of them
with texts and names as long as people write them."""

from __future__ import annotations

import dataclasses
import uuid

import pytest
from django.urls import reverse
from playwright.sync_api import Page

from tests.browser.long_story import long_pages
from tests.browser.visits import Visit
from tests.casework import (
    approved_loan,
    open_item,
    open_loan,
    open_undo,
    plan_for,
    plan_items,
    roll_back,
    undo,
)
from tests.draining import drain
from tests.world import World, make_world
from verbs.call import Call
from web.entries import ledger_url
from workitems.actions import start


@dataclasses.dataclass(frozen=True, slots=True)
class Story:
    """Cases in every state that pages show, and a page each with who looks at it."""

    world: World
    pages: dict[str, Visit]


def tell(patch: pytest.MonkeyPatch) -> Story:
    """Tell the whole story; `patch` lends it a bank that may not answer."""
    world = make_world()
    return Story(world, {**loan_pages(world), **long_pages(make_world(), patch)})


def loan_pages(world: World) -> dict[str, Visit]:
    """Tell of loans: a fresh one, one paid out with its preview, some half rolled back."""
    ids = _told(world)
    visits: dict[str, tuple[str, str]] = {
        "empty-inbox": ("bystander", "/inbox/"),
        "undo-task": ("surveyor", reverse("workitems:detail", args=[ids["task"]])),
        "undo-task-as-a-bystander": ("bystander", reverse("workitems:detail", args=[ids["task"]])),
        "item-chain": ("surveyor", reverse("workitems:causal-chain", args=[ids["task"]])),
        "answer": ("analyst", reverse("workitems:detail", args=[ids["begun"]])),
        "reject": ("analyst", reverse("workitems:reject", args=[ids["begun"]])),
        "failed-undo": ("operator", reverse("workitems:detail", args=[ids["failed"]])),
        "stuck-case": ("operator", reverse("cases:detail", args=[ids["stuck"]])),
        "decide": ("operator", reverse("compensation:run-step", args=[ids["stuck_run"], 2])),
        "fresh-case": ("operator", reverse("cases:detail", args=[ids["fresh"]])),
        "finished-case": ("operator", reverse("cases:detail", args=[ids["paid"]])),
        "case-being-rolled-back": ("operator", reverse("cases:detail", args=[ids["going"]])),
        "case-chain": ("operator", reverse("cases:chain", args=[ids["going"]])),
        "ask-for-a-rollback": (
            "operator",
            reverse("compensation:rollback-case", args=[ids["paid"]]),
        ),
        "preview": ("operator", reverse("compensation:plan", args=[ids["plan"]])),
        "run": ("operator", reverse("compensation:run", args=[ids["run"]])),
        "automatic-step": ("operator", reverse("executions:detail", args=[ids["step"]])),
        "ledger-of-a-case": ("auditor", ledger_url("case", ids["going"])),
        "ledger-of-an-item": ("surveyor", ledger_url("work_item", ids["task"])),
        "no-decisions": ("approver", reverse("workitems:decisions")),
        "first-page": ("", reverse("web:login")),
        "no-notifications": ("bystander", reverse("notifications:list")),
    }
    pages = {
        name: Visit(world.of(who) if who else None, path) for name, (who, path) in visits.items()
    }
    unheard = Visit(
        world.operator, visits["fresh-case"][1], then=_says_no_worker,
        lent={"web.workers_heard.workers_are_silent": lambda: True},
    )  # fmt: skip
    return {**pages, "no-worker": unheard}


def _says_no_worker(page: Page) -> None:
    page.get_by_text("no worker has answered").wait_for()


def _told(world: World) -> dict[str, uuid.UUID]:
    fresh = open_loan(world)
    paid = approved_loan(world)
    plan = plan_for(world, paid)
    going = approved_loan(world)
    run = roll_back(world, going)
    undo(world.underwriter, going)
    task = open_undo(world.surveyor, going)
    stuck = approved_loan(world)
    stuck_run = roll_back(world, stuck)
    undo(world.underwriter, stuck, "CANNOT_REVERSE")
    begun = open_item(world.analyst, fresh, "credit-check").id
    start(begun, call=Call(world.analyst))
    drain()
    return {
        "stuck": stuck,
        "stuck_run": stuck_run.id,
        "failed": plan_items(world, stuck)["approval"].work[1],
        "begun": begun,
        "fresh": fresh,
        "paid": paid,
        "plan": plan.id,
        "going": going,
        "run": run.id,
        "task": task.id,
        "step": plan_items(world, going)["disbursement"].work[1],
    }
