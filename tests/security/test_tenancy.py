"""Whose rows a transaction sees and writes, as the application's own role. All of it commits."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable

import pytest
from django.db import DatabaseError, IntegrityError, ProgrammingError, transaction

from compensation.models import CompensationPlan
from ledger import tenancy
from ledger.clock import now
from ledger.record import EntryRef, record
from ledger.tenancy import (
    current_tenant,
    reading_scope,
    set_tenant,
    system_scope,
    tenant_scope,
)
from tests import states
from tests.casework import deploy, opened
from tests.definitions import definition, human
from tests.security.doors import acting_in, entry, execute, refused, unchanged
from tests.world import World, make_world
from workitems.models import CandidateUser, WorkItem

_WHO = "SELECT current_user::text, (SELECT count(id) FROM workitems_workitem)"


def test_without_a_tenant_there_is_nothing(world: World) -> None:
    states.new_item(world.analyst, candidate_groups=["analysts"])
    ((tables,),) = execute(
        "SELECT array_agg(DISTINCT tablename::text) FROM pg_policies WHERE schemaname = 'public'"
    )
    assert "workitems_workitem" in tables
    for table in tables:
        assert execute(f"SELECT count(*) FROM {table}") == [(0,)], table  # noqa: S608
        with transaction.atomic():
            assert execute(f"SELECT count(*) FROM {table}") == [(0,)], table  # noqa: S608


def test_an_empty_or_malformed_tenant_is_no_tenant(world: World) -> None:
    states.new_item(world.analyst)
    with transaction.atomic():
        execute("SELECT set_config('amends.tenant_id', '', true)")
        assert WorkItem.objects.count() == 0
    with refused("invalid input syntax"), transaction.atomic():
        execute("SELECT set_config('amends.tenant_id', 'x'' OR true --', true)")
        WorkItem.objects.count()


def test_what_a_tenant_cannot_be_set_for_is_said(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tenancy, "_SET_WORKING", "SELECT set_config('no_such', %s, true)")

    @transaction.atomic
    def count() -> int:
        set_tenant(world.system.tenant_id)
        return WorkItem.objects.count()

    # It begins the transaction together with the first statement, which is not run then.
    with pytest.raises(DatabaseError, match='parameter "no_such"'):
        count()


def test_the_tenant_does_not_outlive_its_transaction(world: World) -> None:
    states.new_item(world.analyst)
    with tenant_scope(world.system.tenant_id):
        assert WorkItem.objects.count() == 1
    assert WorkItem.objects.count() == 0
    with transaction.atomic():
        assert current_tenant() is None
    with pytest.raises(RuntimeError, match="transaction"):
        set_tenant(world.system.tenant_id)


def test_nested_scopes_restore_the_outer_tenant(world: World) -> None:
    ours, theirs = world.system.tenant_id, world.outsider.tenant_id
    states.new_item(world.analyst)
    with tenant_scope(ours):
        with tenant_scope(theirs):
            assert (current_tenant(), WorkItem.objects.count()) == (theirs, 0)
            with contextlib.suppress(ZeroDivisionError), tenant_scope(ours):
                assert WorkItem.objects.count() == 1
                raise ZeroDivisionError
            assert current_tenant() == theirs
        assert (current_tenant(), WorkItem.objects.count()) == (ours, 1)


def test_only_what_is_read_for_people_is_planned_for_its_own_values(world: World) -> None:
    ours, theirs = world.system.tenant_id, world.outsider.tenant_id
    states.new_item(world.analyst)
    mode = "SELECT current_setting('plan_cache_mode')"
    with reading_scope(ours):
        assert (execute(mode), WorkItem.objects.count()) == ([("force_custom_plan",)], 1)
        with reading_scope(theirs):
            assert WorkItem.objects.count() == 0
        assert current_tenant() == ours
    with tenant_scope(ours):
        assert execute(mode) == [("auto",)]


def test_a_system_scope_closes_again(world: World) -> None:
    states.new_item(world.analyst)
    with tenant_scope(world.outsider.tenant_id):
        assert WorkItem.objects.count() == 0
        with system_scope("verify"):
            assert WorkItem.objects.filter(tenant_id=world.system.tenant_id).count() == 1
        assert WorkItem.objects.count() == 0


def test_a_scope_opens_reading_and_not_writing(world: World) -> None:
    item = states.new_item(world.analyst)
    with refused("permission denied", ProgrammingError), system_scope("verify"):
        assert WorkItem.objects.filter(id=item.id).exists()
        WorkItem.objects.filter(id=item.id).update(title="Other")
    unchanged(world, item)


def test_a_transaction_goes_on_with_a_tenant_after_a_scope(world: World) -> None:
    item = states.new_item(world.analyst)
    with transaction.atomic():
        with system_scope("verify"):
            tenant_id = WorkItem.objects.values_list("tenant_id", flat=True).get(id=item.id)
        assert WorkItem.objects.count() == 0
        set_tenant(tenant_id)
        assert WorkItem.objects.get().id == item.id
        with system_scope("dispatch"):
            assert current_tenant() == tenant_id
        assert WorkItem.objects.get().title == item.title


@pytest.mark.parametrize("bound", [tenant_scope, reading_scope])
def test_a_tenant_within_a_system_scope_sees_its_own_rows_only(
    world: World, bound: Callable[[uuid.UUID], contextlib.AbstractContextManager[None]]
) -> None:
    ours, theirs = world.system.tenant_id, world.outsider.tenant_id
    states.new_item(world.analyst)
    with system_scope("verify"):
        everybody = execute(_WHO)
        with bound(theirs):
            assert (current_tenant(), WorkItem.objects.count()) == (theirs, 0)
            with bound(ours):
                assert WorkItem.objects.count() == 1
            assert WorkItem.objects.count() == 0
        assert execute(_WHO) == everybody
        assert everybody[0][0] == "amends_verify"
        set_tenant(theirs)
        assert WorkItem.objects.count() == 0


def test_a_row_cannot_point_into_another_tenant(world: World) -> None:
    item = states.new_item(world.analyst)
    stranger = world.outsider.actor_id
    with refused("_fk", IntegrityError), acting_in(world):
        WorkItem.objects.filter(id=item.id).update(assignee_id=stranger, version=item.version + 1)
    with refused("_fk", IntegrityError), acting_in(world):
        CandidateUser.objects.create(
            tenant_id=world.system.tenant_id, work_item_id=item.id, actor_id=stranger
        )
    unchanged(world, item)


def test_a_plan_cannot_be_about_another_tenants_case(world: World) -> None:
    theirs = make_world()
    deploy(theirs, definition("one", human("a")))
    foreign = opened(theirs, "tests/one")
    with refused("case_of_whole_id_fk", IntegrityError), acting_in(world):
        CompensationPlan.objects.create(
            tenant_id=world.system.tenant_id, subject_type="case", subject_id=foreign,
            whole_type="case", whole_id=foreign, scope={}, reason="x", digest="x", content={},
            created_by_id=world.operator.actor_id, created_at=now(), expires_at=now(),
        )  # fmt: skip
    with tenant_scope(world.system.tenant_id):
        assert CompensationPlan.objects.count() == 0


def test_a_row_cannot_be_written_into_or_moved_to_another_tenant(world: World) -> None:
    item = states.new_item(world.analyst)
    with refused("row-level security", ProgrammingError), acting_in(world):
        CandidateUser.objects.create(
            tenant_id=world.outsider.tenant_id,
            work_item_id=item.id,
            actor_id=world.analyst.actor_id,
        )
    with refused("row-level security", ProgrammingError), acting_in(world):
        WorkItem.objects.filter(id=item.id).update(tenant_id=world.outsider.tenant_id, version=2)
    with refused("row-level security", ProgrammingError), acting_in(world):
        record(entry(world, item, tenant_id=world.outsider.tenant_id, opens=True))
    unchanged(world, item)


def test_an_entry_cannot_link_into_another_tenant(world: World) -> None:
    theirs = states.new_item(world.outsider)
    (foreign,) = states.history(world.outsider, "work_item", theirs.id)
    item = states.new_item(world.analyst)
    for link in ("caused_by", "original"):
        with refused("_fk", IntegrityError), acting_in(world):
            record(entry(world, item, **{link: EntryRef(foreign.id, foreign.hash)}))
    unchanged(world, item)


def test_another_tenants_update_touches_nothing(world: World) -> None:
    item = states.new_item(world.analyst)
    with tenant_scope(world.outsider.tenant_id):
        assert WorkItem.objects.filter(id=item.id).update(title="Other", version=2) == 0
        assert not WorkItem.objects.filter(id=item.id).exists()
    unchanged(world, item)


def test_a_made_up_tenant_is_empty(world: World) -> None:
    states.new_item(world.analyst)
    with tenant_scope(uuid.uuid4()):
        assert WorkItem.objects.count() == 0


def test_what_is_written_at_every_step_has_no_index_without_the_tenant() -> None:
    """It would be written whenever a row moves, and no query that names its tenant reads it."""
    often = (
        "workitems_workitem|workitems_candidate(user|group)|workitems_itemtext|cases_planitem"
        "|compensation_compensation(attempt|step)|notifications_delivery|executions_execution"
    )
    found = execute(
        "SELECT i.relname::text FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid"
        " JOIN pg_class t ON t.oid = x.indrelid JOIN pg_am m ON m.oid = i.relam"
        " JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = ANY(x.indkey::int2[])"
        " WHERE t.relnamespace = 'public'::regnamespace AND m.amname = 'btree'"
        " AND NOT x.indisprimary AND t.relname ~ %s"
        " GROUP BY 1 HAVING NOT bool_or(a.attname = 'tenant_id')",
        f"^({often})$",
    )
    assert found == []
