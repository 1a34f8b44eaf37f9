"""JSON Schema on what people hand in: nothing is fetched, nothing takes long, faults are named."""

from __future__ import annotations

import contextlib
import http.server
import json
import re
import threading
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from typing_extensions import override

from cases.definitions import DefinitionInvalid, compile_definition
from json_values.json_schema import MAX_PATTERNS, faults, problems
from json_values.pointers import MAX_GATHERED, MAX_MESSAGE
from ledger.errors import Invalid
from tests.definitions import definition, human
from workitems.resolution import check_completion, check_schema


@pytest.fixture
def asked() -> Iterator[tuple[str, list[str]]]:
    """A server that answers every path with a schema, and what it was asked for."""
    paths: list[str] = []

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"type": "string"}')

        @override
        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/s", paths
    server.shutdown()
    thread.join()
    server.server_close()


def remote(url: str) -> list[tuple[dict[str, Any], str]]:
    """Schemas that lead to `url`, and where each is wrong."""
    return [
        ({"$ref": url}, "/$ref"),
        ({"$ref": "#", "$dynamicRef": url}, "/$dynamicRef"),
        ({"$dynamicRef": "#", "$ref": url}, "/$dynamicRef"),
        ({"$defs": {"a": {"$id": url, "$ref": "#/x"}}, "$ref": "#/$defs/a"}, "/$defs/a/$id"),
        ({"properties": {"$ref": {"$ref": url}}}, "/properties/$ref/$ref"),
        ({"default": {"a": {"$ref": url}}, "$ref": "#/default/a"}, "/$ref/$ref"),
        ({"$schema": url}, "/$schema"),
    ]


def test_nothing_is_fetched(asked: tuple[str, list[str]]) -> None:
    url, paths = asked
    for schema, pointer in remote(url):
        with pytest.raises(Invalid) as refused:
            check_schema(schema, "/resolution_schema")
        assert f"/resolution_schema{pointer}" in {e.pointer for e in refused.value.errors}
        # One that was stored before such schemas were refused.
        with contextlib.suppress(Invalid):
            check_completion(None, {"$ref": 1}, tenant_id=uuid.uuid4(), permitted=[], schema=schema)
        task = {"title": "T", "resolutionSchema": schema}
        with pytest.raises(DefinitionInvalid):
            compile_definition(definition("x", human("a", humanTask=task)), capabilities=None)
    assert paths == []


@pytest.mark.parametrize(
    ("schema", "pointer", "words"),
    [
        ({"$ref": "#/nope"}, "/$ref", "leads nowhere"),
        ({"allOf": [{"$ref": "#/allOf/7"}]}, "/allOf/0/$ref", "leads nowhere"),
        ({"$ref": "#here"}, "/$ref", "leads nowhere"),
        ({"$ref": "#"}, "", "leads back to itself"),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"not": {"$ref": "#"}}}}, "", "leads back"),
        ({"default": {"type": 5}, "$ref": "#/default"}, "/$ref/type", "not a valid JSON Schema"),
        ({"type": 5}, "/type", "not a valid JSON Schema"),
        ({"pattern": "(a)\\1"}, "/pattern", "not supported"),
        ({"patternProperties": {"(?=a)": {}}}, "/patternProperties/(?=a)", "looking ahead"),
        ({"unevaluatedProperties": False}, "/unevaluatedProperties", "not supported"),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else None,
)
def test_what_cannot_be_used_is_refused_where_it_stands(
    schema: dict[str, Any], pointer: str, words: str
) -> None:
    (fault,) = faults(schema, "/s")
    assert fault.pointer == f"/s{pointer}"
    assert words in fault.message


def test_a_schema_may_lead_back_to_itself_deeper_in_the_value() -> None:
    schema = {"properties": {"next": {"$ref": "#"}}, "additionalProperties": False}
    assert faults(schema, "") == []
    assert problems(schema, {"next": {"next": {}}}, "/v") == []
    (error,) = problems(schema, {"next": {"other": 1}}, "/v")
    assert (error.pointer, error.code) == ("/v/next", "additionalProperties")


def test_errors_are_few_and_short() -> None:
    found = problems({"items": {"type": "integer"}}, ["x" * 2_000] * 200, "/v")
    assert len(found) == MAX_GATHERED == 21
    assert {len(error.message) for error in found} == {MAX_MESSAGE} == {250}


def doubling() -> dict[str, Any]:
    """A schema of 30 lines that applies its last one 2^30 times."""
    lines: dict[str, Any] = {
        f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n + 1}"}, {"$ref": f"#/$defs/a{n + 1}"}]}
        for n in range(30)
    }
    return {"$defs": {**lines, "a30": {"type": "object"}}, "$ref": "#/$defs/a0"}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (doubling(), {}),
        ({"items": {"enum": list(range(20_000))}}, ["x"] * 20_000),
        ({"items": {"anyOf": [{"type": "string"}] * 1_000}}, [list(range(10_000))] * 1_000),
        ({"propertyNames": {"maxLength": 1}}, dict.fromkeys(map(str, range(20_000)))),
    ],
    ids=["doubling", "enum", "messages", "names"],
)
def test_checking_gives_up_instead_of_taking_long(schema: dict[str, Any], value: Any) -> None:
    (error,) = problems(schema, value, "/v")
    assert (error.pointer, error.code) == ("/v", "too_complex")


