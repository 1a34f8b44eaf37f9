"""The one code for whatever falls due: searching, leasing, extending, putting back.

A table of due rows has the columns `tenant_id`, `queue`, those of `Leased` and one that says when
its row is due. All of them are on the database's clock, `ledger_now()`: no worker's own clock
decides what is due or whose lease is over. A lease is committed before its work begins. What met
the work of a row that nobody settled is kept here too, for every table alike: see `row_trouble`.
"""

from __future__ import annotations

import contextlib
import contextvars
import dataclasses
import datetime as dt
import functools
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.db import connection, transaction

from ledger import failpoints
from ledger.tenancy import SystemScope, set_tenant, system_scope

failpoints.declare("row.leased", "row.settling")

#: The queues, the most urgent first: what undoes, what carries cases on, what programs do, what
#: people are told, and the rest.
QUEUES = ("undo", "engine", "work", "notify", "upkeep")
#: How long trouble of our own may last before people are told, and how long it rests in between.
TROUBLE_SECONDS = 60
TROUBLE_PAUSE_SECONDS = 2
_LASTS = "t.troubled_since <= ledger_now() - make_interval(secs => %(long)s)"


@dataclasses.dataclass(frozen=True, slots=True)
class Due:
    """One leased row. `token` is the lease, checked when the row's work is settled."""

    tenant_id: uuid.UUID
    id: uuid.UUID
    token: uuid.UUID


@dataclasses.dataclass(slots=True)
class Taken:
    """What the work of one row has leased: under which token, and whether it was in trouble."""

    token: uuid.UUID | None = None
    troubled: bool = False


_taken: contextvars.ContextVar[Taken | None] = contextvars.ContextVar("taken", default=None)


@contextlib.contextmanager
def taking() -> Iterator[Taken]:
    """Find out what the work of one row leases, while the body runs."""
    found = Taken()
    before = _taken.set(found)
    try:
        yield found
    finally:
        _taken.reset(before)


