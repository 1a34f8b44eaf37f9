"""A page that asks before a verb is done asks nobody for nothing: where it cannot be done now, it
says why and shows no form."""

from __future__ import annotations

import pytest
from django.urls import reverse

from executions.actions import request_execution
from tests.clients import browser
from tests.draining import drain, skip_backoffs
from tests.integration.workitems_made import opened, page
from tests.pages import text_of
from tests.states import faulted
from tests.world import World
from verbs.call import Call
from workitems.actions import cancel

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_cancelled_task_is_not_asked_about_again(world: World) -> None:
    item = opened(world, candidate_groups=["analysts"])
    path = reverse("workitems:cancel", args=[item.id])
    assert "textarea" in page(browser(world.operator), path)
    cancel(item.id, call=Call(world.operator), reason="Not needed")
    shown = page(browser(world.operator), path)
    assert "That is not possible: it is now “Cancelled”." in text_of(shown.encode())
    assert "textarea" not in shown.partition("<main")[2]


def test_an_undo_is_not_asked_about_where_it_cannot_be(world: World) -> None:
    original = faulted(world.operator).original
    client = browser(world.operator)
    for verb, why in (
        ("withdraw", "it is now “Needs a decision”"),
        ("compensate", "it is now “Needs a decision”"),
    ):
        shown = page(client, reverse(f"workitems:{verb}", args=[original.id]))
        assert why in text_of(shown.encode()), verb
        assert "textarea" not in shown.partition("<main")[2], verb
    again = page(client, reverse("workitems:retry", args=[original.id]))
    assert "textarea" in again.partition("<main")[2]


def test_a_step_that_has_failed_is_not_called_back(world: World) -> None:
    run = request_execution(
        call=Call(world.operator), capability="demo.fail", input={}, reason="To see it fail"
    )
    drain()
    while skip_backoffs():
        drain()
    shown = page(browser(world.operator), reverse("executions:cancel", args=[run.id]))
    assert "it is now “Failed”" in text_of(shown.encode())
    assert "textarea" not in shown.partition("<main")[2]
    assert f'href="{reverse("executions:list")}"' in shown.partition("<main")[2]


def test_cancelling_and_leaving_the_page_are_two_words(world: World) -> None:
    item = opened(world, candidate_groups=["analysts"])
    asked = page(browser(world.operator), reverse("workitems:cancel", args=[item.id]))
    assert ">Back</a>" in asked
    assert ">Cancel</a>" not in asked
    other = page(browser(world.operator), reverse("workitems:assign", args=[item.id]))
    assert ">Cancel</a>" in other


@pytest.mark.parametrize("verb", ["edit", "deactivate"])
def test_who_changes_a_member_has_a_way_back(world: World, verb: str) -> None:
    path = reverse(f"people:member-{verb}", args=[world.analyst.actor_id])
    shown = page(browser(world.admin), path)
    actions = shown.partition("<main")[2]
    assert f'class="btn" href="{reverse("people:members")}"' in actions
    # The menu says where one is.
    current = [line for line in shown.splitlines() if 'aria-current="page"' in line]
    assert any(reverse("people:settings") in line for line in current)
