"""How undoing goes: the figures are those of the ledger, counted anew from its entries."""

from __future__ import annotations

import collections
import datetime as dt
import statistics
import uuid
from typing import Any

import pytest
import time_machine

from cases import undo_figures
from cases.views import undo_figures_page
from compensation.actions.step_verbs import abandon_step, retry_step
from compensation.models import CompensationAttempt
from ledger.clock import rfc3339
from ledger.selectors import all_entries
from ledger.tenancy import tenant_scope
from tests import states
from tests.casework import deploy, finish, opened, plan_items, roll_back, undo
from tests.clients import api, browser
from tests.definitions import definition, human
from tests.draining import drain
from tests.world import World
from verbs.call import Call

URL = "/api/v1/undo-figures"
BEGIN = {
    "compensation_started", "compensation_retried", "compensation_reassigned",
    "compensation_handed_to_human",
}  # fmt: skip
END = {
    "compensation_completed": "done", "compensation_faulted": "failed",
    "compensation_attested": "attested", "compensation_abandoned": "abandoned",
    "compensation_withdrawn": "withdrawn",
}  # fmt: skip


def told(world: World) -> None:
    """Two cases rolled back, one with a failure that is retried, one that is given up; an item."""
    sign = human("sign", when=".check and .sign == null")
    deploy(world, definition("counted", human("check"), sign, success=".sign != null"))
    begin = dt.datetime.now(dt.UTC)
    for days, outcome in ((1, "REVERSED"), (3, "CANNOT_REVERSE")):
        with time_machine.travel(begin, tick=False):
            case_id = opened(world, "tests/counted")
            finish(world.analyst, case_id, "check", None)
            finish(world.analyst, case_id, "sign", None)
            run = roll_back(world, case_id)
        with time_machine.travel(begin + dt.timedelta(days=days), tick=False):
            undo(world.analyst, case_id, outcome)
            if outcome != "REVERSED":
                retry_step(run.id, 1, call=Call(world.operator))
                drain()
                undo(world.analyst, case_id)
                undo(world.analyst, case_id, outcome)
                abandon_step(run.id, 2, call=Call(world.operator), reason="It stays")
                drain()
    states.faulted(world.operator)
    drain()


def counted_anew(world: World) -> dict[tuple[str | None, str], dict[str, Any]]:
    """Return the same figures from the entries alone."""
    tenant_id = world.operator.tenant_id
    begun: dict[Any, dt.datetime] = {}
    ended: dict[Any, tuple[str, dt.datetime]] = {}
    where: dict[uuid.UUID, tuple[str | None, str]] = {}
    with tenant_scope(tenant_id):
        rows = all_entries(tenant_id).filter(subject_type__in=["work_item", "execution"])
        entries = list(rows.order_by("at", "subject_seq"))
        cases = {row.case_id for row in entries if row.case_id}
    for case_id in cases:
        for binding, item in plan_items(world, case_id).items():
            where[item.work[1]] = ("tests/counted", binding)
    for row in entries:
        block = row.compensation or {}
        if row.action not in BEGIN | END.keys() or "round" not in block:
            continue
        key = (row.subject_id, block["round"], block["attempt"])
        where.setdefault(row.subject_id, (None, row.subject_type))
        if row.action in BEGIN:
            begun[key] = row.at
        else:
            ended[key] = (END[row.action], row.at)
    found: dict[tuple[str | None, str], dict[str, Any]] = {}
    for place in {where[key[0]] for key in begun}:
        own = [key for key in begun if where[key[0]] == place]
        words = collections.Counter(ended[key][0] if key in ended else "open" for key in own)
        done = [key for key in own if key in ended and ended[key][0] == "done"]
        lengths = [(ended[key][1] - begun[key]).total_seconds() for key in done]
        found[place] = {
            "undos": len({key[:2] for key in own}),
            "attempts": len(own),
            **{name: words[name] for name in ("done", "failed", "attested", "abandoned",
                                              "withdrawn", "open")},
            "median": statistics.median(lengths) if lengths else None,
            "longest": max(lengths, default=None),
        }  # fmt: skip
    return found