@dataclasses.dataclass(frozen=True)
class LeaseTable:
    """A table whose rows fall due: its name, the column that names a row, the one that says when,
    and, as SQL over `t`, which rows wait and how long the work of one may take. `scope` may look
    across tenants. `counted` is the column, if any, in which a lease counts an attempt. Where it
    does not `keeps_trouble`, its rows have no column for that."""

    table: str
    key: str
    due_at: str = "due_at"
    waiting: str = "true"
    seconds: str = "60"
    scope: SystemScope = "sweep"
    counted: str = ""
    keeps_trouble: bool = True

    @functools.cached_property
    def search(self) -> str:
        """The statement that finds due rows."""
        keys = f"t.{self.key}, {self.seconds} AS seconds"
        return search(
            self.table, keys=keys, due_at=self.due_at, waiting=self.waiting, order=f"t.{self.key}"
        )

    def due(
        self,
        queues: Sequence[str],
        *,
        limit: int,
        untaken: float = 0.0,
        each: int | None = None,
        but: uuid.UUID | None = None,
    ) -> list[tuple[str, uuid.UUID, uuid.UUID, float]]:
        """Return (queue, tenant, row, seconds) of up to `limit` rows of each queue that have been
        due and unleased for `untaken` seconds: queue by queue, and within each the tenants take
        turns. At most `each` of one tenant in a queue, and none of the tenant `but`."""
        with system_scope(self.scope), connection.cursor() as cursor:
            given = parameters(queues, limit=limit, untaken=untaken, each=each, but=but)
            cursor.execute(self.search, given)
            return [(row[0], row[1], row[2], float(row[3])) for row in cursor.fetchall()]

    def take(self, due: Due, seconds: float) -> bool:
        """Lease a row that is due, in the caller's transaction and tenant; whether it was free.

        Two that take it at once update one row: the second finds the first's lease. A lease that
        has run out is trouble: whoever had it is dead, and has kept nothing.
        """
        row = self._returned(
            f"SET leased_until = ledger_now() + make_interval(secs => %s), lease_token = %s,"
            f" troubled_since = CASE WHEN t.lease_token IS NULL OR t.leased_until IS NULL"
            f" THEN t.troubled_since ELSE coalesce(t.troubled_since, ledger_now()) END"
            f" WHERE t.tenant_id = %s AND t.{self.key} = %s AND {self.waiting}"
            f" AND t.{self.due_at} <= ledger_now()"
            f" AND (t.leased_until IS NULL OR t.leased_until < ledger_now())"
            f" RETURNING t.troubled_since IS NOT NULL",
            [seconds, due.token, due.tenant_id, due.id],
        )
        if row is None:
            return False
        here = _taken.get()
        if here is not None:
            here.token, here.troubled = due.token, row[0]
        transaction.on_commit(_leased)
        return True

    def extend(self, due: Due, seconds: float) -> bool:
        """Extend a lease in the caller's transaction; False when it is not ours any more."""
        return self._changed(
            "SET leased_until = ledger_now() + make_interval(secs => %s)"
            f" WHERE t.tenant_id = %s AND t.{self.key} = %s AND t.lease_token = %s",
            [seconds, due.tenant_id, due.id, due.token],
        )

    def is_ours(self, due: Due) -> bool:
        """Whether a lease is still ours; the row stays locked, so that nobody takes it over before
        the caller's transaction has settled it."""
        failpoints.reach("row.settling")
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT 1 FROM {self.table} t"  # noqa: S608  -- own words
                f" WHERE t.tenant_id = %s AND t.{self.key} = %s AND t.lease_token = %s FOR UPDATE",
                [due.tenant_id, due.id, due.token],
            )
            return cursor.fetchone() is not None

    def put_back(
        self, tenant_id: uuid.UUID, id_: uuid.UUID, seconds: float, *, ended: bool = True
    ) -> None:
        """Let a row fall due again after `seconds`, in the caller's transaction.

        With this its work has ended well, unless `ended` is false: it goes on without a lease, or
        has failed and raises that. Then the token stays, by which `troubled` knows whose it was.
        """
        failpoints.reach("row.settling")
        settled = ", lease_token = NULL, troubled_since = NULL" if ended else ""
        self._changed(
            f"SET {self.due_at} = ledger_now() + make_interval(secs => %s),"
            f" leased_until = NULL{settled} WHERE t.tenant_id = %s AND t.{self.key} = %s",
            [seconds, tenant_id, id_],
        )

    def troubled(
        self, tenant_id: uuid.UUID, id_: uuid.UUID, token: uuid.UUID | None, *, gives_back: bool
    ) -> dt.datetime | None:
        """Keep that the work of a row that waits is in trouble, in a transaction of its own. Since
        when, where that is so long that people must know.

        Nothing is kept where another worker has leased the row meanwhile, or has settled it: how
        that ends is not known here, and nobody would take it back. The lease that `token` names may
        be given back with it, and its attempt is not counted. The row rests by its lease: when it
        is due is what its work goes by.
        """
        if not self.keeps_trouble:
            return None
        ours = "t.lease_token = %(token)s"
        free = (
            f"t.{self.due_at} <= ledger_now() AND (t.lease_token IS NULL"
            " OR t.leased_until IS NULL OR t.leased_until < ledger_now())"
        )
        given_back = {
            "leased_until": "ledger_now() + make_interval(secs => %(rest)s)", "lease_token": "NULL",
        }  # fmt: skip
        if self.counted:
            given_back[self.counted] = f"greatest(t.{self.counted} - 1, 0)"
        changes = [
            f"{name} = CASE WHEN {ours} THEN {to} ELSE t.{name} END"
            for name, to in (given_back if gives_back else {}).items()
        ]
        changes.append("troubled_since = coalesce(t.troubled_since, ledger_now())")
        with self._alone(tenant_id):
            row = self._returned(
                f"SET {', '.join(changes)}"
                f" WHERE t.tenant_id = %(tenant)s AND t.{self.key} = %(id)s AND {self.waiting}"
                f" AND ({ours} OR {free}) RETURNING t.troubled_since, {_LASTS}",
                {
                    "token": token, "tenant": tenant_id, "id": id_,
                    "rest": TROUBLE_PAUSE_SECONDS, "long": TROUBLE_SECONDS,
                },
            )  # fmt: skip
        return row[0] if row is not None and row[1] else None

    def give_back(self, due: Due) -> None:
        """Let a row rest whose work need only come again, in a transaction of its own: nothing is
        wrong, and no attempt counts. A lease that is not ours any more is left as it is."""
        uncounted = f", {self.counted} = greatest(t.{self.counted} - 1, 0)" if self.counted else ""
        with self._alone(due.tenant_id):
            self._changed(
                "SET leased_until = ledger_now() + make_interval(secs => %s), lease_token = NULL"
                f"{uncounted} WHERE t.tenant_id = %s AND t.{self.key} = %s AND t.lease_token = %s",
                [TROUBLE_PAUSE_SECONDS, due.tenant_id, due.id, due.token],
            )

    def untroubled(self, tenant_id: uuid.UUID, id_: uuid.UUID) -> None:
        """Keep that the work of a row has ended well, in a transaction of its own."""
        if not self.keeps_trouble:
            return
        with self._alone(tenant_id):
            self._changed(
                f"SET troubled_since = NULL WHERE t.tenant_id = %s AND t.{self.key} = %s",
                [tenant_id, id_],
            )

    def in_trouble(self, tenant_id: uuid.UUID) -> bool:
        """Whether any row of a tenant that waits is in trouble, in the caller's transaction and
        tenant."""
        return bool(trouble_of({"": self}, tenant_id))

    @contextlib.contextmanager
    def _alone(self, tenant_id: uuid.UUID) -> Iterator[None]:
        """Open a transaction in which a row may be changed, by whoever also leases it."""
        if self.scope != "sweep":
            with system_scope(self.scope):
                yield
            return
        with transaction.atomic(durable=True):
            set_tenant(tenant_id)
            yield

    def _returned(self, change: str, values: Any) -> tuple[Any, ...] | None:
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE {self.table} t {change}", values)
            row: tuple[Any, ...] | None = cursor.fetchone()
            return row

    def _changed(self, change: str, values: list[Any]) -> bool:
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE {self.table} t {change}", values)
            return int(cursor.rowcount) == 1