def test_a_value_too_large_to_say_more_about_is_refused_nevertheless() -> None:
    schema = {"items": {"anyOf": [{"type": "string"}] * 200}}
    assert problems(schema, ["x"] * 1_000, "/v") == []
    (error,) = problems(schema, [1] * 1_000, "/v")
    assert (error.pointer, error.code) == ("/v", "too_complex")
    assert "too large to say where" in error.message


def test_nothing_is_checked_against_a_schema_with_a_fault() -> None:
    (error,) = problems({"$ref": "#"}, 1, "/v")
    assert error.pointer == "/v"
    assert error.message.startswith("cannot be checked against its schema: ")
    assert "leads back to itself" in error.message


def test_what_is_no_json_is_a_problem_of_the_value() -> None:
    (error,) = problems({"type": "object"}, {1: 2}, "/v")
    assert error.message.startswith("cannot be checked against its schema: ")


@pytest.mark.parametrize("value", [19.99, 0.07, 4.35, 8.2, 4.02, 10**400])
def test_a_multiple_is_one_in_decimals(value: float) -> None:
    assert problems({"multipleOf": 0.01}, value, "/v") == []


def test_what_is_no_multiple_is_refused() -> None:
    (error,) = problems({"multipleOf": 0.01}, 0.005, "/v")
    assert (error.pointer, error.code) == ("/v", "multipleOf")


def test_numbers_are_those_of_json() -> None:
    assert problems({"type": "integer"}, 1.0, "") == []
    for schema in ({"type": "integer"}, {"type": "number"}, {"const": 1}, {"enum": [1, 0]}):
        (error,) = problems({"items": schema}, [True], "")
        assert (error.pointer, error.code) == ("/0", next(iter(schema)))


@pytest.mark.parametrize(
    "beside", [{}, {"properties": {"a": {}}}, {"patternProperties": {"a": {}}}]
)
def test_what_may_not_be_there_is_named_by_its_rule(beside: dict[str, Any]) -> None:
    (error,) = problems({**beside, "additionalProperties": False}, {"x": 1}, "/v")
    assert (error.pointer, error.code) == ("/v", "additionalProperties")
    assert error.message.startswith("Additional properties are not allowed")


def test_equal_items_are_found_whatever_their_number() -> None:
    assert problems({"uniqueItems": True}, [1, True, "1", [1], {"a": 1}, {"a": 2}], "") == []
    twins: list[list[Any]] = [[1, 1.0], [{"a": 1, "b": 2}, {"b": 2, "a": 1}], [{}, []] * 30_000]
    for same in twins:
        assert [e.code for e in problems({"uniqueItems": True}, same, "")] == ["uniqueItems"]


def _found(pattern: str, text: str) -> bool:
    return problems({"pattern": pattern}, text, "") == []


@pytest.mark.parametrize(
    "pattern", ["^(a+)+$", "^(a|a)*$", "^(.*)*x", "(a*)*b$", ".*.*.*.*x", "^(a?b?c?d?){50}x$"]
)
def test_patterns_that_explode_elsewhere_come_to_an_end(pattern: str) -> None:
    assert not _found(pattern, "a" * 100_000 + "!")
    # Where no two characters are the same, nothing is found again.
    assert not _found(pattern, "".join(map(chr, range(0x4E00, 0x4E00 + 1_000))))
    found = problems({"items": {"pattern": pattern}}, ["aacd" * 240] * 250, "/v")
    assert [each.code for each in found] == ["pattern"] * MAX_GATHERED


@pytest.mark.parametrize(
    "pattern",
    [
        r"^\d{3}-\d{2,4}$",
        r"[^a-z]+?",
        r"a|b|",
        r"^[A-Z]{2}[0-9A-Z]{1,30}$",
        r"^(ab){2,}c?$",
        r"^\s*$",
        r"x{0}y",
        r"[\w.+-]+@[a-z]+\.[a-z]{2,}",
        r"()*",
        r"^(a?)*b$",
        r"^$",
        r"\u0041",
        r"(?:b|^)a(?:$|b)",
    ],
)
def test_patterns_find_what_they_say(pattern: str) -> None:
    texts = ["", "a", "aaab", "123-45", "123-4567", "AB12", "ababc", "abab", "y", "me@x.org"]
    for text in [*texts, "  ", "é", "A", "b", "bab", "cac"]:
        assert _found(pattern, text) == bool(re.search(pattern, text, re.ASCII)), text


@pytest.mark.parametrize(
    "pattern",
    ["(?!a)", r"\1", "[", "[]", "a**", "(", ")", r"\b", "[z-a]", "((a{99}){99}){99}", "a" * 501],
)
def test_other_patterns_are_refused(pattern: str) -> None:
    schema: dict[str, Any]
    for schema in ({"pattern": pattern}, {"patternProperties": {pattern: {}}}):
        (fault,) = faults(schema, "")
        assert fault.pointer.startswith(f"/{next(iter(schema))}")
        assert fault.message.startswith("not a usable pattern: ")


@pytest.mark.parametrize(
    "pattern", [r"[\b]", r"\p{L}", "(?i)a", "(?P<n>a)", r"\A", "a{2}{3}", r"[\w--a]"]
)
def test_what_no_other_reader_of_the_schema_would_know_is_refused(pattern: str) -> None:
    assert "not a usable pattern" in faults({"pattern": pattern}, "")[0].message


def test_a_schema_may_have_only_so_many_patterns() -> None:
    schema = {"anyOf": [{"pattern": f"^{n}$"} for n in range(MAX_PATTERNS)]}
    assert faults(schema, "") == []
    (fault,) = faults({**schema, "pattern": "x"}, "")
    assert f"at most {MAX_PATTERNS}" in fault.message
