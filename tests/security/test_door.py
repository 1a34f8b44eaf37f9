"""What the database refuses to the application itself: every way round the door, as its own role.

Everything here commits for real: the guards speak at commit.
"""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from django.db import IntegrityError, InternalError, ProgrammingError, transaction

from ledger.ids import new_id
from ledger.models import LedgerEntry
from ledger.record import record
from ledger.tenancy import tenant_scope
from tests import states
from tests.security.doors import acting_in, entry, execute, refused, unchanged
from tests.world import World
from verbs.call import Call
from workitems import actions
from workitems.lifecycle import Status
from workitems.models import WorkItem

REFUSED = "without a ledger entry"
GUARDED = {
    "cases_case": "case",
    "compensation_compensationrequest": "compensation_request",
    "compensation_compensationrun": "compensation_run",
    "compensation_compensationstep": "compensation_run",
    "executions_batch": "batch",
    "executions_execution": "execution",
    "governance_approval": "approval",
    "workitems_workitem": "work_item",
}


def test_an_update_of_the_status_without_an_entry(world: World) -> None:
    item = states.in_progress(world.analyst)
    with refused("version must rise by one", IntegrityError), acting_in(world):
        assert WorkItem.objects.filter(id=item.id).update(status=Status.COMPLETED) == 1
    with refused(REFUSED, IntegrityError), acting_in(world):
        WorkItem.objects.filter(id=item.id).update(status="COMPLETED", version=item.version + 1)
    unchanged(world, item)


def test_a_method_of_the_state_machine_and_save_without_an_entry(world: World) -> None:
    item = states.in_progress(world.analyst)
    with refused(REFUSED, IntegrityError), acting_in(world):
        row = WorkItem.objects.get(id=item.id)
        row.complete()
        row.version += 1
        row.save(update_fields=["status", "version"])
    unchanged(world, item)


def test_a_status_is_not_assigned(world: World) -> None:
    item = states.in_progress(world.analyst)
    with pytest.raises(AttributeError):
        item.status = Status.COMPLETED


def test_a_second_update_under_the_same_entry(world: World) -> None:
    item = states.in_progress(world.analyst)
    with refused("version must rise by one", IntegrityError), acting_in(world):
        WorkItem.objects.filter(id=item.id).update(status="COMPLETED", version=item.version + 1)
        record(entry(world, item))
        WorkItem.objects.filter(id=item.id).update(outcome="APPROVED")
    unchanged(world, item)


@pytest.mark.parametrize("raise_by", [0, 2, -1])
def test_a_version_that_does_not_rise_by_one(world: World, raise_by: int) -> None:
    item = states.in_progress(world.analyst)
    version = item.version + raise_by
    with refused("version must rise by one", IntegrityError), acting_in(world):
        WorkItem.objects.filter(id=item.id).update(title="Other", version=version)
        record(entry(world, item, version=version, to_status=item.status))
    unchanged(world, item)


@pytest.mark.parametrize(
    ("wrong", "value"),
    [
        ("subject_id", "another item"),
        ("subject_type", "execution"),
        ("version", 99),
        ("to_status", "REJECTED"),
    ],
)
def test_an_entry_about_something_else(world: World, wrong: str, value: Any) -> None:
    item, other = states.in_progress(world.analyst), states.in_progress(world.analyst)
    more = {wrong: other.id if wrong == "subject_id" else value}
    if wrong == "subject_type":
        # An action of both, so that the database is asked at all.
        more |= {"opens": True, "action": "cancelled"}
    with refused(REFUSED, IntegrityError), acting_in(world):
        WorkItem.objects.filter(id=item.id).update(status="COMPLETED", version=item.version + 1)
        record(entry(world, item, **more))
    unchanged(world, item)
    unchanged(world, other)


def test_an_entry_of_an_earlier_transaction(world: World) -> None:
    item = states.in_progress(world.analyst)
    with acting_in(world):
        record(entry(world, item))
    with refused(REFUSED, IntegrityError), acting_in(world):
        WorkItem.objects.filter(id=item.id).update(status="COMPLETED", version=item.version + 1)
    assert states.stored(world, item.id).version == item.version
    # What the forged entry announced is now done honestly: this ledger is everybody's.
    actions.complete(item.id, call=Call(world.analyst))


