"""Where a schema declares a format, whichever way it leads there."""

from __future__ import annotations

from json_values.declared import texts_of_format

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
