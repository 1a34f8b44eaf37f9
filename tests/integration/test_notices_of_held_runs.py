"""A rollback that is paused, goes on, is held at its end, or may not begin: people hear of it."""

from __future__ import annotations

from cases.actions import resume_case, suspend_case
from compensation.actions.plan_execution import execute
from compensation.actions.run_verbs import pause as pause_run
from compensation.actions.run_verbs import resume as resume_run
from compensation.actions.step_verbs import retry_step
from ledger.tenancy import tenant_scope
from notifications.recipients import told_of
from tests.batching import FAILS, adjust
from tests.casework import deploy, finish, opened, plan_for, roll_back, run_row, undo
from tests.clients import api
from tests.definitions import human
from tests.draining import drain
from tests.integration.test_batch_rollback import _failed
from tests.integration.test_governed_executions import policy
from tests.integration.test_governed_runs import ROLL_BACK
from tests.integration.test_notices_counted import done_case, notices, so_far
from tests.integration.test_notices_of_trees import subjects_of
from tests.integration.test_notifications import event_of
from tests.integration.test_undone_on_fault import failed, in_order, says
from tests.integration.test_waivers import three
from tests.states import actions_of, change_roles
from tests.subcases import below, child, statuses
from tests.world import World
from verbs.call import Call

PAUSED = "amends.compensation_run.compensation_paused.v1"
RESUMED = "amends.compensation_run.compensation_resumed.v1"


def titles(world: World, who: str) -> list[str]:
    """Return what somebody was told in the application, newest first."""
    found = api(world.of(who)).get("/api/v1/notifications").json()["results"]
    return [each["title"] for each in found]


def test_a_pause_and_its_end_are_told_to_requester_and_operators_but_not_who_did_it(
    world: World,
) -> None:
    case_id = done_case(world, 2)
    plan = plan_for(world, case_id)
    run = execute(plan.id, call=Call(world.admin, digest=plan.digest))
    drain()
    before = so_far(world)
    pause_run(run.id, call=Call(world.operator), reason="The office is closed")
    drain()
    assert notices(world, before) == {("admin", "rollback_paused"): 1}
    assert subjects_of(world, "rollback_paused", before) == {run.id}
    [told] = [each for each in titles(world, "admin") if each.endswith(" is paused")]
    assert told.startswith("Rollback of ")
    resume_run(run.id, call=Call(world.admin))
    drain()
    assert notices(world, before) == {
        ("admin", "rollback_paused"): 1,
        ("operator", "rollback_resumed"): 1,
    }


def test_who_asked_hears_though_they_are_no_operator_any_more(world: World) -> None:
    case_id = done_case(world, 2)
    run = roll_back(world, case_id)
    change_roles(world, world.operator, "member")
    before = so_far(world)
    pause_run(run.id, call=Call(world.admin))
    drain()
    assert notices(world, before) == {("operator", "rollback_paused"): 1}


def test_a_case_that_is_held_during_its_rollback_tells_the_same(world: World) -> None:
    case_id = done_case(world, 2)
    run = roll_back(world, case_id)
    before = so_far(world)
    suspend_case(case_id, call=Call(world.operator), reason="Stop")
    drain()
    resume_case(case_id, call=Call(world.operator))
    drain()
    assert notices(world, before) == {
        ("admin", "rollback_paused"): 1,
        ("admin", "rollback_resumed"): 1,
    }
    assert subjects_of(world, "rollback_resumed", before) == {run.id}


def test_what_is_over_before_it_is_heard_is_not_told(world: World) -> None:
    run = roll_back(world, done_case(world, 2))
    pause_run(run.id, call=Call(world.operator))
    paused = event_of(world, PAUSED, run.id)
    with tenant_scope(world.operator.tenant_id):
        assert [each.topic for each in told_of([paused])] == ["rollback_paused"]
    resume_run(run.id, call=Call(world.operator))
    resumed = event_of(world, RESUMED, run.id)
    with tenant_scope(world.operator.tenant_id):
        assert [each.topic for each in told_of([paused, resumed])] == ["rollback_resumed"]
    pause_run(run.id, call=Call(world.operator))
    with tenant_scope(world.operator.tenant_id):
        assert told_of([resumed]) == []


