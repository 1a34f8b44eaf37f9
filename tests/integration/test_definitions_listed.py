"""The page of definitions costs the same for one and for many, also where none is kept yet."""

from __future__ import annotations

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from cases import selectors
from tests.casework import deploy
from tests.clients import browser
from tests.definitions import definition, human
from tests.world import World


def statements(world: World) -> int:
    """Return how many statements the page takes in a process that has kept no definition."""
    selectors._compiled.clear()  # noqa: SLF001  -- as a process begins
    client = browser(world.operator)
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(reverse("cases:definitions"))
    assert answer.status_code == 200
    return len(captured.captured_queries)


def test_a_page_of_definitions_reads_what_is_in_them_in_one_query(world: World) -> None:
    deploy(world, definition("one", human("a")))
    alone = statements(world)
    for number in range(5):
        deploy(world, definition(f"more-{number}", human("a")))
    assert statements(world) == alone
