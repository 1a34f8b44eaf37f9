"""SVG and DOT stay well-formed whatever text is stored."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from django.template.loader import render_to_string
from hypothesis import given, settings
from hypothesis import strategies as st

from web.dot import to_dot
from web.graph import Figure, Node, layout
from workitems.drawing import to_svg

NASTY = [
    "\x00", "\x1b[31m", "\x0b", "\ud800", "\udfff\ud800", "\ufffe", "\uffff", "]]>", "<!--", "&#0;",
    "&amp;<b>\"'", "\\", '\\"', "\\N", "a\r\nb", "\u2028", "\u202e", "\U0001f680", "{|}",
]  # fmt: skip
# A quoted string of DOT: what is special in it is escaped, and it ends on its line.
_QUOTED = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_ANY = st.text(st.characters(exclude_categories=[]), max_size=30)


def _figure(text: str) -> tuple[list[Node], Figure]:
    nodes = [
        Node("a", text, subtitle=text, label=text, url="/x"),
        Node("b", f"x{text}", lane="undo", reverses="a"),
    ]
    return nodes, layout(nodes, (), label=text)


def _check(text: str) -> None:
    nodes, figure = _figure(text)
    for drawing in (to_svg(figure), render_to_string("graph/chain.svg", {"figure": figure})):
        root = ElementTree.fromstring(drawing.encode())  # noqa: S314  -- our own drawing
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert len(root.findall(".//{http://www.w3.org/2000/svg}text")) == 4
    dot = to_dot(nodes, ())
    dot.encode()
    for line in dot.split("\n"):
        assert '"' not in _QUOTED.sub("", line)
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f]", dot)


@pytest.mark.parametrize("text", NASTY)
def test_nasty_texts_are_drawn(text: str) -> None:
    _check(text)


@settings(max_examples=300, deadline=None)
@given(_ANY)
def test_any_text_is_drawn(text: str) -> None:
    _check(text)
