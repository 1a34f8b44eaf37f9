"""Fills a throw-away database with a tenant of any size: what its lists show, in INSERT … SELECT.

As superuser and with the triggers off, so that a million work items take a minute and not a night:
nothing of it has been through the door. It is there to be read, and dies with the server.
"""

from __future__ import annotations

from typing import Any

import psycopg
from django.apps import apps
from django.db import connection, models

from benchmarks import filling_beside
from benchmarks.filled_tenant import AT, FIELDS, TEXT, TITLE, Filling, Tenant, rare
from notifications.lifecycle import Topic

MANY = 100_000
_WORDS_INDEX = "SELECT indexname, indexdef FROM pg_indexes WHERE indexdef LIKE '%USING gin (words)'"
# Those of the first half are about something that is never heard of again.
_SAID = (
    "('Papers came by post, folder ' || n % 997"
    " || CASE WHEN {rare} THEN ' with a notary' ELSE '' END"
    " || CASE WHEN n < {half} THEN ' by telegraph' ELSE '' END)"
)
# Of 100 items: 12 in the pool, 6 with somebody, the rest done.
_POOL = "n % 100 < 12"
_TAKEN = "n % 100 BETWEEN 12 AND 17"


def fill(superuser: psycopg.Connection[Any], tenant: Tenant, items: int) -> None:
    """Give the tenant `items` work items, and of everything else in proportion."""
    tables = _tables(tenant, items)
    for label in dict.fromkeys(label for label, _number, _said in tables):
        table = apps.get_model(label)._meta.db_table
        superuser.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL".encode())
    # Of words there are many to a row: where most rows are new, their index is made at once, and
    # not word by word.
    ((index, made),) = superuser.execute(_WORDS_INDEX).fetchall()
    if items >= MANY:
        superuser.execute(f"DROP INDEX {index}".encode())
    for label, number, said in tables:
        superuser.execute(_insert(superuser, apps.get_model(label), tenant, number, said))
    if items >= MANY:
        superuser.execute(b"SET maintenance_work_mem = '512MB'")
        superuser.execute(made.encode())


def _insert(
    superuser: psycopg.Connection[Any],
    model: type[models.Model],
    tenant: Tenant,
    number: int,
    said: dict[str, str],
) -> bytes:
    """Return the statement that makes `number` rows; what is not said is as the model has it."""
    columns: dict[str, str] = {}
    for field in model._meta.concrete_fields:
        name = str(field.column)
        if name == "tenant_id":
            columns[name] = f"'{tenant.id}'"
        elif name in said:
            columns[name] = said[name]
        elif field.null or field.db_default is not models.NOT_PROVIDED:
            continue
        else:
            value = field.get_db_prep_save(field.get_default(), connection=connection)
            columns[name] = psycopg.sql.Literal(value).as_string(superuser)
    into = ", ".join(f'"{each}"' for each in columns)
    values = ", ".join(columns.values())
    return (
        f"INSERT INTO {model._meta.db_table} ({into})"  # noqa: S608  -- own words
        f" SELECT {values} FROM generate_series(0, {number - 1}) n"
    ).encode()


def _tables(tenant: Tenant, items: int) -> list[Filling]:
    """Return each table's model, how many rows it gets, and SQL of its columns."""
    return [
        *_work(tenant, items), *_undoing(tenant, items), *_news(tenant, items),
        *filling_beside.beside(tenant, items),
    ]  # fmt: skip


