"""Steps that read what a case below had given, of which something is undone: marked, reviewed."""

from __future__ import annotations

import os
import uuid
from importlib import import_module
from typing import Any

import psycopg
import pytest
from django.db import connection

from cases.models import PlanItem
from ledger.models import OutboxTask
from ledger.tenancy import system_scope, tenant_scope
from tests.casework import case_row, deploy, finish, opened, plan_items, roll_back, undo
from tests.definitions import definition, human
from tests.draining import drain
from tests.integration.test_influence import fresh, history, reviews
from tests.integration.test_influence import stored as items
from tests.integration.test_results_read_in_cases import task
from tests.states import work
from tests.subcases import below, child
from tests.verifying import verify
from tests.world import World
from verbs.call import Call
from workitems.actions import compensate


def scored(world: World, **mapping: Any) -> tuple[uuid.UUID, uuid.UUID]:
    """Return a case that was given a score by a case below, and it: `letter` reads the score and
    `photo` does not; the case below has done `score` and, not asked for, `note`."""
    note = task("note", "{}", "true")
    deploy(
        world,
        definition(
            "low", task("score", "{}", "true"), note, success=".note != null and .score != null"
        ),
    )
    said = {"outputMapping": "{low: .score}", **mapping}
    deploy(world, definition(
        "top", below("low", "low", **said),
        task("letter", "{s: .low}", ".low != null"), task("photo", "{}", "true"),
        success=".letter != null and .photo != null",
    ))  # fmt: skip
    top = opened(world, "tests/top")
    low = child(world, top).id
    finish(world.analyst, low, "score", "GOOD")
    finish(world.analyst, low, "note", "OK")
    finish(world.surveyor, top, "letter", "SENT")
    finish(world.surveyor, top, "photo", "TAKEN")
    assert (case_row(world, top).status, case_row(world, low).status) == ("COMPLETED",) * 2
    return top, low


def tainted(world: World, case_id: uuid.UUID, *names: str) -> list[bool]:
    found = plan_items(world, case_id)
    return [fresh(world, found[name].work[1]).tainted for name in names]


def undo_alone(world: World, case_id: uuid.UUID, name: str) -> None:
    """Undo one task of a case by itself."""
    id_ = plan_items(world, case_id)[name].work[1]
    compensate(id_, call=Call(world.operator), reason="It was forged")
    [undone] = items(world, compensates_id=id_)
    work(world.analyst, undone.id, "REVERSED")
    drain()


def titles(world: World) -> list[str]:
    return sorted(each.title for each in reviews(world))


def test_a_case_below_rolled_back_by_itself_marks_who_used_what_it_gave(world: World) -> None:
    top, low = scored(world)
    roll_back(world, low)
    undo(world.analyst, low)
    undo(world.analyst, low)
    assert (case_row(world, top).status, case_row(world, low).status) == (
        "COMPLETED", "COMPENSATED",
    )  # fmt: skip
    assert tainted(world, top, "letter", "photo") == [True, False]
    assert titles(world) == ["Review again: Do letter"]
    entry = history(world, fresh(world, plan_items(world, top)["letter"].work[1]))[-1]
    source = plan_items(world, low)["score"].work[1]
    assert entry.action == "tainted"
    assert [each["id"] for each in entry.payloads["sources"]] == [str(source)]
    undone = history(world, fresh(world, source))[-1]
    assert entry.caused_by is not None
    assert entry.caused_by.id == undone.id
    verify()


@pytest.mark.parametrize(("name", "wanted"), [("score", ["Review again: Do letter"]), ("note", [])])
def test_one_task_below_undone_by_itself_marks_who_used_what_came_of_it(
    world: World, name: str, wanted: list[str]
) -> None:
    top, low = scored(world)
    undo_alone(world, low, name)
    assert titles(world) == wanted
    assert tainted(world, top, "letter", "photo") == [bool(wanted), False]


def test_what_maps_all_that_is_known_below_rests_on_all_of_it(world: World) -> None:
    top, low = scored(world, outputMapping="{low: .}")
    undo_alone(world, low, "note")
    assert tainted(world, top, "letter", "photo") == [True, False]


def test_it_is_marked_once_however_often_it_is_heard(world: World) -> None:
    top, low = scored(world)
    undo_alone(world, low, "score")
    with system_scope("dispatch"):
        heard = OutboxTask.objects.filter(consumer="cases.used_results")
        assert heard.update(done_at=None, attempts=0) > 0
    drain()
    assert titles(world) == ["Review again: Do letter"]
    assert tainted(world, top, "letter") == [True]


