"""Every list, of a large tenant and of a small one beside it, against the small one alone.

Two databases on one server: one has a small tenant alone, the other the same small tenant beside a
large one. Each page is asked for in turn in all three, by Django's test client as the application's
role, because machines drift: the figures that count are medians and their ratio.

    python -m tools.localstack.ephemeral --no-redis -- python -m benchmarks.lists

Prints a line a figure, `lists <page>: ours … ms, alone … ms, ratio …`; `<page> beside` is the small
tenant beside the large one. Exit 1 beyond the bounds.
"""

from __future__ import annotations

import argparse
import functools
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import django
import psycopg
from django.db import connections

from benchmarks.figures import NOISE_MS
from benchmarks.preparing import migrate

BOUND = 1.5
T = TypeVar("T")
MAX_QUERIES = 12
DEEP = 20
PAGES = {
    "inbox": "/inbox/",
    "inbox groups": "/inbox/?tab=groups",
    "inbox unassigned": "/inbox/?tab=unassigned",
    "inbox on hold": "/inbox/?tab=held",
    "inbox done": "/inbox/?tab=done",
    "inbox all": "/inbox/?tab=all",
    "inbox undo": "/inbox/?kind=COMPENSATION",
    "inbox mine": "/inbox/?tab=mine",
    "inbox newest": "/inbox/?sort=newest",
    "inbox late": "/inbox/?due=late",
    "inbox high": "/inbox/?priority=HIGH&due=none",
    "inbox words": "/inbox/?q=applicant+77",
    "inbox case": "/inbox/?case=77",
    "work words": "/work-items/?q=identity",
    "work rare": "/work-items/?q=applicant+77",
    "work nothing": "/work-items/?q=nobody+is+called+so",
    "work of somebody": "/work-items/?assignee={reader}&status=COMPLETED",
    "search title": "/search/?q=check+identity",
    "search number": "/search/?q=77",
    "search one": "/search/?q=check+identity+of+applicant+777",
    "search nothing": "/search/?q=nobody+is+called+so",
    "item": "/work-items/{item}/",
    "cases": "/cases/",
    "cases running": "/cases/?status=RUNNING",
    "cases faulted": "/cases/?status=FAULTED",
    "cases search": "/cases/?q=nothing+like+it",
    "definitions": "/cases/definitions/",
    "start": "/cases/new/",
    "runs": "/compensation-runs/",
    "runs live": "/compensation-runs/?show=live",
    "ledger": "/ledger/",
    "ledger action": "/ledger/?action=failed",
    "ledger actor": "/ledger/?actor={reader}",
    "ledger case": "/ledger/?case={case}",
    "notifications": "/notifications/",
    "notifications unread": "/notifications/?unread=1",
    "api work-items": "/api/v1/work-items",
    "api work-items pending": "/api/v1/work-items?status=PENDING",
    "api work-items faulted": "/api/v1/work-items?status=FAULTED",
    "api work-items rejected": "/api/v1/work-items?status=REJECTED",
    "api work-items undo": "/api/v1/work-items?kind=COMPENSATION",
    "api work-items mine": "/api/v1/work-items?assignee=me",
    "api work-items candidate": "/api/v1/work-items?candidate=me&status=PENDING",
    "api work-items case": "/api/v1/work-items?case={case}",
    "api work-items words": "/api/v1/work-items?q=identity+papers",
    "api work-items rare words": "/api/v1/work-items?q=notary+folder",
    "api work-items old words": "/api/v1/work-items?q=telegraph",
    "api work-items beginning": "/api/v1/work-items?q=app+77",
    "api work-items part": "/api/v1/work-items?q=icant+77",
    "api work-items no words": "/api/v1/work-items?q=nobody+is+called+so",
    "api work-items priority": "/api/v1/work-items?priority=HIGH",
    "api work-items group": "/api/v1/work-items?group=analysts",
    "api work-items no group": "/api/v1/work-items?group=nobody&status=PENDING",
    "api work-items due": "/api/v1/work-items?due=late",
    "api work-items due between": "/api/v1/work-items?due_after=2026-01-01T00:00:00Z"
    "&due_before=2027-03-01T00:00:00Z",
    "api work-items overdue": "/api/v1/work-items?overdue=true",
    "api work-items created": "/api/v1/work-items?created_after=2026-01-01T00:00:00Z"
    "&created_before=2026-01-01T02:00:00Z",
    "api work-items created by": "/api/v1/work-items?created_by=me",
    "api work-items completed": "/api/v1/work-items?completed_after=2026-01-01T00:00:00Z"
    "&completed_before=2026-01-01T02:00:00Z",
    "api work-items completed by": "/api/v1/work-items?completed_by=me",
    "api work-items outcome": "/api/v1/work-items?outcome=REFUSED",
    "api work-items undo state": "/api/v1/work-items?compensation_state=COMPENSATING",
    "api work-items tainted": "/api/v1/work-items?tainted=true",
    "api work-items skippable": "/api/v1/work-items?skippable=true",
    "api work-items several": "/api/v1/work-items?status=FAULTED&priority=HIGH&created_by=me",
    "api item": "/api/v1/work-items/{item}",
    "api cases": "/api/v1/cases",
    "api cases definition": "/api/v1/cases?definition=bench/loan",
    "api cases no definition": "/api/v1/cases?definition=bench/none",
    "api case-definitions": "/api/v1/case-definitions",
    "api executions": "/api/v1/executions",
    "api executions failed": "/api/v1/executions?status=FAILED",
    "api executions capability": "/api/v1/executions?capability=demo.none",
    "api runs": "/api/v1/compensation-runs",
    "api runs running": "/api/v1/compensation-runs?status=RUNNING",
    "api ledger": "/api/v1/ledger/entries",
    "api ledger kind": "/api/v1/ledger/entries?kind=REFUSAL",
    "api ledger subject": "/api/v1/ledger/entries?subject=batch",
    "api notifications": "/api/v1/notifications",
    "api deliveries": "/api/v1/deliveries",
    "api deliveries dead": "/api/v1/deliveries?status=DEAD",
    "api deliveries email": "/api/v1/deliveries?channel=email",
}  # fmt: skip
# Followed by their `next` before they are measured.
DEEP_PAGES = {
    "work-items": "/api/v1/work-items?limit=200",
    "executions": "/api/v1/executions?limit=20",
    "cases": "/api/v1/cases?limit=20",
    "ledger": "/api/v1/ledger/entries?limit=200",
    "deliveries": "/api/v1/deliveries?limit=50",
}


