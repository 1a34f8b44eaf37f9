"""Whose rows a transaction may see.

Every tenant table has row-level security, forced, with one policy for the application's role:
`tenant_id` equals the transaction's setting `amends.tenant_id`. Without the setting a query returns
nothing. The setting is local to the transaction, so a pooled connection cannot leak it.

A few jobs must look across tenants (log in, claim outbox tasks, sweep due rows, seal, verify). Each
has a role of its own with its listed grants and policies. The application's role may become it, for
the length of a transaction, and has nothing of it otherwise: a policy that applied to both would be
joined by OR to the tenant's, and no index of the tenant would be used.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from typing import Literal

from django.db import transaction

from ledger.statements import begin, fetched, server

SystemScope = Literal["login", "dispatch", "sweep", "verify", "seal", "erase"]
# A tenant's rows are the application's role's to see: what the role of a system scope sees is
# narrowed by no tenant, so a scope that is open is left with the same statement.
_SET = "SELECT set_config('amends.tenant_id', %s, true), set_config('role', 'none', true)"
_RESTORE = "SELECT set_config('amends.tenant_id', %s, true), set_config('role', %s, true)"
_BEFORE = "SELECT coalesce(current_setting('amends.tenant_id', true), ''), current_setting('role')"
# A general plan of a prepared statement knows no values: it takes any status for a common one, and
# walks a long list for the few rows that an index would have had. Verbs find rows by their keys.
_SET_READING = f"{_SET}, set_config('plan_cache_mode', 'force_custom_plan', true)"
# Verbs and handlers find rows by their keys: planning for values is most of the server's time then.
# A general plan takes a tenant for one of the usual size, and would rather read all that it has
# than look rows up one by one: of a large tenant that is ever more, so it must not join otherwise.
_WORKING = ", ".join(
    f"set_config('{name}', '{value}', true)"
    for name, value in {
        "plan_cache_mode": "force_generic_plan",
        "enable_hashjoin": "off",
        "enable_mergejoin": "off",
        "enable_seqscan": "off",
    }.items()
)
_SET_WORKING = f"{_SET}, {_WORKING}"
_UNFLUSHED = ", set_config('synchronous_commit', 'off', true)"
# What SET LOCAL ROLE does, with a parameter. `none` is whoever logged in: the application's role.
_SET_ROLE = "SELECT set_config('role', %s, true)"


def set_tenant(tenant_id: uuid.UUID, *, flush: bool = True) -> None:
    """Bind the current transaction, of a verb or a handler, to `tenant_id`; its statements get
    general plans. A system scope that is open ends with it. Raises RuntimeError outside a
    transaction.

    Without `flush` its commit does not wait for the disk: for what a crash only repeats, and never
    for what writes an entry, whose hash somebody may have seen.
    """
    if not server().in_atomic_block:
        raise RuntimeError(
            "set_tenant needs a transaction: in autocommit the setting would be lost"
        )
    begin(_SET_WORKING if flush else _SET_WORKING + _UNFLUSHED, str(tenant_id))


@contextlib.contextmanager
def tenant_scope(tenant_id: uuid.UUID) -> Iterator[None]:
    """Read (or write, inside a verb's transaction) as `tenant_id`.

    Nested scopes restore the outer tenant and role, because a released savepoint keeps the inner
    settings.
    """
    with _bound(_SET, tenant_id):
        yield


@contextlib.contextmanager
def reading_scope(tenant_id: uuid.UUID) -> Iterator[None]:
    """As `tenant_scope`, for pages and lists: their statements are planned for their own values."""
    with _bound(_SET_READING, tenant_id):
        yield


@contextlib.contextmanager
def _bound(statement: str, tenant_id: uuid.UUID) -> Iterator[None]:
    outermost = not server().in_atomic_block
    with transaction.atomic():
        if not outermost:
            (before,) = fetched(_BEFORE)
        begin(statement, str(tenant_id))
        yield
        if not outermost:
            fetched(_RESTORE, before)


@contextlib.contextmanager
def system_scope(scope: SystemScope) -> Iterator[None]:
    """Be the role of one system scope, for the length of a short transaction.

    Inside one that is open already, whoever it was before is so again afterwards, and may go on
    with a tenant. A failure ends the transaction or its savepoint, and with it the role.
    """
    outermost = not server().in_atomic_block
    with transaction.atomic():
        before = "none" if outermost else _current("role")
        _become(f"amends_{scope}")
        yield
        if not outermost:
            _become(before)


def current_tenant() -> uuid.UUID | None:
    """Return the tenant this transaction is bound to, or None."""
    value = _current("amends.tenant_id")
    return uuid.UUID(value) if value else None


def _become(role: str) -> None:
    fetched(_SET_ROLE, [role])


def _current(name: str) -> str:
    ((value,),) = fetched("SELECT coalesce(current_setting(%s, true), '')", [name])
    return str(value)
