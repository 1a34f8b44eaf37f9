"""The published JSON Schema and the reader agree: what is read is accepted, and what the schema can
know to be wrong is refused."""

from __future__ import annotations

import copy
import json
from typing import Any

import jsonschema_rs
import pytest

from cases.definitions import compile_definition
from cases.definitions.parser import read_document
from cases.definitions.published_schema import published_schema
from cases.definitions.written import PLACES
from tests.database import ROOT
from tests.defined_fields import BASE, having
from tests.unit.test_definition_fields import INSTEAD, READ
from tests.unit.test_definition_fields_said import REFUSED, WARNED
from tests.unit.test_definition_spellings import SAME, TOLD

#: Words that only the reader knows to be wrong: slips where unknown words are let pass, and values.
ONLY_READ = {"/sumary", "/spec/bindigs", "caller", "callerConfig/type"}
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))


def problems(data: Any) -> list[str]:
    validator = jsonschema_rs.validator_for(published_schema())
    return [f"{list(each.instance_path)}: {each.message}" for each in validator.iter_errors(data)]


def test_it_is_a_schema_of_its_own_dialect() -> None:
    assert published_schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema_rs.meta.validate(published_schema())
    assert problems(BASE) == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_our_own_examples_keep_to_it(path: Any) -> None:
    data = read_document(path.read_text("utf-8")).data
    assert problems(data) == []
    assert compile_definition(path.read_text("utf-8"), capabilities=None).key


ACCEPTED = [
    *((pointer, value, INSTEAD.get(pointer, "")) for pointer, value, *_ in READ),
    *((pointer, value, "") for table in (WARNED, SAME, TOLD) for pointer, value, *_ in table),
]  # fmt: skip


def test_whatever_is_read_is_accepted() -> None:
    for pointer, value, without in ACCEPTED:
        source = having(pointer, value, without)
        compile_definition(source, capabilities=None)
        assert problems(source) == [], (pointer, value)


@pytest.mark.parametrize(
    ("pointer", "value", "_said"), REFUSED, ids=[f"{row[0]} {row[1]}"[:60] for row in REFUSED]
)
def test_what_is_refused_by_the_reader_is_refused_where_a_schema_can_know(
    pointer: str, value: Any, _said: str
) -> None:
    known = not any(pointer.endswith(each) for each in ONLY_READ)
    assert bool(problems(having(pointer, value))) is known


def test_a_step_needs_a_start_and_a_target() -> None:
    for missing in ("on", "capability", "name"):
        source = copy.deepcopy(BASE)
        del source["spec"]["bindings"][1][missing]
        assert problems(source), missing
    undo = copy.deepcopy(BASE)
    undo["spec"]["bindings"].append(
        {"name": "u", "compensation": True, "humanTask": {"title": "U"}}
    )
    assert problems(undo) == []


def test_every_word_of_every_place_is_in_it() -> None:
    text = json.dumps(published_schema())
    for words in PLACES.values():
        for word in (*words.known, *words.ignored):
            assert f'"{word}"' in text, word
