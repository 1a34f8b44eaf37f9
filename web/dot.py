"""A causal chain as text in the DOT language, for those who draw it with Graphviz."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from json_values.characters import drawable
from web.graph import Edge, Kind, Node, Tone, between, undo_numbers

_STYLE: dict[Kind, str] = {"then": "solid", "reverses": "dashed", "caused": "dotted"}
_FILL: dict[Tone, str] = {
    "": "#ffffff",
    "undo": "#fff3df",
    "done": "#e2f5ec",
    "bad": "#fdeaec",
    "waiting": "#ededea",
}


def to_dot(nodes: Sequence[Node], edges: Iterable[Edge]) -> str:
    """Return the whole chain, without bounds, as a digraph with the styles of the drawing."""
    numbers = undo_numbers(nodes)
    lines = ["digraph chain {", "  rankdir=LR;", '  node [shape=box, style="rounded,filled"];']
    for node in nodes:
        title = f"{numbers[node.order]} · {node.title}" if node.lane == "undo" else node.title
        text = "\n".join(part for part in (title, node.subtitle) if part)
        style = "rounded,filled,dashed" if node.dashed else "rounded,filled"
        lines.append(
            f"  {_quoted(node.id)} [label={_quoted(text)}, style={_quoted(style)},"
            f" fillcolor={_quoted(_FILL[node.tone])}];"
        )
    lines += [
        f"  {_quoted(edge.source)} -> {_quoted(edge.target)}"
        f" [style={_STYLE[edge.kind]}, label={_quoted(edge.kind)}];"
        for edge in between(nodes, edges)
    ]
    return "\n".join([*lines, "}", ""])


def _quoted(text: str) -> str:
    escaped = drawable(text).replace("\\", "\\\\").replace('"', '\\"').replace("\r", "")
    return '"' + escaped.replace("\n", "\\n") + '"'
