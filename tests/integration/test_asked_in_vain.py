"""A page that asks before a verb is done asks nobody for nothing: where it cannot be done now, it
says why and shows no form."""

from __future__ import annotations

import pytest
from django.urls import reverse

from tests.clients import browser
from tests.integration.workitems_made import opened, page
from tests.pages import text_of
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
