"""Steps of a case that read what an undone step had written: marked, reviewed, not twice."""

from __future__ import annotations

import datetime as dt
import time
import uuid
from typing import Any

import pytest
import time_machine

from cases.actions.results_read import readers
from cases.definitions import compile_definition
from cases.models import PlanItem
from executions.models import Execution
from ledger.models import OutboxTask
from ledger.tenancy import system_scope, tenant_scope
from tests.casework import deploy, finish, opened, plan_items, roll_back
from tests.clients import api
from tests.definitions import automated, definition, human
from tests.draining import drain
from tests.integration.test_influence import fresh, history, reviews
from tests.integration.test_influence import stored as items
from tests.states import work
from tests.verifying import verify
from tests.world import World
from verbs.call import Call
from workitems.actions import compensate, complete, start


def task(name: str, reads: str, when: str) -> dict[str, Any]:
    made = human(name, f"({when}) and .{name} == null")
    made["humanTask"]["inputMapping"] = reads
    return made


def made_case(world: World, *, deployed: bool = False) -> uuid.UUID:
    """Three tasks and a program: `value` and the program read the score, `photo` does not."""
    if not deployed:
        deploy(world, definition(
            "scoring", task("score", "{}", "true"),
            task("value", "{s: .score}", ".score != null"),
            automated("wait", "demo.slow", ".score != null", "{seconds: 0}",
                      compensation={"mode": "human"}),
            task("photo", "{}", "true"),
            success=".value != null and .photo != null and .wait != null",
        ))  # fmt: skip
    case_id = opened(world, "tests/scoring")
    finish(world.analyst, case_id, "score", None)
    finish(world.surveyor, case_id, "photo", None)
    finish(world.surveyor, case_id, "value", None)
    return case_id


_REVIEWS = {"Review again: Do value", "Review again: Wait"}


def undo_of_score(world: World, case_id: uuid.UUID, *, drained: bool = True) -> None:
    score = plan_items(world, case_id)["score"].work[1]
    compensate(score, call=Call(world.operator), reason="It was forged")
    [undo] = items(world, compensates_id=score)
    work(world.analyst, undo.id, "REVERSED")
    if drained:
        drain()


def executed(world: World, case_id: uuid.UUID) -> Execution:
    with tenant_scope(world.operator.tenant_id):
        return Execution.objects.get(case_id=case_id, binding="wait", undoes_id=None)


def test_what_read_it_is_marked_and_reviewed_and_what_did_not_is_not(world: World) -> None:
    case_id = made_case(world)
    undo_of_score(world, case_id)
    found = plan_items(world, case_id)
    value, photo = (fresh(world, found[name].work[1]) for name in ("value", "photo"))
    assert (value.tainted, photo.tainted, executed(world, case_id).tainted) == (True, False, True)
    assert {each.title for each in reviews(world)} == {
        "Review again: Do value",
        "Review again: Wait",
    }
    entry = history(world, value)[-1]
    assert entry.action == "tainted"
    assert [each["id"] for each in entry.payloads["sources"]] == [str(found["score"].work[1])]
    undone = history(world, fresh(world, found["score"].work[1]))[-1]
    assert entry.caused_by is not None
    assert entry.caused_by.id == undone.id
    shown = api(world.operator).get(f"/api/v1/executions/{executed(world, case_id).id}").json()
    assert shown["tainted"] is True
    # The work itself stands as it was.
    assert (value.status, executed(world, case_id).status) == ("COMPLETED", "SUCCEEDED")
    verify()


def test_it_is_marked_once_however_often_it_is_heard(world: World) -> None:
    case_id = made_case(world)
    undo_of_score(world, case_id)
    with system_scope("dispatch"):
        heard = OutboxTask.objects.filter(consumer="cases.used_results")
        assert heard.update(done_at=None, attempts=0) > 0
    drain()
    assert len(reviews(world)) == 2


def test_what_the_same_rollback_undoes_is_not_marked(world: World) -> None:
    case_id = made_case(world)
    run = roll_back(world, case_id)
    for _number in range(4):
        with tenant_scope(world.operator.tenant_id):
            open_ = items(world, kind="COMPENSATION", status="ASSIGNED", run_id=run.id)
            pool = items(world, kind="COMPENSATION", status="PENDING", run_id=run.id)
        for each in [*open_, *pool]:
            who = next(
                (
                    one
                    for one in (world.analyst, world.surveyor)
                    if one.actor_id == each.assignee_id
                ),
                world.operator,
            )
            work(who, each.id, "REVERSED")
            drain()
    assert api(world.operator).get(f"/api/v1/cases/{case_id}").json()["status"] == "COMPENSATED"
    assert reviews(world) == []


def test_a_rollback_of_one_step_alone_marks_at_its_end(world: World) -> None:
    case_id = made_case(world)
    scope = {"kind": "steps", "steps": ["score"], "only_this": True}
    run = roll_back(world, case_id, scope=scope)
    assert reviews(world) == []
    [undo] = items(world, kind="COMPENSATION", run_id=run.id)
    work(world.analyst, undo.id, "REVERSED")
    drain()
    assert {each.title for each in reviews(world)} == {
        "Review again: Do value",
        "Review again: Wait",
    }


