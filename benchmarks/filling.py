"""Fills a throw-away database with a tenant of any size: what its lists show, in INSERT … SELECT.

As superuser and with the triggers off, so that a million work items take a minute and not a night:
nothing of it has been through the door. It is there to be read, and dies with the server.
"""

from __future__ import annotations

from typing import Any

import psycopg
from django.apps import apps
from django.db import connection, models

from accounts.acting import ActingUser
from accounts.actions import create_tenant, create_user
from accounts.roles import Role
from cases.actions import deploy_definition
from notifications.lifecycle import Topic
from people.actions import add_member
from verbs.call import Call

FILLED = (
    "workitems.WorkItem", "workitems.ItemText", "workitems.CandidateGroup",
    "cases.Case", "executions.Execution",
    "compensation.CompensationPlan", "compensation.CompensationRun",
    "compensation.CompensationStep", "ledger.LedgerEntry", "ledger.Payload", "ledger.LedgerHead",
    "notifications.Delivery",
)  # fmt: skip
_DEFINITION = """
dsl: "0.1"
namespace: bench
name: loan
version: "1.0.{n}"
title: Loan
spec:
  bindings:
    - name: check
      on: {{contextChange: {{}}}}
      when: .check == null
      humanTask: {{title: Check, candidateGroups: [analysts], outputMapping: "{{check: .}}"}}
      compensation: {{mode: human}}
"""
MANY = 100_000
_WORDS_INDEX = "SELECT indexname, indexdef FROM pg_indexes WHERE indexdef LIKE '%USING gin (words)'"
_AT = "timestamptz '2026-01-01 UTC' + n * interval '1 second'"
_TEXT = "'An applicant''s papers, as they came in, number ' || n"
_TITLE = "'Check identity of applicant ' || n"
_FIELDS = "jsonb_build_object('applicant', n, 'note', repeat('as it was said on the phone; ', 8))"
# Those of the first half are about something that is never heard of again.
_SAID = (
    "('Papers came by post, folder ' || n % 997"
    " || CASE WHEN {rare} THEN ' with a notary' ELSE '' END"
    " || CASE WHEN n < {half} THEN ' by telegraph' ELSE '' END)"
)
# Of 100 items: 12 in the pool, 6 with somebody, the rest done.
_POOL = "n % 100 < 12"
_TAKEN = "n % 100 BETWEEN 12 AND 17"


class Tenant:
    """A tenant with a few people, and as many items as it is told to have."""

    def __init__(self, slug: str) -> None:
        """Make the tenant, its people and its definitions through the door."""
        system = create_tenant(slug, slug)
        self.id = system.tenant_id
        self.reader, *self.others = (
            self._member(system, f"{name}-{slug}") for name in ("reader", "ada", "ben", "cleo")
        )
        deployed = [
            deploy_definition(call=Call(self.reader), source=_DEFINITION.format(n=n))
            for n in range(10)
        ]
        self.definition = deployed[-1].id

    def _member(self, system: ActingUser, name: str) -> ActingUser:
        return add_member(
            call=Call(system),
            username=create_user(name, password=None).username,
            roles=[Role.OPERATOR, Role.AUDITOR],
            groups=["analysts"],
        )

    def someone(self, items: int) -> str:
        """Return SQL of an actor. One person's work does not grow with the tenant."""
        others = ", ".join(f"'{each.actor_id}'" for each in self.others)
        return (
            f"(CASE WHEN n / 100 % {max(items // 20_000, 1)} = 0 THEN '{self.reader.actor_id}'"
            f" ELSE (ARRAY[{others}])[1 + n / 100 % {len(self.others)}] END)::uuid"
        )

    def id_of(self, kind: int, number: str = "n") -> str:
        """Return SQL of an id that rises with the number, as those made in time do."""
        head, tail = str(self.id)[-12:-8], str(self.id)[-8:]
        return f"(lpad(to_hex({number}), 8, '0') || '-{head}-7{kind:03x}-8000-{tail}0000')::uuid"


def fill(superuser: psycopg.Connection[Any], tenant: Tenant, items: int) -> None:
    """Give the tenant `items` work items, and of everything else in proportion."""
    for label in FILLED:
        table = apps.get_model(label)._meta.db_table
        superuser.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL".encode())
    # Of words there are many to a row: where most rows are new, their index is made at once, and
    # not word by word.
    ((index, made),) = superuser.execute(_WORDS_INDEX).fetchall()
    if items >= MANY:
        superuser.execute(f"DROP INDEX {index}".encode())
    for label, number, said in _tables(tenant, items):
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
    into, values = ", ".join(columns), ", ".join(columns.values())
    return (
        f"INSERT INTO {model._meta.db_table} ({into})"  # noqa: S608  -- own words
        f" SELECT {values} FROM generate_series(0, {number - 1}) n"
    ).encode()