def _work(tenant: Tenant, items: int) -> list[Filling]:
    someone, id_of, cases = tenant.someone(items), tenant.id_of, _cases(items)
    undo = f"(n % 100 = 8 AND n / 100 % {max(items // 20_000, 1)} = 0)"
    done = f"NOT ({_POOL} OR {_TAKEN})"
    said = _SAID.format(rare=rare(items), half=items // 2)
    block = (
        "jsonb_build_object('reason', 'asked for', 'strategy', 'restore', 'mode', 'human',"
        f" 'requested_by', '{tenant.reader.actor_id}', 'regulatory_basis', '[]'::jsonb,"
        " 'attempt', 1,"
        " 'original_snapshot', jsonb_build_object('title', 'Check identity'))"
    )
    return [
        ("workitems.WorkItem", items, {
            "id": id_of(1), "title": TITLE, "created_by_id": someone, "created_at": AT,
            "kind": f"CASE WHEN {undo} THEN 'COMPENSATION' ELSE 'TASK' END",
            "status": f"CASE WHEN {_POOL} THEN 'PENDING' WHEN {_TAKEN} THEN 'ASSIGNED'"
                      f" WHEN {rare(items)} THEN 'FAULTED' ELSE 'COMPLETED' END",
            "assignee_id": f"CASE WHEN NOT {_POOL} THEN {someone} END",
            "completed_by_id": f"CASE WHEN {done} THEN {someone} END",
            "completed_at": f"CASE WHEN {done} THEN {AT} END",
            "priority": "1 + n % 4",
            "due_at": f"CASE WHEN n % {max(items // 100, 1)} = 1 THEN {AT} + interval '1 day'"
                      f" WHEN n % 3 = 0 THEN {AT} + interval '400 days' END",
            "offered_to": "'NAMED'", "resolution": FIELDS,
            "payload": f"{FIELDS} || jsonb_build_object('description', {said})",
            "outcome": f"CASE WHEN {done} THEN CASE WHEN {rare(items)} THEN 'REFUSED'"
                       " ELSE 'APPROVED' END END",
            "tainted": rare(items),
            "case_id": f"CASE WHEN n % 4 = 0 THEN {id_of(2, f'n / 4 % {cases}')} END",
            "undoes_type": f"CASE WHEN {undo} THEN 'work_item' ELSE '' END",
            "undoes_id": f"CASE WHEN {undo} THEN {id_of(1, 'n + 12')} END",
            "compensation": f"CASE WHEN {undo} THEN {block} END",
        }),
        ("workitems.ItemText", items, {
            "item_id": id_of(1),
            "words": f"public.workitems_tokens('{tenant.id}', {TITLE}, {said})",
        }),
        ("workitems.CandidateGroup", items // 100 * 12, {
            "id": id_of(3), "work_item_id": id_of(1, "(n / 12 * 100 + n % 12)"),
            "name": "(ARRAY['analysts', 'surveyors', 'underwriters', 'compliance'])[1 + n % 4]",
        }),
        ("cases.Case", cases, {
            "id": id_of(2), "root_id": id_of(2), "definition_id": f"'{tenant.definition}'",
            "number": "(n + 1)::text", "title": "'Loan'", "opened_by_id": someone,
            "created_at": AT,
            "context": f"jsonb_build_object('check', {FIELDS})",
            "status": "(ARRAY['RUNNING', 'COMPLETED', 'COMPLETED', 'COMPENSATED'])[1 + n % 4]",
        }),
        ("executions.Execution", items // 2, {
            "id": id_of(4), "capability": "'demo.transfer'", "requested_by_id": someone,
            "idempotency_key": "'key-' || n", "created_at": AT, "input": FIELDS,
            "output": FIELDS, "before": FIELDS, "after": FIELDS,
            "status": f"CASE WHEN {rare(items // 2)} THEN 'FAILED' ELSE 'SUCCEEDED' END",
            # Of ten in a row three are the calls of a batch.
            "batch_id": f"CASE WHEN n % 10 < 3 THEN {id_of(10, 'n / 10')} END",
            "batch_position": "CASE WHEN n % 10 < 3 THEN n % 10 END",
        }),
    ]  # fmt: skip