def _answered(world: World, title: str, who: Any, outcome: str) -> None:
    [review] = [each for each in reviews(world) if each.title == title]
    start(review.id, call=Call(who))
    complete(review.id, call=Call(who), outcome=outcome, reason="Looked at it")
    drain()


def test_a_review_that_says_so_undoes_an_execution_in_the_operators_name(world: World) -> None:
    case_id = made_case(world)
    undo_of_score(world, case_id)
    _answered(world, "Review again: Wait", world.operator, "compensate")
    assert executed(world, case_id).status == "COMPENSATING"
    [run] = api(world.operator).get("/api/v1/compensation-runs").json()["results"]
    assert (run["requested_by"], run["reason"]) == (world.operator.username, "Looked at it")


@pytest.mark.parametrize("outcome", ["keep", "correct"])
def test_any_other_answer_lets_it_stand(world: World, outcome: str) -> None:
    case_id = made_case(world)
    undo_of_score(world, case_id)
    _answered(world, "Review again: Wait", world.operator, outcome)
    assert executed(world, case_id).status == "SUCCEEDED"
    assert api(world.operator).get("/api/v1/compensation-runs").json()["results"] == []


def rows_of(*versions: tuple[int, int]) -> list[PlanItem]:
    """Return three steps that each wrote `k`, opened and taken in at these versions of their case;
    by the clock all of that was at one moment."""
    moment = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    return [
        PlanItem(
            binding=name, type="work_item", target_id=uuid.uuid4(), status="COMPLETED",
            completion_seq=at + 1, written=["k"], created_at=moment, ended_at=moment,
            case_version=opened_at, taken_version=taken_at,
        )
        for at, (name, (opened_at, taken_at)) in enumerate(zip("abc", versions, strict=True))
    ]  # fmt: skip


def read_by(rows: list[PlanItem], undone: PlanItem, **fires: Any) -> list[str]:
    """Return the steps of `rows` that have read what one of them had written."""
    first = {**task("a", "{}", "true"), **fires}
    compiled = compile_definition(definition(
        "anew", first, task("b", "{}", "true"), task("c", "{k: .k}", "true"),
    ), capabilities=None)  # fmt: skip
    _type, id_ = undone.work
    return [each.binding for each in readers(rows, compiled, {id_: {id_}})]


def test_whose_key_was_written_anew_is_not_read() -> None:
    """`a` writes, `b` writes the same anew, `c` reads it: it has read what `b` wrote."""
    rows = rows_of((1, 2), (2, 3), (3, 4))
    assert read_by(rows, rows[0]) == []
    assert read_by(rows, rows[1]) == ["c"]


def test_ties_of_the_clock_change_nothing() -> None:
    """All was at one moment; what was begun before a result was taken in has not read it."""
    late = rows_of((1, 3), (1, 4), (2, 5))
    assert [read_by(late, each) for each in late] == [[], [], []]
    between = rows_of((1, 2), (1, 4), (3, 5))
    assert [read_by(between, each) for each in between] == [["c"], [], []]
    # `b` was completed after `a`, and taken in before it.
    turned = rows_of((1, 3), (1, 2), (3, 4))
    assert [read_by(turned, each) for each in turned] == [["c"], [], []]


def test_what_a_step_wrote_as_it_fired_is_read_by_what_is_opened_later() -> None:
    """A step has the version that its firing made, as has what that starts at once. What was opened
    before has not read it; and its result may have left the key as it was."""
    rows = rows_of((2, 9), (2, 9), (2, 9))
    written = {"contextWrite": {"k": 1}}
    assert read_by(rows, rows[0], **written) == ["c"]
    rows[2].case_version = 1
    assert read_by(rows, rows[0], **written) == []
    rows = rows_of((2, 4), (2, 3), (5, 6))
    assert read_by(rows, rows[0], **written) == ["c"]
    assert read_by(rows, rows[1], **written) == ["c"]


def test_what_begins_with_what_a_step_wrote_as_it_fired_is_marked(world: World) -> None:
    writes = human("score", ".score == null and .k == null", contextWrite={"k": 1})
    deploy(world, definition("fired", writes, task("value", "{k: .k}", ".k != null")))
    case_id = opened(world, "tests/fired")
    finish(world.surveyor, case_id, "value", None)
    finish(world.analyst, case_id, "score", None)
    undo_of_score(world, case_id)
    assert {each.title for each in reviews(world)} == {"Review again: Do value"}


def test_clock_jumps_do_not_reorder_anything(world: World) -> None:
    """By the clock the readers began an hour before what they read; and what was begun beside
    it, an hour after."""
    when = task("score", "{}", "true"), task("value", "{s: .score}", ".score != null")
    beside = task("beside", "{s: .score}", "true")
    deploy(world, definition("jumps", *when, beside))
    with time_machine.travel(time.time() + 3600, tick=True):
        case_id = opened(world, "tests/jumps")
    finish(world.analyst, case_id, "score", None)
    with time_machine.travel(time.time() - 3600, tick=True):
        drain()
    finish(world.surveyor, case_id, "value", None)
    finish(world.surveyor, case_id, "beside", None)
    undo_of_score(world, case_id)
    assert {each.title for each in reviews(world)} == {"Review again: Do value"}
