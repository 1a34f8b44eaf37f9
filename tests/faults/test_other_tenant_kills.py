"""Killed while a request, or its answer, is carried between tenants: each happens once."""

from __future__ import annotations

import signal
from typing import Any

from tests.clients import api
from tests.faults.kills import Runner
from tests.faults.test_failpoints import PATHS
from tests.integration import two_tenants as two
from tests.integration.test_influence import reviews
from tests.integration.test_results_read_in_cases import made_case, undo_of_score
from tests.verifying import verify
from tests.world import World


def _asked_once(world: World, own: dict[str, Any]) -> None:
    """Have our item undone, and let nobody carry that yet."""
    path = f"work-items/{own['id']}/compensate"
    assert two.post(api(world.operator), path, {"reason": two.WHY}).status_code == 201


def test_a_request_is_written_once_wherever_its_carrier_is_killed(
    world: World, runner: Runner
) -> None:
    for number, point in enumerate(PATHS["ask"], start=1):
        there = two.theirs(world)
        own = two.ours(world, two.remote_of(world, there["id"]))
        _asked_once(world, own)
        by = world.operator
        assert runner.do("work", by.tenant_id, by, point=point) == -signal.SIGKILL, point
        assert runner.do("work", by.tenant_id, by) == 0, point
        assert len(two.their_requests(world)) == number, point
        waiting = two.asking(world, own)
        assert (waiting["status"], "request" in waiting["remote"]) == ("WAITING", True), point
        here = two.entries(by.tenant_id, "execution", waiting["id"])
        assert [each.action for each in here] == ["requested", "asked_elsewhere"], point
    verify()


def test_an_answer_comes_back_once_wherever_its_carrier_is_killed(
    world: World, runner: Runner
) -> None:
    by = world.operator
    for point in PATHS["answer"]:
        there = two.theirs(world)
        own = two.ours(world, two.remote_of(world, there["id"]))
        two.ask(world, own)
        request = two.asked(world)[0]
        two.decide(world, "approve", request)
        two.undo_theirs(world, there, drained=False)
        assert runner.do("work", by.tenant_id, by, point=point) == -signal.SIGKILL, point
        assert runner.do("work", by.tenant_id, by) == 0, point
        waiting = two.asking(world, own)
        here = two.entries(by.tenant_id, "execution", waiting["id"])
        assert [each.action for each in here] == [
            "requested", "asked_elsewhere", "answered_elsewhere", "succeeded",
        ], point  # fmt: skip
        theirs = two.entries(world.outsider.tenant_id, "compensation_request", request["id"])
        assert [each.action for each in theirs] == ["requested", "approved", "done"], point
        assert two.item(world, own["id"])["status"] == "COMPENSATED", point
    verify()


def test_an_approval_killed_in_the_middle_happens_once_or_not_at_all(
    world: World, runner: Runner
) -> None:
    there = two.theirs(world)
    own = two.ours(world, two.remote_of(world, there["id"]))
    two.ask(world, own)
    [request] = two.their_requests(world)
    for point in PATHS["agree"]:
        killed = runner.do("agree", request.id, world.outsider, point=point)
        assert killed == -signal.SIGKILL, point
        assert [each.status for each in two.their_requests(world)] == ["PENDING"], point
    assert runner.do("agree", request.id, world.outsider) == 0
    assert [each.status for each in two.their_requests(world)] == ["APPROVED"]
    assert len(api(world.outsider).get("/api/v1/compensation-runs").json()["results"]) == 1
    verify()


def test_what_read_an_undone_result_is_marked_once_wherever_the_marking_is_killed(
    world: World, runner: Runner
) -> None:
    for number, point in enumerate(PATHS["mark"], start=1):
        case_id = made_case(world, deployed=number > 1)
        undo_of_score(world, case_id, drained=False)
        by = world.operator
        assert runner.do("work", by.tenant_id, by, point=point) == -signal.SIGKILL, point
        assert runner.do("work", by.tenant_id, by) == 0, point
        assert len(reviews(world)) == 2 * number, point
    verify()
