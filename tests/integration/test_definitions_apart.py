"""Definitions that nobody vouches for are compiled in a process of their own, which may die: over
the API (`validate`) and by `manage.py lint_case`. Neither stores anything."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from cases.actions import checked_apart
from cases.actions.deploy import SMALL_SOURCE
from cases.models import CaseDefinition
from json_values.framed_process import Answer
from ledger.tenancy import tenant_scope
from tests.clients import api, browser
from tests.definitions import definition, human
from tests.world import World

VALIDATE = "/api/v1/case-definitions/validate"
GOOD = """\
dsl: "0.1"
namespace: tests
name: apart
version: "1.0"
spec:
  cbr: {topK: 5}
  goals: [{name: done, condition: .a}]
  bindings:
    - name: look
      on: {contextChange: .go}
      when: .a == null
      humanTask: {title: Look, outputMapping: "{a: .}"}
"""
TOLD = [("ignored", 6, 8), ("coverage_gap", 9, 7)]
BOMB = "a: &a [x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 8)}]\n"
    for old, new in zip("abcdef", "bcdefg", strict=True)
)
DEEP = "a: " + "[" * 5_000 + "]" * 5_000
MANY = "spec: {bindings: [" + "{a: b}," * 9_000 + "]}"


@pytest.fixture
def checker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A child of its own, which does not outlive the test."""
    own = checked_apart._Checker()  # noqa: SLF001
    monkeypatch.setattr(checked_apart, "_checker", own)
    yield own
    if own.child is not None:
        own.child.bury()


def validated(world: World, source: str) -> Any:
    return api(world.operator).post(VALIDATE, source, content_type="application/yaml")


def stored(world: World) -> int:
    with tenant_scope(world.operator.tenant_id):
        return CaseDefinition.objects.count()


def test_a_good_one_is_compiled_as_it_would_be_here(world: World, checker: Any) -> None:
    answer = validated(world, GOOD)
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert (body["valid"], body["namespace"], body["version"]) == (True, "tests", "1.0")
    assert [(each["code"], each["line"], each["column"]) for each in body["warnings"]] == TOLD
    assert stored(world) == 0
    # JSON has no lines, and the same process is asked.
    pid = checker.child.pid
    sent = api(world.operator).post(
        VALIDATE, definition("json", human("a")), content_type="application/json"
    )
    assert [each["code"] for each in sent.json()["warnings"]] == ["endless"]
    assert checker.child.pid == pid


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (BOMB, "more than"), (DEEP, "nested deeper than 32 levels"),
        (MANY, "more than 3000 keys and values"), ("a: [", "not valid YAML"),
        (GOOD.replace(".a == null", "'.a =='"), "not a usable jq expression"),
    ],
    ids=["aliases", "deep", "many", "broken", "jq"],
)  # fmt: skip
def test_a_bad_one_is_refused_by_its_line_and_the_process_lives(
    world: World, checker: Any, source: str, said: str
) -> None:
    assert validated(world, GOOD).status_code == 200
    pid = checker.child.pid
    answer = validated(world, source)
    assert answer.status_code == 422, answer.content
    (error,) = answer.json()["errors"]
    assert error["message"].startswith("line ")
    assert said in error["message"]
    assert checker.child.pid == pid
    assert stored(world) == 0


def test_too_long_a_body_is_not_even_read(world: World, checker: Any) -> None:
    answer = validated(world, "a: b\n" * 100_000)
    assert answer.status_code == 413
    assert checker.child is None


def test_a_process_that_died_meanwhile_is_replaced(world: World, checker: Any) -> None:
    assert validated(world, GOOD).status_code == 200
    dead = checker.child.pid
    os.kill(dead, signal.SIGKILL)
    assert validated(world, GOOD).status_code == 200
    assert checker.child.pid != dead


class Dying:
    """A child that a definition kills."""

    def __init__(self, *, by_its_time: bool = False, answer: Answer | None = None) -> None:
        self.by_its_time, self.answer = by_its_time, answer
        self.buried = 0

    def send(self, request: dict[str, Any]) -> None:
        pass

    def receive(self) -> Answer | None:
        return self.answer

    def bury(self) -> bool:
        self.buried += 1
        return self.by_its_time


