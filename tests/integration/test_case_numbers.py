"""Cases have short numbers: counted in their tenant, or as their definition says, never twice."""

from __future__ import annotations

import os
import re
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any

import psycopg
import pytest
from django.db import connection

from cases import actions
from cases.models import Case, CaseCounter
from ledger.errors import Refusal
from ledger.tenancy import tenant_scope
from tests.casework import case_row, deploy, opened
from tests.clients import browser
from tests.definitions import definition, human
from tests.pages import text_of
from tests.world import World, make_world
from verbs.call import Call

pytestmark = pytest.mark.django_db(transaction=True)


def _deployed(world: World, name: str = "loan", pattern: str | None = None) -> str:
    source = definition(name, human("check"))
    if pattern is not None:
        source["spec"]["caseNumber"] = pattern
    deploy(world, source)
    return f"tests/{name}"


def _opened(world: World, key: str, **more: Any) -> Case:
    return actions.open_case(call=Call(world.operator), definition=key, **more)


def test_cases_count_in_their_tenant(world: World) -> None:
    loan, access, theirs = _deployed(world), _deployed(world, "access"), make_world()
    numbers = [_opened(world, key).number for key in (loan, access, loan)]
    assert numbers == ["1", "2", "3"]
    assert _opened(theirs, _deployed(theirs)).number == "1"


def test_a_definition_says_how_its_cases_are_numbered(world: World) -> None:
    year = _opened(world, _deployed(world)).created_at.year
    loan = _deployed(world, "with-year", "L-{year}-{n}")
    assert [_opened(world, loan).number for _ in range(2)] == [f"L-{year}-1", f"L-{year}-2"]
    # The same prefix is the same counter, whatever definition it stands in.
    assert _opened(world, _deployed(world, "again", "L-{year}-{n}")).number == f"L-{year}-3"
    assert _opened(world, "tests/loan").number == "2"


def test_a_case_that_is_refused_has_no_number(world: World) -> None:
    key = _deployed(world)
    with pytest.raises(Refusal):
        _opened(world, key, title="x" * 301)
    with tenant_scope(world.operator.tenant_id):
        assert not CaseCounter.objects.filter(tenant_id=world.operator.tenant_id).exists()
    assert _opened(world, key).number == "1"


def test_opened_at_once_no_two_have_one_number(world: World) -> None:
    key = _deployed(world)

    def one(_n: int) -> str:
        try:
            return _opened(world, key).number
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        numbers = list(pool.map(one, range(6)))
    assert sorted(numbers) == ["1", "2", "3", "4", "5", "6"]


def test_the_number_is_on_the_pages_and_in_the_api(world: World) -> None:
    case_id = opened(world, _deployed(world, pattern="L-{n}"))
    assert case_row(world, case_id).number == "L-1"
    reader = browser(world.operator)
    assert "Loan L-1" in text_of(reader.get("/cases/").content)
    page = text_of(reader.get(f"/cases/{case_id}/").content)
    assert "Loan L-1" in page
    assert str(case_id)[-6:] not in page
    assert reader.get(f"/api/v1/cases/{case_id}").json()["number"] == "L-1"
    opened(world, "tests/loan")
    for query, numbers in (("L-1", ["L-1"]), ("l-2", ["L-2"]), ("L-3", [])):
        assert (
            re.findall(r"Loan (L-\d)<", reader.get(f"/cases/?q={query}").content.decode())
            == numbers
        )
    listed = reader.get("/api/v1/cases?number=L-2").json()["results"]
    assert [each["number"] for each in listed] == ["L-2"]
    admin = browser(world.admin)
    assert "L-1" in text_of(admin.get("/admin/cases/case/?q=L-1").content)


def test_cases_of_before_are_numbered_in_the_order_of_their_opening(world: World) -> None:
    key, theirs = _deployed(world), make_world()
    ids = [str(_opened(world, key).id) for _ in range(3)]
    other = str(_opened(theirs, _deployed(theirs)).id)
    migration = import_module("cases.migrations.0006_numbers")
    url, name = os.environ["DATABASE_SUPERUSER_URL"], str(connection.settings_dict["NAME"])
    with psycopg.connect(url, dbname=name) as database, database.transaction(force_rollback=True):
        # As it was: no numbers, no counters.
        database.execute("ALTER TABLE cases_case DROP CONSTRAINT cases_number_once")
        database.execute("ALTER TABLE cases_case DISABLE TRIGGER USER")
        database.execute("UPDATE cases_case SET number = ''")
        database.execute("DELETE FROM cases_casecounter")
        database.execute(migration.NUMBER.encode())
        rows = database.execute("SELECT id::text, number FROM cases_case").fetchall()
        last = database.execute(
            "SELECT last FROM cases_casecounter WHERE tenant_id = %s", [world.operator.tenant_id]
        ).fetchall()
    found: dict[str, str] = dict(rows)
    assert [found[id_] for id_ in ids] == ["1", "2", "3"]
    assert found[other] == "1"
    assert last == [(3,)]