def rare(number: int) -> str:
    """Return SQL of what is true of about a hundred rows, of however many there are."""
    stride = max(number // 100, 1)
    return f"(n % {stride} = {stride - 1})"


# A model, how many rows, and SQL of the columns.
Filling = tuple[str, int, dict[str, str]]


def _tables(tenant: Tenant, items: int) -> list[Filling]:
    """Return each table's model, how many rows it gets, and SQL of its columns."""
    return [*_work(tenant, items), *_undoing(tenant, items), *_news(tenant, items)]


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
            "id": id_of(1), "title": _TITLE, "created_by_id": someone, "created_at": _AT,
            "kind": f"CASE WHEN {undo} THEN 'COMPENSATION' ELSE 'TASK' END",
            "status": f"CASE WHEN {_POOL} THEN 'PENDING' WHEN {_TAKEN} THEN 'ASSIGNED'"
                      f" WHEN {rare(items)} THEN 'FAULTED' ELSE 'COMPLETED' END",
            "assignee_id": f"CASE WHEN NOT {_POOL} THEN {someone} END",
            "completed_by_id": f"CASE WHEN {done} THEN {someone} END",
            "completed_at": f"CASE WHEN {done} THEN {_AT} END",
            "priority": "1 + n % 4",
            "due_at": f"CASE WHEN n % {max(items // 100, 1)} = 1 THEN {_AT} + interval '1 day'"
                      f" WHEN n % 3 = 0 THEN {_AT} + interval '400 days' END",
            "offered_to": "'NAMED'", "resolution": _FIELDS,
            "payload": f"{_FIELDS} || jsonb_build_object('description', {said})",
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
            "words": f"public.workitems_tokens('{tenant.id}', {_TITLE}, {said})",
        }),
        ("workitems.CandidateGroup", items // 100 * 12, {
            "id": id_of(3), "work_item_id": id_of(1, "(n / 12 * 100 + n % 12)"),
            "name": "(ARRAY['analysts', 'surveyors', 'underwriters', 'compliance'])[1 + n % 4]",
        }),
        ("cases.Case", cases, {
            "id": id_of(2), "root_id": id_of(2), "definition_id": f"'{tenant.definition}'",
            "number": "(n + 1)::text", "title": "'Loan'", "opened_by_id": someone,
            "created_at": _AT,
            "context": f"jsonb_build_object('check', {_FIELDS})",
            "status": "(ARRAY['RUNNING', 'COMPLETED', 'COMPLETED', 'COMPENSATED'])[1 + n % 4]",
        }),
        ("executions.Execution", items // 2, {
            "id": id_of(4), "capability": "'demo.transfer'", "requested_by_id": someone,
            "idempotency_key": "'key-' || n", "created_at": _AT, "input": _FIELDS,
            "output": _FIELDS, "before": _FIELDS, "after": _FIELDS,
            "status": f"CASE WHEN {rare(items // 2)} THEN 'FAILED' ELSE 'SUCCEEDED' END",
        }),
    ]  # fmt: skip


def _undoing(tenant: Tenant, items: int) -> list[Filling]:
    someone, id_of, runs = tenant.someone(items), tenant.id_of, max(items // 50, 1)
    return [
        ("compensation.CompensationPlan", runs, {
            "id": id_of(5), "subject_type": "'case'", "subject_id": id_of(2), "scope": "'{}'",
            "reason": _TEXT, "digest": "'d' || n", "created_by_id": someone, "created_at": _AT,
            "expires_at": _AT,
            "content": f"jsonb_build_object('steps', jsonb_build_array({_FIELDS}, {_FIELDS}),"
                       " 'excluded', '[]'::jsonb)",
        }),
        ("compensation.CompensationRun", runs, {
            "id": id_of(6), "plan_id": id_of(5), "about_type": "'case'", "about_id": id_of(2),
            "whole_type": "'case'", "whole_id": id_of(2), "root_id": id_of(2),
            "requested_by_id": someone, "reason": _TEXT, "started_at": _AT,
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
    return [
        ("ledger.LedgerEntry", items, {
            "id": id_of(8), "subject_type": "CASE WHEN n % 5 = 0 THEN 'case' ELSE 'work_item' END",
            "subject_id": f"CASE WHEN n % 5 = 0 THEN {id_of(2, 'n / 5')} ELSE {id_of(1)} END",
            "case_id": f"CASE WHEN n % 5 = 0 THEN {id_of(2, 'n / 5')} END",
            "subject_seq": "1", "subject_version": "1", "hash": "sha256(int4send(n))",
            "kind": f"CASE WHEN {rare(items)} THEN 'REFUSAL' ELSE 'TRANSITION' END",
            "action": f"CASE WHEN {rare(items)} THEN 'failed' ELSE 'created' END",
            "from_status": "''", "to_status": "'PENDING'", "actor_id": someone,
            "actor_type": "'HUMAN'", "actor_role": "'member'", "correlation_id": id_of(8),
            "at": _AT, "body": """convert_to('{"commitments":[{"name":"title"}]}', 'UTF8')""",
        }),
        ("ledger.LedgerHead", items, {
            "subject_type": "CASE WHEN n % 5 = 0 THEN 'case' ELSE 'work_item' END",
            "subject_id": f"CASE WHEN n % 5 = 0 THEN {id_of(2, 'n / 5')} ELSE {id_of(1)} END",
            "seq": "1", "hash": "sha256(int4send(n))", "entry_id": id_of(8),
        }),
        ("ledger.Payload", items // 2, {
            "entry_id": id_of(8, f"{items} - 1 - n"), "name": "'title'", "salt": "'salt'::bytea",
            "body": f"convert_to(to_json({_TITLE})::text, 'UTF8')",
        }),
        ("notifications.Delivery", items // 4, {
            "id": id_of(9), "event_id": id_of(8, "n * 4"), "topic": f"'{Topic.TASK_WAITING}'",
            "event_type": "'amends.work_item.created.v1'", "subject_type": "'work_item'",
            "subject_id": id_of(1, "n * 4"), "created_at": _AT, "channel": "'in_app'",
            "status": f"CASE WHEN {rare(items // 4)} THEN 'DEAD' ELSE 'DELIVERED' END",
            "recipient_id": f"CASE WHEN n % 20 = 0 OR {rare(items // 4)} THEN {reader}"
                            f" ELSE {someone} END",
            "read_at": f"CASE WHEN NOT {rare(items // 4)} THEN {_AT} END",
        }),
    ]  # fmt: skip


def _cases(items: int) -> int:
    return max(items // 4, 1)