def test_a_run_that_is_held_at_its_end_is_told_once_and_again_when_it_is_again(
    world: World,
) -> None:
    case_id = three(world)
    before = so_far(world)
    run = roll_back(world, case_id)
    undo(world.analyst, case_id)
    undo(world.analyst, case_id, "CANNOT_REVERSE")
    stopped = {("admin", "rollback_stopped"): 1, ("operator", "rollback_stopped"): 1}
    asked = ("analyst", "undo_waiting")
    assert notices(world, before) == {**stopped, asked: 3}
    undo(world.analyst, case_id)
    assert run_row(world, run.id).status == "FAULTED"
    held = {("admin", "rollback_held"): 1, ("operator", "rollback_held"): 1}
    assert notices(world, before) == {**stopped, **held, asked: 3}
    assert subjects_of(world, "rollback_held", before) == {run.id}
    assert [each for each in titles(world, "admin") if "nothing left but what failed" in each]
    retry_step(run.id, 2, call=Call(world.operator))
    drain()
    undo(world.analyst, case_id)
    assert run_row(world, run.id).status == "COMPLETED"
    assert notices(world, before) == {
        **stopped, **held, asked: 4, ("operator", "rollback_ended"): 1,
        ("analyst", "work_undone"): 1,
    }  # fmt: skip


def test_a_case_that_may_not_be_rolled_back_by_itself_is_told_to_its_opener_and_operators(
    world: World,
) -> None:
    policy(world, "deny", ROLL_BACK, reason="Books closed")
    deploy(world, says(in_order()))
    case_id = opened(world, "tests/failing")
    before = so_far(world)
    failed(world, case_id)
    drain()
    found = notices(world, before)
    told = {who for (who, topic), n in found.items() if topic == "rollback_refused" and n == 1}
    assert told == {"admin", "operator"}
    assert subjects_of(world, "rollback_refused", before) == {case_id}
    [said] = [each for each in titles(world, "admin") if each.startswith("Not rolled back")]
    assert said.startswith("Not rolled back by itself: ")


def test_a_case_that_only_waits_for_another_rollback_is_not_told_of(world: World) -> None:
    """It is rolled back by itself after that: nothing is left to anybody."""
    deploy(world, says(in_order()) | {"name": "low"})
    deploy(world, says([human("own"), below("low", "low"), human("last")]))
    top = opened(world, "tests/failing")
    finish(world.analyst, top, "own", "OK")
    inner = child(world, top).id
    before = so_far(world)
    failed(world, inner, "b")
    drain()
    assert statuses(world, top) == ["FAULTED", "COMPENSATING"]
    assert actions_of(world, "case", top).count("compensation_refused") == 1
    assert subjects_of(world, "case_failed", before) == {top, inner}
    undo(world.analyst, inner)
    assert statuses(world, top) == ["COMPENSATING", "COMPENSATED"]
    assert subjects_of(world, "rollback_refused", before) == set()


def test_what_is_refused_after_that_is_told(world: World) -> None:
    deploy(world, says(in_order()) | {"name": "low"})
    deploy(world, says([human("own"), below("low", "low"), human("last")]))
    top = opened(world, "tests/failing")
    finish(world.analyst, top, "own", "OK")
    inner = child(world, top).id
    before = so_far(world)
    failed(world, inner, "b")
    drain()
    assert subjects_of(world, "rollback_refused", before) == set()
    policy(world, "deny", ROLL_BACK, reason="Books closed")
    undo(world.analyst, inner)
    assert statuses(world, top) == ["FAULTED", "COMPENSATED"]
    assert actions_of(world, "case", top).count("compensation_refused") == 2
    assert subjects_of(world, "rollback_refused", before) == {top}


def test_a_batch_that_may_not_be_rolled_back_is_told_unless_there_was_nothing_to_undo(
    world: World,
) -> None:
    policy(world, "require_approval", ROLL_BACK)
    before = so_far(world)
    batch = _failed(world, adjust("a", 11), FAILS, on_failure="compensate")
    assert subjects_of(world, "rollback_refused", before) == {batch.id}
    before = so_far(world)
    _failed(world, FAILS, adjust("a", 11), on_failure="compensate")
    assert subjects_of(world, "rollback_refused", before) == set()
    assert subjects_of(world, "batch_failed", before) != set()
