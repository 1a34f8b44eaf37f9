"""The search finds cases, tasks, undo tasks and people by number, title and name, in its tenant."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cases import actions as case_actions
from ledger.tenancy import reading_scope
from tests.casework import approved_loan, deploy
from tests.clients import browser
from tests.definitions import definition, human
from tests.draining import drain
from tests.integration.workitems_made import opened, page, titles, undo_task
from tests.pages import text_of
from tests.world import World, make_world
from verbs.call import Call

pytestmark = pytest.mark.django_db(transaction=True)


def found(world: World, text: str, who: str = "operator") -> dict[str, list[str]]:
    """Return the titles that the search finds, by the heading above them."""
    html = browser(world.of(who)).get("/search/", {"q": text}).content.decode()
    groups = re.findall(r'<h2 class="group-title"[^>]*>(.*?)</h2>(.*?)</section>', html, re.DOTALL)
    return {text_of(head.encode()): [*map(unescape, titles(rows))] for head, rows in groups}


def _case(world: World, key: str, title: str) -> Any:
    return case_actions.open_case(call=Call(world.operator), definition=key, title=title)


@pytest.fixture
def loans(world: World) -> World:
    source = definition("loan", human("check"))
    source["spec"]["caseNumber"] = "L-{year}-{n}"
    deploy(world, source)
    for title in ("Loan of R. Vega", "Loan of T. Novak"):
        _case(world, "tests/loan", title)
    drain()
    return world


def test_a_number_finds_the_case_and_its_work(loans: World) -> None:
    [year] = {each.partition("-")[2][:4] for each in found(loans, "L-")["Cases"][0].split()[-1:]}
    number = f"L-{year}-2"
    assert found(loans, number) == {
        "Cases": [f"Loan of T. Novak {number}"],
        "Tasks": ["Do check"],
    }
    assert found(loans, number.lower()) == found(loans, number)
    assert found(loans, f"L-{year}")["Cases"] == [
        f"Loan of T. Novak {number}",
        f"Loan of R. Vega L-{year}-1",
    ]


def test_the_list_of_cases_knows_how_a_number_begins(loans: World) -> None:
    client = browser(loans.operator)
    opened = {"definition": "tests/loan", "title": "Loan of L-2 notes"}
    [name] = [each for each in found(loans, "L-")["Cases"] if "Novak" in each]
    begins = name.rpartition("-")[0].rpartition(" ")[2]
    case_actions.open_case(call=Call(loans.operator), **opened)

    def listed(text: str, more: str = "") -> list[str]:
        html = client.get(f"/cases/?{more}", {"q": text}).content.decode()
        return re.findall(r"Loan of (R. Vega|T. Novak|L-2 notes) L", html)

    everything = ["L-2 notes", "T. Novak", "R. Vega"]
    assert listed(begins) == listed(begins.lower()) == listed("l-") == everything
    assert listed(name.rpartition(" ")[2]) == ["T. Novak"]
    # No number begins so: titles are looked through.
    assert listed("L-2 n") == ["L-2 notes"]
    assert listed("nov") == ["T. Novak"]
    assert listed("L-9") == []
    html = client.get("/cases/", {"q": begins}).content.decode()
    assert '<span title="tests/loan 1.0.0">Loan 1.0.0</span>' in html
    assert ">tests/loan" not in html


def test_more_tasks_of_a_numbered_case_are_behind_its_number(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("web.search", "workitems.work_search"):
        monkeypatch.setattr(f"{module}.MOST", 1)
    approved_loan(world)
    client = browser(world.operator)
    html = client.get("/search/", {"q": "1"}).content.decode()
    assert 'href="/work-items/?case=1"' in html
    assert len(titles(page(client, "/work-items/?case=1"))) == 3
    # By a title the way on is the title.
    html = client.get("/search/", {"q": "the"}).content.decode()
    assert 'href="/work-items/?q=the"' in html


def test_a_case_is_found_as_pages_call_it(loans: World) -> None:
    [name] = [each for each in found(loans, "L-")["Cases"] if "Vega" in each]
    assert found(loans, name)["Cases"] == [name]
    assert found(loans, name.lower())["Cases"] == [name]
    html = browser(loans.operator).get("/cases/", {"q": name}).content.decode()
    assert set(re.findall(r"Loan of (R. Vega|T. Novak) L", html)) == {"R. Vega"}
    assert "Cases" not in found(loans, name.replace("Vega", "Novak"))


def test_titles_are_found_by_their_beginning_and_their_words(loans: World) -> None:
    opened(loans, title="Loan papers")
    opened(loans, title="The papers of a loan")
    task = undo_task(loans, title="Loan letter")
    hits = found(loans, "lOAN")
    assert [each.rpartition(" ")[0] for each in hits["Cases"]] == [
        "Loan of R. Vega",
        "Loan of T. Novak",
    ]
    # Those that begin so are first.
    assert hits["Tasks"] == ["Loan letter", "Loan papers", "The papers of a loan"]
    assert hits["Undo tasks"] == [task.title]


def test_a_title_is_found_however_much_is_newer(
    loans: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.search.NEWEST", 1)
    opened(loans, title="Änderung der Adresse")
    opened(loans, title="An Änderung")
    opened(loans, title="newer")
    # Also a word in the middle of one; what begins so is first.
    assert found(loans, "änder")["Tasks"] == ["Änderung der Adresse", "An Änderung"]


def test_the_newest_are_read_once_however_many_are_called_so(loans: World) -> None:
    for _ in range(4):
        opened(loans, title="Loan papers")
    with CaptureQueriesContext(connection) as captured:
        assert len(found(loans, "oan papers")["Tasks"]) == 4
    asked = [each["sql"] for each in captured if each["sql"].startswith("(SELECT")]
    searches = [sql for sql in asked if "UNION ALL" in sql and "title_key" in sql]
    assert len(searches) == 3
    with reading_scope(loans.operator.tenant_id), connection.cursor() as cursor:
        # What a planner does that expects one row of that title.
        for way in ("hashjoin", "mergejoin", "memoize", "material"):
            cursor.execute(f"SET LOCAL enable_{way} = off")
        for sql in searches:
            cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF) {sql}")
            plan = [line for (line,) in cursor.fetchall() if "Limit " in line]
            assert plan != []
            assert [line for line in plan if "loops=1)" not in line and "never" not in line] == []


def test_people_are_found_with_their_work(world: World) -> None:
    opened(world, title="hers", assignee=world.analyst.username)
    html = browser(world.operator).get("/search/", {"q": "ANALYST"}).content.decode()
    assert f">{world.analyst.username}</a>" in html
    link = re.search(r'class="row-title" href="(/work-items/[^"]*)"', html)
    assert link is not None
    assert titles(page(browser(world.operator), unescape(link[1]))) == ["hers"]


def test_nothing_of_another_tenant_is_found(loans: World) -> None:
    other = make_world()
    for text in ("Loan", "Do check", loans.analyst.username, "L-"):
        assert found(other, text) == {}
        assert found(loans, text, "bystander") != {}


def test_there_is_more_than_is_shown(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("web.search", "workitems.work_search"):
        monkeypatch.setattr(f"{module}.MOST", 2)
    for number in range(4):
        opened(world, title=f"paper {number}")
    html = browser(world.operator).get("/search/", {"q": "paper"}).content.decode()
    assert titles(html) == ["paper 0", "paper 1"]
    assert "There are more." in html
    further = re.search(r'There are more\.\s*<a href="([^"]+)"', html)
    assert further is not None
    assert len(titles(page(browser(world.operator), unescape(further[1])))) == 4


@pytest.mark.parametrize(
    "text", ["", " ", "no such thing", "%", "_", "'; --", "\x7f", "x" * 900, "\U0010ffff", "\\"]
)
def test_any_text_may_be_searched_for(loans: World, text: str) -> None:
    assert found(loans, text) == {}
    html = browser(loans.operator).get("/search/", {"q": text}).content.decode()
    assert ("Nothing is called so" in html) is bool(text.strip())


@pytest.mark.parametrize("title", ["x" * 255, "מסמך חשוב", "<b>fett</b>"])
def test_any_title_is_found_and_shown_as_it_is(world: World, title: str) -> None:
    opened(world, title=title)
    assert found(world, title[:150])["Tasks"] == [title]


def test_the_search_costs_twelve_queries_at_most_whatever_there_is(loans: World) -> None:
    client = browser(loans.operator)

    def cost(text: str) -> int:
        with CaptureQueriesContext(connection) as caught:
            page(client, f"/search/?q={text}")
        asked = [each["sql"] for each in caught if " FROM " in each["sql"]]
        assert len(asked) <= 12, "\n\n".join(asked)
        return len(asked)

    undo_task(loans, title="Loan letter")
    few = cost("loan")
    approved_loan(loans)
    for number in range(30):
        opened(loans, title=f"Loan {number}")
    undo_task(loans, title="Loan letter")
    assert cost("loan") == few
    assert cost("3") <= 12


def test_the_search_box_leads_there(world: World) -> None:
    html = page(browser(world.analyst), "/inbox/")
    assert '<form class="search" role="search" action="/search/">' in html