def test_an_entry_that_was_rolled_back_to_a_savepoint(world: World) -> None:
    item = states.in_progress(world.analyst)
    with refused(REFUSED, IntegrityError), acting_in(world):
        WorkItem.objects.filter(id=item.id).update(status="COMPLETED", version=item.version + 1)
        with contextlib.suppress(ZeroDivisionError), transaction.atomic():
            record(entry(world, item))
            raise ZeroDivisionError
    unchanged(world, item)


def test_a_forged_transaction_id_is_overwritten(world: World) -> None:
    """The stamp is the server's: no entry can be dated into the transaction of a later change."""
    item = states.in_progress(world.analyst)
    with acting_in(world):
        ((own,),) = execute("SELECT pg_current_xact_id()::text")
        recorded = record(entry(world, item))
        columns = ", ".join(
            str(field.column)
            for field in LedgerEntry._meta.concrete_fields
            if field.column not in {"id", "subject_seq"}
        )
        forged = new_id()
        execute(
            f"INSERT INTO ledger_ledgerentry (id, subject_seq, xact_id, {columns})"  # noqa: S608
            f" SELECT %s, 99, '4611686018427387904'::xid8, {columns}"
            " FROM ledger_ledgerentry WHERE id = %s",
            forged,
            recorded.id,
        )
        stamps = execute(
            "SELECT xact_id::text FROM ledger_ledgerentry WHERE id = ANY (%s)",
            [forged, recorded.id],
        )
        assert stamps == [(own,), (own,)]
        transaction.set_rollback(True)


def test_a_bare_insert_of_completed_work(world: World) -> None:
    forged = WorkItem(
        tenant_id=world.system.tenant_id,
        title="Forged",
        status=Status.COMPLETED,
        created_by_id=world.analyst.actor_id,
        created_at=states.new_item(world.analyst).created_at,
    )
    with refused(REFUSED, IntegrityError), acting_in(world):
        forged.save(force_insert=True)
    with tenant_scope(world.system.tenant_id):
        assert not WorkItem.objects.filter(id=forged.id).exists()


def test_guarded_work_cannot_be_deleted(world: World) -> None:
    item = states.new_item(world.analyst)
    for table in sorted(GUARDED):
        with refused("permission denied", ProgrammingError), acting_in(world):
            execute(f"DELETE FROM {table}")  # noqa: S608  -- names from the list above
        with refused("permission denied", ProgrammingError), acting_in(world):
            execute(f"TRUNCATE {table}")
    unchanged(world, item)


def test_a_temporary_table_cannot_shadow_the_ledger(world: World) -> None:
    item = states.in_progress(world.analyst)
    for statement in (
        "CREATE TEMP TABLE ledger_ledgerentry (tenant_id uuid)",
        "CREATE TEMP VIEW ledger_ledgerentry AS SELECT 1",
        "SELECT 1 AS one INTO TEMP ledger_ledgerentry",
        "CREATE SCHEMA mine",
        "CREATE TABLE public.mine (id int)",
        "CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE FUNCTION pg_temp.pg_current_xact_id() RETURNS xid8 LANGUAGE sql AS $$SELECT '1'$$",
    ):
        with refused("permission denied", ProgrammingError, InternalError), acting_in(world):
            execute(statement)
    unchanged(world, item)


@pytest.mark.parametrize(
    "path", ["pg_temp, public", "pg_temp", "information_schema, public", "''", "nowhere, public"]
)
def test_a_search_path_does_not_move_the_guard(world: World, path: str) -> None:
    item = states.in_progress(world.analyst)
    with refused(REFUSED, IntegrityError), acting_in(world):
        execute(
            "UPDATE public.workitems_workitem SET status = 'COMPLETED', version = version + 1"
            " WHERE id = %s",
            item.id,
        )
        execute(f"SET LOCAL search_path = {path}")
    unchanged(world, item)


