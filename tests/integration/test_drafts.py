"""An answer half written: whose it is, where it is shown, and when it is forgotten."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from ledger.tenancy import tenant_scope
from tests import states
from tests.clients import api, browser
from tests.integration.test_statements import ONE_SUBJECT, statements
from tests.integration.workitems_made import page
from tests.integration.workitems_over_rest import ROOT, entries, post
from tests.world import World
from verbs.call import Call
from workitems import actions
from workitems.around.addition_tables import Draft
from workitems.around.drafts import save_draft
from workitems.models import WorkItem

FORM = {"outcome": "PASSED", "resolution.note": "The payslip is of March"}
SCHEMA = {
    "type": "object", "properties": {"score": {"type": "integer"}}, "required": ["score"]
}  # fmt: skip


def saved(who: Any, item: WorkItem, form: Any = FORM, status: int = 200) -> dict[str, Any]:
    answer = post(api(who), f"/{item.id}/draft", {"form": form})
    assert answer.status_code == status, answer.content
    return dict(answer.json())


def read(who: Any, item: WorkItem, status: int = 200) -> dict[str, Any]:
    answer = api(who).get(f"{ROOT}/{item.id}/draft")
    assert answer.status_code == status, answer.content
    return dict(answer.json())


def kept(item: WorkItem) -> int:
    with tenant_scope(item.tenant_id):
        return Draft.objects.filter(item_id=item.id).count()


def test_it_is_kept_without_being_news(world: World) -> None:
    item = states.in_progress(world.analyst)
    assert read(world.analyst, item) == {"form": None, "saved_at": None}
    assert saved(world.analyst, item)["form"] == FORM
    second = saved(world.analyst, item, {"outcome": "FAILED"})
    assert read(world.analyst, item) == second
    assert second["form"] == {"outcome": "FAILED"}
    assert entries(world, str(item.id)) == ["created", "started"]
    assert states.stored(world, item.id).version == item.version
    assert saved(world.analyst, item, {}) == {"form": None, "saved_at": None}
    assert kept(item) == 0


def test_it_is_nobody_elses(world: World) -> None:
    item = states.in_progress(world.analyst)
    saved(world.analyst, item)
    for who in (world.operator, world.surveyor, world.auditor):
        read(who, item, 403)
        saved(who, item, status=403)
    read(world.outsider, item, 404)
    saved(world.outsider, item, status=404)
    assert read(world.analyst, item)["form"] == FORM
    for who in (world.operator, world.auditor):
        assert "The payslip is of March" not in page(browser(who), f"/work-items/{item.id}/")


_GOES: dict[str, Callable[[World, WorkItem], Any]] = {
    "release": lambda world, item: actions.release(item.id, call=Call(world.analyst)),
    "assign": lambda world, item: actions.assign(
        item.id, call=Call(world.operator), assignee=world.surveyor.username
    ),
    "delegate": lambda world, item: actions.delegate(
        item.id, call=Call(world.analyst), to=world.surveyor.username
    ),
    "forward": lambda world, item: actions.forward(
        item.id, call=Call(world.analyst), candidate_groups=["surveyors"]
    ),
    "complete": lambda world, item: actions.complete(item.id, call=Call(world.analyst)),
    "reject": lambda world, item: actions.reject(item.id, call=Call(world.analyst), reason="R"),
    "fail": lambda world, item: actions.fail(item.id, call=Call(world.analyst), detail="D"),
    "cancel": lambda world, item: actions.cancel(item.id, call=Call(world.operator), reason="R"),
}


@pytest.mark.parametrize("name", sorted(_GOES))
def test_it_is_forgotten_when_the_item_ends_or_is_handed_on(world: World, name: str) -> None:
    item = states.in_progress(world.analyst)
    saved(world.analyst, item)
    _GOES[name](world, item)
    assert kept(item) == 0


def test_it_stays_while_the_item_is_paused_or_on_hold(world: World) -> None:
    item = states.in_progress(world.analyst)
    saved(world.analyst, item)
    actions.stop(item.id, call=Call(world.analyst))
    actions.suspend(item.id, call=Call(world.analyst))
    saved(world.analyst, item, {"outcome": "x"}, status=409)
    actions.resume(item.id, call=Call(world.analyst))
    assert read(world.analyst, item)["form"] == FORM


@pytest.mark.parametrize(
    ("form", "code"),
    [("text", "invalid"), ({"note": "x" * 262_144}, "too_large"), ({"note": "\x00"}, "nul")],
)
def test_what_no_form_can_hold_is_refused(world: World, form: Any, code: str) -> None:
    item = states.in_progress(world.analyst)
    answer = saved(world.analyst, item, form, 422)
    assert [(each["pointer"].split("/")[1], each["code"]) for each in answer["errors"]] == [
        ("form", code)
    ]
    assert kept(item) == 0


def test_it_takes_few_statements(world: World) -> None:
    item = states.in_progress(world.analyst)
    sent = statements(lambda: save_draft(item.id, call=Call(world.analyst), form=FORM))
    assert len(sent) <= ONE_SUBJECT, "\n".join(sent)


def test_the_answer_form_shows_it_again(world: World) -> None:
    item = states.in_progress(
        world.analyst, resolution_schema=SCHEMA, permitted_outcomes=["PASSED", "FAILED"]
    )
    mine, where = browser(world.analyst), f"/work-items/{item.id}/"
    html = page(mine, where)
    assert f'formaction="{where}draft/"' in html
    typed = {"outcome": "FAILED", "resolution.score": "seven", "version": str(item.version)}
    answer = mine.post(f"{where}draft/", typed)
    assert (answer.status_code, answer["Location"]) == (303, where)
    assert read(world.analyst, item)["form"] == {"outcome": "FAILED", "resolution.score": "seven"}
    html = page(mine, where)
    assert 'value="seven"' in html
    assert re.search(r'<input[^>]*value="FAILED"[^>]*checked', html)
    done = mine.post(
        f"{where}complete/",
        {"outcome": "PASSED", "resolution.score": "7", "version": str(item.version)},
    )
    assert done.status_code == 303
    assert kept(item) == 0
