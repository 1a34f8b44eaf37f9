"""Where a schema declares a format, whichever way it leads there."""

from __future__ import annotations

from json_values.declarations import expanded, texts_of_format

PERSON = {"type": "string", "format": "person"}


def test_every_way_in_is_followed_and_other_formats_are_not() -> None:
    schema = {
        "properties": {
            "a/b": PERSON,
            "list": {"items": {"$ref": "#/$defs/row"}, "prefixItems": [PERSON]},
            "day": {"format": "date"},
        },
        "additionalProperties": {"allOf": [PERSON, {"$ref": "#/$defs/who"}]},
        "$defs": {"row": {"properties": {"who": PERSON}}, "who": PERSON},
    }
    value = {
        "a/b": "ana",
        "list": ["bo", {"who": "cy"}, {"who": 5}, {"who": None}],
        "day": "2026-03-11",
        "more": "dee",
    }
    assert texts_of_format(schema, value, "person", "/context") == [
        ("/context/a~1b", "ana"),
        ("/context/list/0", "bo"),
        ("/context/list/1/who", "cy"),
        ("/context/more", "dee"),
    ]


def test_a_schema_that_branches_again_and_again_is_followed_once() -> None:
    deep = {f"n{n}": {"allOf": [{"$ref": f"#/$defs/n{n + 1}"}] * 2} for n in range(60)}
    schema = {"$ref": "#/$defs/n0", "$defs": {**deep, "n60": PERSON}}
    assert texts_of_format(schema, "ana", "person") == [("", "ana")]


def test_what_references_lead_to_stands_in_their_place() -> None:
    money = {"type": "integer", "format": "money"}
    schema = {
        "properties": {
            "sum": {"$ref": "#/$defs/amount", "title": "Sum"},
            "rows": {"items": {"$ref": "#/$defs/row"}},
        },
        "$defs": {
            "amount": {"$ref": "#/$defs/money", "title": "Amount"},
            "money": money,
            "row": {"properties": {"sum": {"$ref": "#/$defs/amount"}}},
        },
    }
    assert expanded(schema)["properties"] == {
        "sum": {**money, "title": "Sum"},
        "rows": {"items": {"properties": {"sum": {**money, "title": "Amount"}}}},
    }


def test_what_leads_nowhere_or_on_and_on_ends() -> None:
    for broken in (None, True, {"$ref": 1}, {"$ref": "#/nowhere"}, {"properties": {"a": True}}):
        assert expanded(broken) == broken
    round_and_round = {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}
    assert expanded(round_and_round)["$ref"] == "#/$defs/a"
    wide = {"properties": {f"p{n}": {"$ref": "#"} for n in range(9)}}
    assert str(expanded(wide)).count("p8") < 20_000
