"""Approvals as people see them: the queue, one approval, the page of the task, and notices."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.tenancy import tenant_scope
from notifications.models import Delivery
from tests.approvals import TWO, approve, ask, asked, finished, reject, second_approver, stored
from tests.clients import browser
from tests.draining import drain
from tests.integration.test_pages_live import Poll
from tests.integration.workitems_made import page, titles
from tests.world import World
from verbs.call import Call

pytestmark = pytest.mark.django_db(transaction=True)
TITLE = "Undo of Check the credit"


def told(world: World, who: Any) -> list[str]:
    """Return the topics somebody was told of approvals, oldest first."""
    drain()
    with tenant_scope(world.system.tenant_id):
        rows = Delivery.objects.filter(
            recipient_id=who.actor_id, channel="in_app", subject_type="approval"
        )
        return list(rows.order_by("created_at", "id").values_list("topic", flat=True))


def test_the_queue_holds_what_waits_for_oneself(world: World) -> None:
    asked(world)
    theirs = page(browser(world.approver), "/approvals/")
    assert titles(theirs) == [TITLE]
    assert "1 waits for your approval." in theirs
    assert "waits for an approver" in theirs
    for name in ("operator", "bystander"):
        empty = page(browser(world.of(name)), "/approvals/")
        assert titles(empty) == []
        assert "Nothing to approve" in empty
    assert titles(page(browser(world.operator), "/approvals/?show=asked")) == [TITLE]
    assert titles(page(browser(world.bystander), "/approvals/?show=all")) == [TITLE]
    assert titles(page(browser(world.outsider), "/approvals/?show=all")) == []
    assert "show: must be waiting, asked or all" in page(
        browser(world.operator), "/approvals/?show=none", status=422
    )


def test_an_approval_is_read_granted_and_told_of(world: World) -> None:
    approval = asked(world, **TWO)
    theirs = browser(world.approver)
    shown = page(theirs, f"/approvals/{approval.id}/")
    assert TITLE in shown
    assert "It waits for an approver, and for another approval after that." in shown
    assert f'href="/work-items/{approval.about_id}/"' in shown
    assert "asked for approval of this" in shown
    form = page(theirs, f"/approvals/{approval.id}/approve/")
    assert "Reason" in form
    answer = theirs.post(f"/approvals/{approval.id}/approve/", {"version": "1"}, follow=True)
    assert "Your step is approved. The next one waits now." in answer.content.decode()
    assert stored(approval).step == 2
    second = browser(second_approver(world))
    answer = second.post(f"/approvals/{approval.id}/approve/", {"version": "2"}, follow=True)
    html = answer.content.decode()
    assert "Approved. What was asked for has happened." in html
    assert "Everybody who had to agree has agreed, and it was done." in html
    late = theirs.post(f"/approvals/{approval.id}/reject/", {"version": "3", "reason": "No"})
    assert late.status_code == 409


def test_asking_from_the_page_says_that_it_waits(world: World) -> None:
    item = finished(world)
    operator = browser(world.operator)
    sent = {"reason": "Forged", "version": str(item.version)}
    answer = operator.post(f"/work-items/{item.id}/compensate/", sent, follow=True)
    html = answer.content.decode()
    assert "Asked for. It waits for approval." in html
    assert "The undo has begun." not in html
    assert "Its undo needs agreement." in html
    assert "Waits for approval" in html
    assert "Its undo needs agreement." not in page(
        operator, f"/work-items/{finished(world, approval='none').id}/"
    )


def test_who_decides_hears_of_it_and_who_asked_hears_the_answer(world: World) -> None:
    second = second_approver(world)
    approval = asked(world, **TWO)
    for who in (world.approver, world.admin, second):
        assert told(world, who) == ["approval_waiting"]
    assert told(world, world.operator) == []
    approve(approval.id, call=Call(world.approver))
    assert told(world, second) == ["approval_waiting"] * 2
    assert told(world, world.approver) == ["approval_waiting"]
    assert told(world, world.operator) == []
    approve(approval.id, call=Call(second))
    assert told(world, world.operator) == ["approved"]
    refused = asked(world)
    reject(refused.id, call=Call(world.approver), reason="The customer agreed")
    assert told(world, world.operator) == ["approved", "not_approved"]
    html = page(browser(world.operator), "/notifications/")
    assert f"Not approved: {TITLE}" in html
    assert "The customer agreed" in html


def test_where_nobody_is_left_to_decide_the_operators_hear(world: World) -> None:
    approval = ask(finished(world), world.operator)
    with tenant_scope(world.system.tenant_id):
        approval.steps.update(roles=[], groups=["nobody"])
    assert told(world, world.admin) == ["approval_waiting"]
    assert told(world, world.approver) == []


def test_the_pages_of_the_task_and_the_approval_have_news(world: World) -> None:
    approval = asked(world, **TWO)
    polls = [
        Poll(browser(world.operator), f"/work-items/{approval.about_id}/"),
        Poll(browser(world.operator), f"/approvals/{approval.id}/"),
    ]
    assert [poll.ask() for poll in polls] == [304, 304]
    approve(approval.id, call=Call(world.approver))
    assert [poll.ask() for poll in polls] == [200, 200]
    assert [poll.ask() for poll in polls] == [304, 304]