def test_what_the_same_rollback_undoes_above_is_not_marked(world: World) -> None:
    top, low = scored(world)
    roll_back(world, top)
    for who, case_id in ((world.surveyor, top), (world.surveyor, top), (world.analyst, low),
                         (world.analyst, low)):  # fmt: skip
        undo(who, case_id)
    assert (case_row(world, top).status, case_row(world, low).status) == ("COMPENSATED",) * 2
    assert titles(world) == []


def test_a_rollback_above_of_the_case_below_alone_marks_at_its_end(world: World) -> None:
    top, low = scored(world)
    roll_back(world, top, scope={"kind": "steps", "steps": ["low"], "only_this": True})
    undo(world.analyst, low)
    assert titles(world) == []
    undo(world.analyst, low)
    assert (case_row(world, top).status, case_row(world, low).status) == (
        "COMPLETED", "COMPENSATED",
    )  # fmt: skip
    assert titles(world) == ["Review again: Do letter"]


def test_it_goes_up_through_every_level_that_hands_it_on(world: World) -> None:
    deploy(world, definition("low", task("score", "{}", "true"), success=".score != null"))
    deploy(world, definition(
        "middle", below("low", "low", outputMapping="{low: .score}"),
        task("own", "{}", "true"), success=".own != null and .low != null",
    ))  # fmt: skip
    deploy(world, definition(
        "top", below("middle", "middle", outputMapping="{got: .low, own: .own}",
                     when=".got == null"),
        task("letter", "{s: .got}", ".got != null"), task("photo", "{}", "true"),
        success=".letter != null and .photo != null",
    ))  # fmt: skip
    top = opened(world, "tests/top")
    middle = child(world, top).id
    low = child(world, middle).id
    finish(world.analyst, low, "score", "GOOD")
    finish(world.analyst, middle, "own", "OK")
    finish(world.surveyor, top, "letter", "SENT")
    finish(world.surveyor, top, "photo", "TAKEN")
    undo_alone(world, low, "score")
    assert tainted(world, top, "letter", "photo") == [True, False]
    assert tainted(world, middle, "own") == [False]


def test_a_review_above_undoes_and_what_had_read_that_is_looked_at_next(world: World) -> None:
    """Two cases below that each read what the other gave: a circle, which ends."""
    first = task("a", "{b: .b}", ".a == null")
    deploy(world, definition("low", first, success=".a != null"))
    deploy(world, definition(
        "ring", below("one", "low", when=".one == null", outputMapping="{one: .a}"),
        human("b", when=".one != null and .b == null",
              humanTask={"title": "Do b", "inputMapping": "{s: .one}", "outputMapping": "{b: .}"}),
        human("c", when=".b != null and .c == null",
              humanTask={"title": "Do c", "inputMapping": "{s: .b}",
                         "outputMapping": "{c: ., one: .}"}),
        success=".c != null",
    ))  # fmt: skip
    top = opened(world, "tests/ring")
    low = child(world, top).id
    finish(world.analyst, low, "a", "OK")
    finish(world.analyst, top, "b", "OK")
    finish(world.analyst, top, "c", "OK")
    undo_alone(world, low, "a")
    assert titles(world) == ["Review again: Do b"]
    undo_alone(world, top, "b")
    assert titles(world) == ["Review again: Do b", "Review again: Do c"]
    undo_alone(world, top, "c")
    assert titles(world) == ["Review again: Do b", "Review again: Do c"]
    with tenant_scope(world.operator.tenant_id):
        rows = PlanItem.objects.filter(case_id__in=[top, low], target_id__isnull=False)
        assert {each.compensation_state for each in rows if not each.is_case} == {"COMPENSATED"}
    verify()


def test_of_steps_that_are_there_the_ledger_says_when_their_results_came(world: World) -> None:
    scored(world)
    migration = import_module("cases.migrations.0023_taken_version")
    url, name = os.environ["DATABASE_SUPERUSER_URL"], str(connection.settings_dict["NAME"])
    said = "SELECT id, taken_version FROM cases_planitem WHERE tenant_id = %s"
    tenant = [world.operator.tenant_id]
    with psycopg.connect(url, dbname=name) as database, database.transaction(force_rollback=True):
        before: dict[Any, Any] = dict(database.execute(said, tenant).fetchall())
        database.execute("UPDATE cases_planitem SET taken_version = NULL")
        database.execute(migration.TAKEN.encode())
        after: dict[Any, Any] = dict(database.execute(said, tenant).fetchall())
    assert len(before) == 5
    assert None not in before.values()
    assert after == before