def _undoing(tenant: Tenant, items: int) -> list[Filling]:
    someone, id_of, runs = tenant.someone(items), tenant.id_of, max(items // 50, 1)
    return [
        ("compensation.CompensationPlan", runs, {
            "id": id_of(5), "subject_type": "'case'", "subject_id": id_of(2), "scope": "'{}'",
            "reason": TEXT, "digest": "'d' || n", "created_by_id": someone, "created_at": AT,
            "expires_at": AT,
            "content": f"jsonb_build_object('steps', jsonb_build_array({FIELDS}, {FIELDS}),"
                       " 'excluded', '[]'::jsonb)",
        }),
        ("compensation.CompensationRun", runs, {
            "id": id_of(6), "plan_id": id_of(5), "about_type": "'case'", "about_id": id_of(2),
            "whole_type": "'case'", "whole_id": id_of(2), "root_id": id_of(2),
            "requested_by_id": someone, "reason": TEXT, "started_at": AT,
            "status": f"CASE WHEN {rare(runs)} THEN 'RUNNING' ELSE 'COMPLETED' END",
        }),
        ("compensation.CompensationStep", runs * 3, {
            "id": id_of(7), "run_id": id_of(6, "n / 3"), "n": "1 + n % 3", "mode": "'human'",
            "original_type": "'work_item'", "original_id": id_of(1, "n"), "spec": "'{}'",
            "original_name": "'check'", "strategy": "'restore'", "status": "'DONE'",
            "completion_seq": "3 - n % 3",
        }),
    ]  # fmt: skip


def _news(tenant: Tenant, items: int) -> list[Filling]:
    someone, id_of, reader = tenant.someone(items), tenant.id_of, f"'{tenant.reader.actor_id}'"
    # There are fewer of them than cases: the newest have one.
    case = id_of(2, f"(n / 5 + {_cases(items) - items // 5})")
    return [
        ("ledger.LedgerEntry", items, {
            "id": id_of(8), "subject_type": "CASE WHEN n % 5 = 0 THEN 'case' ELSE 'work_item' END",
            "subject_id": f"CASE WHEN n % 5 = 0 THEN {case} ELSE {id_of(1)} END",
            "case_id": f"CASE WHEN n % 5 = 0 THEN {case}"
                       f" WHEN n % 4 = 0 THEN {id_of(2, 'n / 4')} END",
            "subject_seq": "1", "subject_version": "1", "hash": "sha256(int4send(n))",
            "kind": f"CASE WHEN {rare(items)} THEN 'REFUSAL' ELSE 'TRANSITION' END",
            "action": f"CASE WHEN {rare(items)} THEN 'failed' ELSE 'created' END",
            "from_status": "''", "to_status": "'PENDING'", "actor_id": someone,
            "actor_type": "'HUMAN'", "actor_role": "'member'", "correlation_id": id_of(8),
            "at": AT, "body": """convert_to('{"commitments":[{"name":"title"}]}', 'UTF8')""",
        }),
        ("ledger.LedgerHead", items, {
            "subject_type": "CASE WHEN n % 5 = 0 THEN 'case' ELSE 'work_item' END",
            "subject_id": f"CASE WHEN n % 5 = 0 THEN {case} ELSE {id_of(1)} END",
            "seq": "1", "hash": "sha256(int4send(n))", "entry_id": id_of(8),
        }),
        ("ledger.Payload", items // 2, {
            "entry_id": id_of(8, f"{items} - 1 - n"), "name": "'title'", "salt": "'salt'::bytea",
            "body": f"convert_to(to_json({TITLE})::text, 'UTF8')",
        }),
        ("notifications.Delivery", items // 4, {
            "id": id_of(9), "event_id": id_of(8, "n * 4"), "topic": f"'{Topic.TASK_WAITING}'",
            "event_type": "'amends.work_item.created.v1'", "subject_type": "'work_item'",
            "subject_id": id_of(1, "n * 4"), "created_at": AT, "channel": "'in_app'",
            "status": f"CASE WHEN {rare(items // 4)} THEN 'DEAD' ELSE 'DELIVERED' END",
            "recipient_id": f"CASE WHEN n % 20 = 0 OR {rare(items // 4)} THEN {reader}"
                            f" ELSE {someone} END",
            "read_at": f"CASE WHEN NOT {rare(items // 4)} THEN {AT} END",
        }),
    ]  # fmt: skip


def _cases(items: int) -> int:
    return max(items // 4, 1)