def trouble_of(
    tables: Mapping[str, LeaseTable], tenant_id: uuid.UUID
) -> dict[str, tuple[dt.datetime, bool]]:
    """Return by name which tables have rows of a tenant that wait and are in trouble: since when
    the first of them is, and whether that is so long that people must know. One statement, in the
    caller's transaction and tenant, and of each table one look into an index that is empty while
    all is well."""
    oldest = [
        f"(SELECT {number}, t.troubled_since, {_LASTS} FROM {each.table} t"  # noqa: S608  -- own words
        f" WHERE t.tenant_id = %(tenant)s AND t.troubled_since IS NOT NULL AND {each.waiting}"
        f" ORDER BY t.troubled_since LIMIT 1)"
        for number, each in enumerate(tables.values())
        if each.keeps_trouble
    ]
    if not oldest:
        return {}
    names = list(tables)
    with connection.cursor() as cursor:
        given: dict[str, Any] = {"tenant": tenant_id, "long": TROUBLE_SECONDS}
        cursor.execute(" UNION ALL ".join(oldest), given)
        return {names[row[0]]: (row[1], row[2]) for row in cursor.fetchall()}


def _leased() -> None:
    """The lease of a row is committed; its work begins."""
    failpoints.reach("row.leased")


def parameters(
    queues: Sequence[str],
    *,
    limit: int,
    untaken: float,
    each: int | None = None,
    but: uuid.UUID | None = None,
) -> dict[str, Any]:
    """Return the parameters of a statement made by `search`."""
    return {
        "queues": list(queues),
        "limit": limit,
        "untaken": untaken,
        "each": limit if each is None else each,
        "but": but,
    }


def search(
    table: str, *, keys: str, due_at: str, waiting: str, order: str, ready: str = "true"
) -> str:
    """Return the statement that finds what is due: rows that are `waiting` and `ready`.

    It steps from one (queue, tenant) that has anything waiting to the next by the index on (queue,
    tenant_id, due), and takes the oldest of each: a flood of one tenant is never read, and is
    served in turn with the others; who is first among those whose turn it is, is drawn by lot. A
    flood in one queue takes nothing of what is found in the others.
    """
    return f"""
    WITH RECURSIVE place(queue, tenant_id) AS (
        (SELECT t.queue, t.tenant_id FROM {table} t
         WHERE {waiting} AND t.queue = ANY(%(queues)s)
         ORDER BY t.queue, t.tenant_id LIMIT 1)
        UNION ALL
        SELECT n.queue, n.tenant_id FROM place CROSS JOIN LATERAL (
            SELECT t.queue, t.tenant_id FROM {table} t
            WHERE {waiting} AND (t.queue, t.tenant_id) > (place.queue, place.tenant_id)
            ORDER BY t.queue, t.tenant_id LIMIT 1) n
    )
    SELECT * FROM (
        SELECT place.queue, place.tenant_id, d.*,
               row_number() OVER (PARTITION BY place.queue ORDER BY d.turn, random()) AS number
        FROM place CROSS JOIN LATERAL (
            SELECT oldest.*, row_number() OVER () AS turn FROM (
                SELECT {keys} FROM {table} t
                WHERE {waiting} AND t.queue = place.queue AND t.tenant_id = place.tenant_id
                  AND t.{due_at} <= ledger_now() - make_interval(secs => %(untaken)s)
                  AND (t.leased_until IS NULL OR t.leased_until < ledger_now()) AND {ready}
                ORDER BY t.{due_at}, {order} LIMIT %(each)s) oldest) d
        WHERE place.queue = ANY(%(queues)s) AND place.tenant_id IS DISTINCT FROM %(but)s::uuid
    ) found
    WHERE found.number <= %(limit)s
    ORDER BY array_position(%(queues)s, found.queue), found.number
    """  # noqa: S608  -- built of constants
