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
from benchmarks.list_pages import DEEP_PAGES, PAGES
from benchmarks.preparing import migrate

BOUND = 1.5
T = TypeVar("T")
MAX_QUERIES = 12
DEEP = 20


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
    tenant = import_module("benchmarks.filled_tenant").Tenant(f"lists-{items}")
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