def test_the_figures_are_those_of_the_ledger(world: World) -> None:
    told(world)
    answer = api(world.auditor).get(URL).json()
    assert answer["days"] == 30
    shown = {(line["definition"], line["step"]): line for line in answer["results"]}
    anew = counted_anew(world)
    assert shown.keys() == anew.keys()
    for place, line in anew.items():
        assert {name: shown[place][name] for name in line} == line, place
    assert shown["tests/counted", "sign"] == {
        "definition": "tests/counted", "step": "sign", "undos": 2, "attempts": 3, "done": 2,
        "failed": 1, "uncertain": 0, "attested": 0, "abandoned": 0, "withdrawn": 0, "open": 0,
        "median": 43_200.0, "longest": 86_400.0,
    }  # fmt: skip
    assert (shown["tests/counted", "check"]["abandoned"], shown[None, "work_item"]["failed"]) == (
        1, 1,
    )  # fmt: skip


def test_the_page_says_the_same(world: World) -> None:
    told(world)
    page = browser(world.operator).get("/undo-figures/").content.decode()
    for words in ("5 undos were begun.", "tests/counted", "Check", "Sign", "12 hours", "1 day"):
        assert words in page


def test_another_tenant_sees_nothing_of_it(world: World) -> None:
    told(world)
    assert api(world.outsider).get(URL).json()["results"] == []


@pytest.mark.parametrize("days", ["0", "367", "x", "-1", "1e3"])
def test_a_period_is_bounded(world: World, days: str) -> None:
    answer = api(world.operator).get(f"{URL}?days={days}")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "days")


def test_who_neither_operates_nor_audits_does_not_read_them(world: World) -> None:
    assert api(world.analyst).get(URL).status_code == 403
    assert browser(world.analyst).get("/undo-figures/").status_code == 403


def test_what_is_all_counted_says_so(world: World) -> None:
    told(world)
    answer = api(world.operator).get(URL).json()
    assert (answer["counted_since"], answer["more_lines"]) == (None, False)
    page = browser(world.operator).get("/undo-figures/").content.decode()
    assert "There were more than" not in page
    assert "There are more steps" not in page


def test_what_is_cut_says_so_and_where(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    told(world)
    with tenant_scope(world.operator.tenant_id):
        rows = CompensationAttempt.objects.order_by("-started_at")
        moments = list(rows.values_list("started_at", flat=True))
    most = len(moments) - 1
    monkeypatch.setattr(undo_figures, "MOST_ATTEMPTS", most)
    monkeypatch.setattr(undo_figures_page, "MOST_ATTEMPTS", most)
    answer = api(world.operator).get(URL).json()
    assert sum(line["attempts"] for line in answer["results"]) == most
    assert (answer["counted_since"], answer["more_lines"]) == (rfc3339(moments[most - 1]), False)
    page = browser(world.operator).get("/undo-figures/").content.decode()
    assert f"There were more than {most} attempts: the newest are counted, since " in page
    # Just as many as are looked at is all of them.
    monkeypatch.setattr(undo_figures, "MOST_ATTEMPTS", most + 1)
    assert api(world.operator).get(URL).json()["counted_since"] is None


def test_lines_that_are_left_out_are_said_to_be(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    told(world)
    whole = api(world.operator).get(URL).json()["results"]
    most = len(whole) - 1
    monkeypatch.setattr(undo_figures, "MOST_LINES", most)
    monkeypatch.setattr(undo_figures_page, "MOST_LINES", most)
    answer = api(world.operator).get(URL).json()
    assert (answer["results"], answer["more_lines"]) == (whole[:most], True)
    assert answer["counted_since"] is None
    page = browser(world.operator).get("/undo-figures/").content.decode()
    assert f"There are more steps: the {most} with the most attempts are shown." in page
    monkeypatch.setattr(undo_figures, "MOST_LINES", most + 1)
    assert api(world.operator).get(URL).json()["more_lines"] is False
