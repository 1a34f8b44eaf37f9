"""Every page: axe finds nothing, light and dark, narrow and wide; nothing is wider than 320 px."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterator
from typing import Literal

import pytest
from django.urls import reverse
from pytest_django.plugin import DjangoDbBlocker

from tests.browser.conftest import OpenTab
from tests.browser.tab import Tab
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

Scheme = Literal["light", "dark"]


@dataclasses.dataclass(frozen=True, slots=True)
class Story:
    """Cases in every state that pages show, and a page each with who looks at it."""

    world: World
    pages: dict[str, tuple[str, str]]


class Tabs:
    """One tab for each person, opened when it is needed and used for all of that person's pages."""

    _scheme: Scheme

    def __init__(self, open_tab: OpenTab, world: World, *, scheme: Scheme, width: int) -> None:
        self._open_tab, self._world = open_tab, world
        self._scheme, self._width = scheme, width
        self._tabs: dict[str, Tab] = {}

    def of(self, who: str) -> Tab:
        """Return a person's tab."""
        if who not in self._tabs:
            self._tabs[who] = self._open_tab(
                self._world.of(who), scheme=self._scheme, width=self._width
            )
        return self._tabs[who]


@pytest.fixture(scope="module")
def story(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Story]:
    """Tell the story once: a fresh loan, one paid out with its preview, one half rolled back."""
    with django_db_blocker.unblock():
        world = make_world()
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
        ids = {
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
        yield Story(world, _pages(ids))


def _pages(ids: dict[str, uuid.UUID]) -> dict[str, tuple[str, str]]:
    return {
        "inbox": ("surveyor", "/inbox/"),
        "empty-inbox": ("bystander", "/inbox/"),
        "undo-task": ("surveyor", reverse("workitems:detail", args=[ids["task"]])),
        "undo-task-as-a-bystander": ("bystander", reverse("workitems:detail", args=[ids["task"]])),
        "item-chain": ("surveyor", reverse("workitems:causal-chain", args=[ids["task"]])),
        "answer": ("analyst", reverse("workitems:detail", args=[ids["begun"]])),
        "reject": ("analyst", reverse("workitems:reject", args=[ids["begun"]])),
        "assign": ("operator", reverse("workitems:assign", args=[ids["begun"]])),
        "failed-undo": ("operator", reverse("workitems:detail", args=[ids["failed"]])),
        "stuck-case": ("operator", reverse("cases:detail", args=[ids["stuck"]])),
        "decide": ("operator", reverse("compensation:run-step", args=[ids["stuck_run"], 2])),
        "all work": ("surveyor", reverse("workitems:all")),
        "search": ("surveyor", f"{reverse('search')}?q=loan"),
        "new-task": ("surveyor", reverse("workitems:new")),
        "cases": ("operator", reverse("cases:list")),
        "definitions": ("operator", reverse("cases:definitions")),
        "start-a-case": ("operator", reverse("cases:start")),
        "rollbacks": ("operator", reverse("compensation:runs")),
        "fresh-case": ("operator", reverse("cases:detail", args=[ids["fresh"]])),
        "finished-case": ("operator", reverse("cases:detail", args=[ids["paid"]])),
        "case-being-rolled-back": ("operator", reverse("cases:detail", args=[ids["going"]])),
        "case-chain": ("operator", reverse("cases:chain", args=[ids["going"]])),
        "ask-for-a-rollback": ("operator", reverse("compensation:rollback", args=[ids["paid"]])),
        "preview": ("operator", reverse("compensation:plan", args=[ids["plan"]])),
        "run": ("operator", reverse("compensation:run", args=[ids["run"]])),
        "automatic-steps": ("bystander", reverse("executions:list")),
        "automatic-step": ("operator", reverse("executions:detail", args=[ids["step"]])),
        "ledger": ("auditor", reverse("audit:entries")),
        "ledger-of-a-case": ("auditor", ledger_url("case", ids["going"])),
        "ledger-of-an-item": ("surveyor", ledger_url("work_item", ids["task"])),
        "notifications": ("surveyor", reverse("notifications:list")),
        "decisions": ("operator", reverse("workitems:decisions")),
        "no-decisions": ("approver", reverse("workitems:decisions")),
        "settings": ("operator", reverse("people:settings")),
    }


@pytest.mark.parametrize("width", [375, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(open_tab: OpenTab, story: Story, scheme: Scheme, width: int) -> None:
    found: list[str] = []
    tabs = Tabs(open_tab, story.world, scheme=scheme, width=width)
    for name, (who, path) in story.pages.items():
        tab = tabs.of(who)
        response = tab.page.goto(f"{tab.url}{path}")
        assert response is not None
        assert response.status == 200, name
        found += [f"{name}: {violation}" for violation in tab.violations()]
    assert found == []


def test_no_page_scrolls_sideways_at_320_pixels(open_tab: OpenTab, story: Story) -> None:
    wider: dict[str, int] = {}
    tabs = Tabs(open_tab, story.world, scheme="light", width=320)
    for name, (who, path) in story.pages.items():
        tab = tabs.of(who)
        tab.go(path)
        if tab.overflow() > 0:
            wider[name] = tab.overflow()
    assert wider == {}


def test_a_missing_page_says_so_and_leaks_nothing(open_tab: OpenTab, story: Story) -> None:
    path = story.pages["undo-task"][1]
    tab = open_tab(story.world.outsider)
    tab.expected.add(404)
    response = tab.page.goto(f"{tab.url}{path}")
    assert response is not None
    assert response.status == 404
    assert "Withdraw the valuation" not in tab.page.content()
    assert tab.violations() == []
