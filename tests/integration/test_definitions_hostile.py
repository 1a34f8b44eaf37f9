"""Definitions that no column can keep are refused by line; nothing is stored."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from cases import actions
from cases.models import CaseDefinition
from ledger.errors import Invalid
from ledger.models import LedgerEntry
from ledger.tenancy import tenant_scope
from tests.definitions import definition, human
from tests.world import World
from verbs.call import Call

SCHEMA = "/spec/bindings/0/humanTask/resolutionSchema"
SOURCE = """\
dsl: "0.1"
namespace: tests
name: hostile
version: "1.0.0"
title: TITLE
spec:
  bindings:
    - name: one
      on: {contextChange: {filter: .a}}
      humanTask:
        title: T
        resolutionSchema:
          maximum: MAXIMUM
          properties: {KEY: {}}
"""


def hostile(**words: str) -> str:
    """Return the source with some of its words replaced."""
    source = SOURCE
    for word, said in {"TITLE": "T", "MAXIMUM": "1", "KEY": "k", **words}.items():
        source = source.replace(word, said)
    return source


def stored(world: World) -> tuple[int, int]:
    """How many definitions and entries the tenant has."""
    with tenant_scope(world.operator.tenant_id):
        return CaseDefinition.objects.count(), LedgerEntry.objects.count()


@pytest.mark.parametrize(
    ("words", "pointer", "line"),
    [
        ({"MAXIMUM": str(2**60)}, f"{SCHEMA}/maximum", 13),
        ({"MAXIMUM": str(-(2**53))}, f"{SCHEMA}/maximum", 13),
        ({"MAXIMUM": "9" * 5_000}, f"{SCHEMA}/maximum", 13),
        ({"MAXIMUM": "1.0e999"}, f"{SCHEMA}/maximum", 13),
        ({"TITLE": r'"a\u0000b"'}, "/title", 5),
        ({"TITLE": r'"a\ud800b"'}, "/title", 5),
        ({"KEY": r'"a\0b"'}, f"{SCHEMA}/properties", 14),
        ({"KEY": r'"\udfff"'}, f"{SCHEMA}/properties", 14),
    ],
    ids=["2**60", "-2**53", "digits", "infinite", "nul", "surrogate", "nul-key", "surrogate-key"],
)
def test_yaml_that_cannot_be_kept_is_refused_by_line(
    world: World, words: dict[str, str], pointer: str, line: int
) -> None:
    before = stored(world)
    with pytest.raises(Invalid) as refused:
        actions.deploy_definition(call=Call(world.operator), source=hostile(**words))
    (error,) = refused.value.errors
    assert error.pointer == pointer
    assert error.message.startswith(f"line {line}: ")
    error.message.encode()
    assert stored(world) == before


@pytest.mark.parametrize(
    ("value", "pointer"),
    [
        (2**60, f"{SCHEMA}/const"),
        (10**5_000, ""),
        (float("inf"), ""),
        ("\x00", f"{SCHEMA}/const"),
        ("\ud800", ""),
        ({"\x00": 1}, f"{SCHEMA}/const"),
    ],
    ids=["2**60", "digits", "infinite", "nul", "surrogate", "nul-key"],
)
def test_json_that_cannot_be_kept_is_refused(world: World, value: Any, pointer: str) -> None:
    source = copy.deepcopy(definition("hostile", human("one")))
    source["spec"]["bindings"][0]["humanTask"]["resolutionSchema"] = {"const": value}
    before = stored(world)
    with pytest.raises(Invalid) as refused:
        actions.deploy_definition(call=Call(world.operator), source=source)
    assert [error.pointer for error in refused.value.errors] == [pointer]
    assert stored(world) == before


def test_text_with_half_a_character_is_refused(world: World) -> None:
    before = stored(world)
    with pytest.raises(Invalid) as refused:
        actions.deploy_definition(call=Call(world.operator), source=hostile(TITLE="\ud800"))
    assert [error.pointer for error in refused.value.errors] == [""]
    assert stored(world) == before


def test_the_largest_whole_number_is_kept(world: World) -> None:
    row = actions.deploy_definition(
        call=Call(world.operator), source=hostile(MAXIMUM=str(2**53 - 1))
    )
    task = row.compiled["bindings"][0]["human_task"]
    assert task["resolution_schema"]["maximum"] == 9_007_199_254_740_991