@pytest.mark.parametrize("how", ["time", "memory"])
def test_a_definition_that_takes_too_much_is_refused_and_the_next_one_is_checked(
    world: World, checker: Any, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    # Of its memory a child says itself that it was too much.
    dying = Dying(by_its_time=True) if how == "time" else Dying(answer=["too_much", ""])
    with monkeypatch.context() as patch:
        patch.setattr(checked_apart, "_started", lambda: dying)
        answer = validated(world, GOOD)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["message"] == (
        "line 1: takes more than 5 s of computing, or too much memory, to check"
    )
    assert (dying.buried, checker.child) == (1, None)
    assert validated(world, GOOD).status_code == 200


def test_a_process_that_dies_otherwise_is_no_fault_of_the_definition(
    world: World, checker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    dying = [Dying(), Dying()]
    left = iter(dying)
    with monkeypatch.context() as patch:
        patch.setattr(checked_apart, "_started", lambda: next(left))
        answer = validated(world, GOOD)
    assert (answer.status_code, answer.json()["errors"]) == (503, [])
    assert ([each.buried for each in dying], checker.child) == ([1, 1], None)
    assert validated(world, GOOD).status_code == 200


def test_a_process_that_cannot_be_started_is_no_fault_of_the_definition(
    world: World, checker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left() -> Any:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(checked_apart, "_Child", none_left)
    assert validated(world, GOOD).status_code == 503
    assert stored(world) == 0


def test_nobody_waits_for_ever_for_the_one_before(
    world: World, checker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checked_apart, "LOCK_SECONDS", 0.01)
    with checker._lock:  # noqa: SLF001
        assert validated(world, GOOD).status_code == 503
    assert checker.child is None
    assert validated(world, GOOD).status_code == 200


def test_a_long_definition_is_deployed_and_shown_through_the_process_and_a_short_one_is_not(
    world: World, checker: Any
) -> None:
    def deployed(source: str) -> Any:
        return api(world.operator).post(
            "/api/v1/case-definitions", source, content_type="application/yaml"
        )

    assert deployed(GOOD).status_code == 201
    assert not checker.child
    long = GOOD.replace("name: apart", "name: long") + "#" * SMALL_SOURCE
    answer = deployed(long)
    assert answer.status_code == 201
    assert [(each["code"], each["line"], each["column"]) for each in answer.json()["warnings"]] == (
        TOLD
    )
    asked = checker.child.answered
    page = browser(world.operator).get("/cases/definitions/tests/long/1.0/")
    assert (page.status_code, checker.child.answered) == (200, asked + 1)
    assert "no past case is looked up" in page.content.decode()
    # With an anchor a short text may be a long definition.
    assert deployed(BOMB).status_code == 422
    assert checker.child.answered == asked + 2


def lint(*files: Path) -> tuple[int, list[str]]:
    out = io.StringIO()
    try:
        call_command("lint_case", *map(str, files), stdout=out)
    except SystemExit as ended:
        return int(str(ended.code)), out.getvalue().splitlines()
    return 0, out.getvalue().splitlines()


def test_the_command_prints_a_line_for_each_finding(checker: Any, tmp_path: Path) -> None:
    good, bad, binary, long = (tmp_path / f"{name}.yaml" for name in "good bad binary long".split())
    good.write_text(GOOD)
    bad.write_text(GOOD.replace(".a == null", "'.a =='"))
    binary.write_bytes(b"\xff\xfe")
    long.write_text("a: b\n" * 100_000)
    gap = "coverage gap: nobody declared how 'look' is undone, and a rollback leaves it as it is"
    findings = [
        f"{good}:6:8: warning ignored: /spec/cbr: cbr is ignored: no past case is looked up",
        f"{good}:9:7: warning coverage_gap: /spec/bindings/0: {gap}",
    ]
    assert lint(good) == (0, findings)
    code, lines = lint(good, bad, binary, long)
    assert (code, lines[:2]) == (1, findings)
    assert lines[2].startswith(f"{bad}:11:13: error definition_invalid: /spec/bindings/0/when: ")
    assert lines[3:] == [
        f"{binary}:1:1: error not_unicode: the file is not UTF-8",
        f"{long}:1:1: error definition_invalid: the definition has more than 65536 bytes",
    ]


def test_the_command_needs_a_file_that_is_there(checker: Any, tmp_path: Path) -> None:
    for files in ([], [tmp_path / "none.yaml"]):
        with pytest.raises(CommandError):
            lint(*files)


PLACES = [
    (GOOD.replace("{topK: 5}", "[5"), 7, 8, "", "not valid YAML"),
    (GOOD.replace("name: look", "name: look: again"), 9, 17, "", "not valid YAML"),
    ("# nothing\n", 1, 1, "", "the document is empty"),
    ("- a\n", 1, 1, "", "must be a map"),
    (GOOD.replace(".a == null", "'.a =='"), 11, 13, "/spec/bindings/0/when", "not a usable jq"),
    (GOOD.replace("title: Look, ", ""), 12, 18, "/spec/bindings/0/humanTask", "title is required"),
    (f"{GOOD}name: again\n", 13, 1, "/name", "the key 'name' was already used on line 3"),
]


@pytest.mark.parametrize(
    ("source", "place", "said"),
    [(each[0], each[1:4], each[4]) for each in PLACES],
    ids=[f"{each[1]}:{each[2]} {each[4][:16]}" for each in PLACES],
)
def test_an_error_names_line_and_column(
    world: World, checker: Any, source: str, place: tuple[int, int, str], said: str
) -> None:
    for answer in (
        validated(world, source),
        api(world.operator).post(
            "/api/v1/case-definitions", source, content_type="application/yaml"
        ),
    ):
        assert answer.status_code == 422, answer.content
        error = answer.json()["errors"][0]
        assert (error["line"], error["column"], error["pointer"]) == place
        assert said in error["message"]
    assert stored(world) == 0


def test_an_error_in_json_has_a_pointer_alone(world: World, checker: Any) -> None:
    answer = api(world.operator).post(VALIDATE, {"dsl": "0.1"}, content_type="application/json")
    assert answer.status_code == 422
    assert {frozenset(each) for each in answer.json()["errors"]} == {
        frozenset({"pointer", "message", "code"})
    }