LOOSENING = [
    "SET session_replication_role = replica",
    "SET LOCAL session_replication_role = replica",
    "SET ROLE amends_owner",
    "SET SESSION AUTHORIZATION amends_owner",
    "ALTER TABLE ledger_ledgerentry DISABLE TRIGGER ALL",
    "ALTER TABLE ledger_ledgerentry DISABLE TRIGGER ledger_ledgerentry_append_only",
    "ALTER TABLE workitems_workitem DISABLE TRIGGER workitems_workitem_guard",
    "ALTER TABLE workitems_workitem DISABLE ROW LEVEL SECURITY",
    "ALTER TABLE workitems_workitem NO FORCE ROW LEVEL SECURITY",
    "DROP TRIGGER workitems_workitem_guard ON workitems_workitem",
    "DROP POLICY tenant_rows ON workitems_workitem",
    "DROP TABLE ledger_ledgerentry",
    "CREATE POLICY mine ON workitems_workitem USING (true)",
    "CREATE OR REPLACE FUNCTION ledger_guard() RETURNS trigger LANGUAGE sql AS 'SELECT NULL'",
    "CREATE RULE mine AS ON INSERT TO workitems_workitem DO INSTEAD NOTHING",
    "CREATE TRIGGER mine AFTER INSERT ON workitems_workitem EXECUTE FUNCTION ledger_append_only()",
    "UPDATE ledger_ledgerentry SET action = 'completed'",
    "DELETE FROM ledger_ledgerentry",
    "TRUNCATE ledger_ledgerentry",
    "TRUNCATE ledger_ledgerentry CASCADE",
    "SELECT 1 FROM ledger_ledgerentry FOR UPDATE",
    "UPDATE ledger_payload SET body = ''",
    "DELETE FROM ledger_payload",
    "DELETE FROM ledger_ledgerhead",
    "MERGE INTO ledger_ledgerentry e USING (SELECT 1) s ON true WHEN MATCHED THEN DELETE",
    "COPY ledger_ledgerentry TO PROGRAM 'cat'",
]


@pytest.mark.parametrize("statement", LOOSENING)
def test_the_application_cannot_loosen_its_walls(world: World, statement: str) -> None:
    item = states.in_progress(world.analyst)
    before = execute_in(world, "SELECT id, hash FROM ledger_ledgerentry ORDER BY id")
    assert before
    with (
        pytest.raises((ProgrammingError, InternalError)) as caught,
        acting_in(world),
    ):
        execute(statement)
    assert any(
        words in str(caught.value)
        for words in ("permission denied", "must be owner", "cannot set parameter")
    ), caught.value
    assert execute_in(world, "SELECT id, hash FROM ledger_ledgerentry ORDER BY id") == before
    unchanged(world, item)


def test_the_application_cannot_grant_itself_more(world: World) -> None:
    # PostgreSQL answers with a warning instead of an error: nothing was granted.
    with acting_in(world):
        execute("GRANT UPDATE, DELETE ON ledger_ledgerentry TO amends_app")
    assert execute(
        """SELECT has_any_column_privilege('ledger_ledgerentry', 'UPDATE'),
                  has_table_privilege('ledger_ledgerentry', 'DELETE')"""
    ) == [(False, False)]


def execute_in(world: World, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with tenant_scope(world.system.tenant_id):
        return execute(statement, *parameters)


def test_turning_row_security_off_shows_no_row(world: World) -> None:
    states.new_item(world.analyst)
    with (
        refused("row-level security", ProgrammingError),
        transaction.atomic(durable=True),
    ):
        execute("SET LOCAL row_security = off")
        execute("SELECT count(*) FROM workitems_workitem")


def test_constraints_made_immediate_refuse_sooner(world: World) -> None:
    item = states.in_progress(world.analyst)
    with acting_in(world):
        with refused(REFUSED, IntegrityError), transaction.atomic():
            execute("SET CONSTRAINTS ALL IMMEDIATE")
            WorkItem.objects.filter(id=item.id).update(status="COMPLETED", version=item.version + 1)
        assert WorkItem.objects.get(id=item.id).status == Status.IN_PROGRESS
    unchanged(world, item)


def test_the_guard_is_on_every_table_whose_state_counts(world: World) -> None:
    found = dict(
        execute(
            """SELECT c.relname::text, p.proname::text FROM pg_trigger t
                 JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
                WHERE t.tgconstraint <> 0 AND p.proname LIKE '%guard%'"""
        )
    )
    assert set(found) == set(GUARDED)
