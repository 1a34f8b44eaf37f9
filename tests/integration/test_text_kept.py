"""What somebody typed is handed back when somebody else, or another tab, was faster."""

from __future__ import annotations

import re
from html import unescape

from tests.casework import approved_loan, open_item, open_loan, roll_back, undo
from tests.clients import browser
from tests.pages import form_of, text_of
from tests.world import World
from verbs.call import Call
from workitems.actions import complete, resume, start, suspend


def kept(html: bytes) -> dict[str, str]:
    """Return the texts that a page hands back, by their labels: read-only, to be copied."""
    found = re.findall(
        r'<label for="(kept_[^"]+)">([^<]+)</label>.*?<textarea id="\1" rows="2" readonly>([^<]*)<',
        html.decode(), re.DOTALL,
    )  # fmt: skip
    return {label: unescape(text) for _id, label, text in found}


def test_an_answer_that_came_second_is_handed_back(world: World) -> None:
    case_id = open_loan(world)
    item = open_item(world.analyst, case_id, "credit-check").id
    start(item, call=Call(world.analyst))
    tab = browser(world.analyst)
    url = f"/work-items/{item}/"
    fields = form_of(tab.get(url).content, "complete/")
    typed = {**fields, "outcome": "FAILED", "resolution.note": "Owes <more> than\nhe said"}
    finish_elsewhere = {**fields, "outcome": "PASSED"}
    assert tab.post(f"{url}complete/", finish_elsewhere).status_code == 303
    answer = tab.post(f"{url}complete/", typed)
    assert answer.status_code in {409, 412}
    assert kept(answer.content) == {
        "What happened": "Failed", "Note": "Owes <more> than\nhe said",
    }  # fmt: skip
    assert b'name="resolution.note"' not in answer.content


def test_a_decision_that_came_second_is_handed_back(world: World) -> None:
    case_id = approved_loan(world)
    run = roll_back(world, case_id)
    undo(world.underwriter, case_id, "CANNOT_REVERSE")
    operator = browser(world.operator)
    url = f"/compensation-runs/{run.id}/steps/2/"
    fields = form_of(operator.get(url).content, "attest/")
    assert operator.post(f"{url}attest/", {**fields, "evidence": "First letter"}).status_code == 303
    answer = operator.post(f"{url}abandon/", {**fields, "reason": "Nobody can do it"})
    assert answer.status_code in {409, 412}
    assert kept(answer.content) == {"Why it stays": "Nobody can do it"}
    assert b'name="reason"' not in answer.content


def test_a_reason_typed_on_a_page_of_its_own_is_handed_back(world: World) -> None:
    case_id = open_loan(world)
    item = open_item(world.analyst, case_id, "credit-check").id
    start(item, call=Call(world.analyst))
    tab = browser(world.analyst)
    url = f"/work-items/{item}/reject/"
    assert tab.get(url).status_code == 200
    complete(item, call=Call(world.analyst), outcome="PASSED", resolution=None)
    answer = tab.post(url, {"reason": "The file is empty"})
    assert answer.status_code == 409
    assert kept(answer.content) == {"Reason": "The file is empty"}
    assert b'name="reason"' not in answer.content
    assert f'href="/work-items/{item}/"'.encode() in answer.content


def test_where_the_form_is_still_there_the_text_is_in_it(world: World) -> None:
    case_id = open_loan(world)
    item = open_item(world.analyst, case_id, "credit-check").id
    start(item, call=Call(world.analyst))
    suspend(item, call=Call(world.operator))
    resume(item, call=Call(world.operator))
    tab = browser(world.analyst)
    answer = tab.post(f"/work-items/{item}/reject/", {"reason": "The file is empty", "version": 1})
    assert answer.status_code == 412
    assert kept(answer.content) == {}
    assert "The file is empty" in text_of(answer.content)
    assert b'name="reason"' in answer.content
