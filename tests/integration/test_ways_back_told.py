"""Which steps have no way back: the lint, the graph and the pages name the same ones, and whoever
starts a case is told before it begins."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from cases import selectors
from tests.casework import deploy
from tests.clients import api, browser
from tests.definitions import automated, definition, human
from tests.pages import text_of
from tests.subcases import below
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)
NEW = "/cases/new/"
V1 = "/api/v1/case-definitions"
TOLD = (
    "2 steps have no way back. Nobody declared how they are undone, and a rollback leaves them as"
    " they are: Look Retry often 2 steps cannot be undone once they are done: Sign: Irreversible"
    " File it: Irreversible"
)
UNDECLARED = "nobody declared how to undo it"


def _mixed() -> dict[str, Any]:
    """Each kind of step; nobody declared an undo for `look` and `retry-often`."""
    return definition(
        "mixed",
        human("look", compensation=None),
        human("sign", compensation=None, reversibility="irreversible"),
        human("write"),
        human("read", compensation=None, reversibility="not_needed"),
        automated("file-it", "demo.file", ".sign", '{to: "x", subject: "y"}'),
        automated("book", "demo.adjust", ".write", '{account: "a", balance: 1}'),
        automated("retry-often", "demo.flaky", ".write", "{fail_times: 0}"),
        below("part", "child", ".write != null and .part == null"),
    )


def test_the_lint_the_graph_and_the_pages_name_the_same_steps(world: World) -> None:
    source = _mixed()
    operator = api(world.operator)
    said = operator.post(f"{V1}/validate", source, content_type="application/json").json()
    places = [each["pointer"] for each in said["warnings"] if each["code"] == "coverage_gap"]
    assert places == ["/spec/bindings/0", "/spec/bindings/6"]
    deploy(world, source)
    graph = operator.get(f"{V1}/tests/mixed/1.0.0/graph").json()
    assert graph["gaps"] == ["look", "retry-often"]
    uncovered = [each["name"] for each in graph["nodes"] if not each["covered"]]
    assert uncovered == graph["gaps"]
    client = browser(world.operator)
    [row] = client.get(reverse("cases:definitions")).context["rows"]
    assert row["gaps"] == ["Look", "Retry often"]
    assert [each["binding"] for each in row["final"]] == ["Sign", "File it"]
    assert (row["bindings"], row["undoable"]) == (8, 3)
    page = client.get(reverse("cases:definition", args=["tests", "mixed", "1.0.0"]))
    steps = page.context["steps"]
    assert [(each["undo"] or each["reversibility_label"], each["gap"]) for each in steps] == [
        (UNDECLARED, True),
        ("Irreversible", True),
        ("whoever completed it", False),
        ("needs no undo", False),
        ("Irreversible", True),
        ("Undo, automatically", False),
        (UNDECLARED, True),
        ("with the case it opens, as that declares", False),
    ]


def test_whoever_starts_a_case_is_told_which_steps_have_no_way_back(world: World) -> None:
    deploy(world, _mixed())
    deploy(world, definition("whole", human("visit")))
    client = browser(world.analyst)
    told, statements = {}, {}
    for name in ("mixed", "whole"):
        selectors._compiled.clear()  # noqa: SLF001  -- as a process begins
        with CaptureQueriesContext(connection) as captured:
            told[name] = text_of(client.get(f"{NEW}?definition=tests/{name} 1.0.0").content)
        statements[name] = len(captured.captured_queries)
    assert TOLD in told["mixed"]
    # Nothing is told of one whose steps are all undone, nor before a kind is chosen.
    for shown in (told["whole"], text_of(client.get(NEW).content)):
        assert "no way back" not in shown
        assert "cannot be undone" not in shown
    # What is told is read off what the form is made of.
    assert statements["mixed"] == statements["whole"]
    # It stays where the form is shown again.
    again = client.post(NEW, {"definition": "tests/mixed 1.0.0", "context": "no object"})
    assert again.status_code == 422
    assert TOLD in text_of(again.content)


def test_what_cannot_be_undone_is_no_step_nobody_thought_of(world: World) -> None:
    final = human("sign", compensation=None, reversibility="pivot")
    deploy(world, definition("signed", human("look"), final))
    shown = text_of(browser(world.operator).get(reverse("cases:definitions")).content)
    assert "1 step cannot be undone" in shown
    assert "Sign Point of no return" in shown
    assert "no way back" not in shown
    assert "Every step can be undone" not in shown
