"""A case that failed says why in a sentence, with the step by its title, on its page, in the notice
and in the mail; binding names and expressions stand folded, for whoever wrote the definition."""

from __future__ import annotations

import re
import uuid

import pytest
from django.core import mail

from cases.fault_words import of_step, why_it_failed
from ledger.tenancy import tenant_scope
from notifications.models import Delivery
from notifications.texts import texts_of
from tests.casework import case_row, deploy, finish, opened, steps
from tests.casework import roll_back as begin_rollback
from tests.clients import browser
from tests.definitions import definition, human
from tests.draining import drain
from tests.integration.workitems_made import page
from tests.pages import text_of
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)
_FOLDED = re.compile(r'<details class="card decide[^>]*>.*?</details>', re.DOTALL)


@pytest.mark.parametrize(
    ("stored", "sentence", "folded"),
    [
        ("credit-check: rejected, No papers", "“Credit check” was rejected: “No papers”", False),
        ("pay: faulted, RuntimeError: shut", "“Pay” failed: “shut”", True),
        ("pay: cancelled", "“Pay” was cancelled.", False),
        ("a-b: null (null) has no keys (in: .x | keys)",
         "“A b” stands still: its definition cannot use what the case knows.", True),
        ("a: Not valid. /input/amount: too small", "“A” could not begin.", True),
        ("a: has fired 1000 times", "“A” has started too often.", True),
        ("pay: It was undone before anybody knew whether it had happened.",
         "“Pay” was undone before anybody knew whether it had happened.", False),
        ("A failure goal was reached.",
         "It has come to one of the ends that its definition calls a failure.", False),
        ("null (null) has no keys (in: keys)",
         "Its definition cannot tell whether it has ended.", True),
    ],
)  # fmt: skip
def test_what_is_stored_of_a_fault_is_told(stored: str, sentence: str, *, folded: bool) -> None:
    assert why_it_failed(stored) == (sentence, stored if folded else "")


def test_a_step_is_told_whether_or_not_its_name_is_stored_with_it() -> None:
    assert of_step("a", "a: rejected, bad") == of_step("a", "rejected, bad")
    assert of_step("a", "rejected, bad").sentence == "“A” was rejected: “bad”"


@pytest.fixture
def stuck(world: World) -> uuid.UUID:
    """A case that failed because of a condition."""
    deploy(world, definition("stuck", human("look-at-it", when=".n | keys | length > 0")))
    return opened(world, "tests/stuck", {"n": "x"})


def test_its_page_tells_it_and_folds_the_rest(world: World, stuck: uuid.UUID) -> None:
    html = page(browser(world.operator), f"/cases/{stuck}/")
    told = "“Look at it” stands still: its definition cannot use what the case knows."
    seen = text_of(_FOLDED.sub("", html).encode())
    assert seen.count(told) >= 2  # under the title, and in the timeline
    assert "look-at-it" not in seen
    assert "keys" not in seen
    folds = "".join(_FOLDED.findall(html))
    assert "Details for whoever wrote the definition" in folds
    assert case_row(world, stuck).fault in text_of(folds.encode())


def test_notice_and_mail_tell_it(world: World, stuck: uuid.UUID) -> None:
    assert case_row(world, stuck).status == "FAULTED"
    drain()
    with tenant_scope(world.operator.tenant_id):
        rows = list(Delivery.objects.filter(topic="case_failed"))
        texts = {text.text for text in texts_of(rows).values()}
    assert texts == {"“Look at it” stands still: its definition cannot use what the case knows."}
    sent = [each.body for each in mail.outbox if "“Look at it” stands still" in each.body]
    assert len(sent) == len({row.id for row in rows if row.channel == "email"}) > 0
    assert all("keys" not in body and "look-at-it" not in body for body in sent)


def test_an_undo_that_its_definition_does_not_say_rightly(world: World) -> None:
    undo = {"name": "undo-a", "compensation": True,
            "humanTask": {"title": "Undo A", "inputMapping": "[1] | ."}}  # fmt: skip
    doing = human("a", compensate="undo-a", compensation=None)
    deploy(world, definition("odd", doing, undo))
    case_id = opened(world, "tests/odd")
    finish(world.analyst, case_id, "a", None)
    run = begin_rollback(world, case_id)
    [step] = steps(world, run.id)
    assert step.status == "FAILED"
    for path in (f"/compensation-runs/{run.id}/", f"/compensation-runs/{run.id}/steps/1/"):
        html = page(browser(world.operator), path)
        seen = text_of(_FOLDED.sub("", html).encode())
        assert "What its undo needs is not said rightly by the definition." in seen, path
        assert "inputMapping" not in seen, path
        assert "undo-a" not in seen, path
    assert "undo-a: the inputMapping must give an object" in text_of(html.encode())