def main() -> int:
    """Fill, measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", type=int, default=1_000_000, help="items of the large tenant")
    parser.add_argument("--small", type=int, default=10_000, help="items of the small one")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", default="", help="pages whose name has this in it")
    options = parser.parse_args()
    migrate()
    beside_url = _another_database()
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings.test"
    django.setup()
    beside, alone = _Database(beside_url), _Database(os.environ["DATABASE_SUPERUSER_URL"])
    begun = time.perf_counter()
    places = [
        (beside, beside.do(lambda: _reader(beside_url, options.large))),
        (beside, beside.do(lambda: _reader(beside_url, options.small))),
        (alone, alone.do(lambda: _reader(os.environ["DATABASE_SUPERUSER_URL"], options.small))),
    ]
    print(f"  filled in {time.perf_counter() - begun:.0f} s", flush=True)
    return _measured(places, options.rounds, options.only)


class _Database:
    """A database of the server, and a thread that asks it: a thread keeps the connection that it
    had first."""

    def __init__(self, superuser_url: str) -> None:
        """Connect, as the application's role."""
        self._name = urlsplit(superuser_url).path[1:]
        self._thread = ThreadPoolExecutor(max_workers=1, initializer=self._connect)

    def _connect(self) -> None:
        usual = connections.settings["default"]
        connections["default"] = own = connections.create_connection("default")
        own.settings_dict = {**usual, "NAME": self._name}

    def do(self, doing: Callable[[], T]) -> T:
        """Return what something gives that is done there, and only there."""
        return self._thread.submit(doing).result()


def _another_database() -> str:
    """Copy the migrated database, and return the copy's address for the superuser."""
    name = "amends_beside"
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as owner:
        migrated = owner.info.dbname
    maintenance = _named(os.environ["DATABASE_SUPERUSER_URL"], "postgres")
    with psycopg.connect(maintenance, autocommit=True) as superuser:
        superuser.execute(f"DROP DATABASE IF EXISTS {name}".encode())
        superuser.execute(f"CREATE DATABASE {name} TEMPLATE {migrated}".encode())
    return _named(os.environ["DATABASE_SUPERUSER_URL"], name)


def _named(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


def _reader(superuser_url: str, items: int) -> Any:
    """Fill a tenant in the database that is in use, and return who reads it."""
    filling, reading = import_module("benchmarks.filling"), import_module("benchmarks.list_reader")
    tenant = filling.Tenant(f"lists-{items}")
    with psycopg.connect(superuser_url, autocommit=True) as superuser:
        filling.fill(superuser, tenant, items)
        superuser.execute("VACUUM ANALYZE")
    return reading.Reader(tenant)


def _measured(places: list[tuple[_Database, Any]], rounds: int, only: str) -> int:
    """Ask for every page everywhere, round by round; return whether all keep the bounds."""
    beyond = 0
    for name, path in _pages(places, only):
        asks: list[Callable[[], float]] = []
        for (database, reader), address in zip(places, path, strict=True):
            queries = database.do(functools.partial(reader.queries, address))
            if queries > MAX_QUERIES:
                beyond += 1
                print(f"  {name}: {queries} queries, at most {MAX_QUERIES}", flush=True)
            asks.append(_asking(database, reader, address))
        taken = [[ask() for ask in asks] for _ in range(rounds)]
        large, small, alone = (statistics.median(each) for each in zip(*taken, strict=True))
        for words, ours in ((name, large), (f"{name} beside", small)):
            ratio = ours / alone
            beyond += ratio > BOUND and ours - alone > NOISE_MS
            print(
                f"lists {words}: ours {ours:.1f} ms, alone {alone:.1f} ms, ratio {ratio:.2f}",
                flush=True,
            )
    return 1 if beyond else 0


def _asking(database: _Database, reader: Any, address: str) -> Callable[[], float]:
    def ask() -> float:
        begun = time.perf_counter()
        reader.get(address)
        return (time.perf_counter() - begun) * 1000

    return lambda: database.do(ask)


def _pages(places: list[tuple[_Database, Any]], only: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each page's name and its address in each place; deep ones are followed to."""
    for name, path in PAGES.items():
        if only in name:
            yield name, [path.format(**reader.words) for _database, reader in places]
    for name, path in DEEP_PAGES.items():
        if only in f"api {name} deep":
            addresses = []
            for database, reader in places:
                addresses.append(database.do(functools.partial(reader.followed, path, DEEP)))
            yield f"api {name} deep", addresses


if __name__ == "__main__":
    sys.exit(main())
