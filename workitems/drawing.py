"""A causal chain as an SVG file that needs no style sheet: for reports and letters."""

from __future__ import annotations

from html import escape

from web.graph import PADDING, Arrow, Box, Figure

# The light colours of the pages: fill, line, text.
_TONES = {
    "": ("#ffffff", "#cfcdc6", "#1d1e22"),
    "undo": ("#fff3df", "#f0c98a", "#8a4b00"),
    "done": ("#e2f5ec", "#12694a", "#12694a"),
    "bad": ("#fdeaec", "#f2b6bd", "#a81e2e"),
    "waiting": ("#ededea", "#cfcdc6", "#4b4d57"),
}
_DASHES = {"then": "", "reverses": ' stroke-dasharray="5 3"', "caused": ' stroke-dasharray="1 3"'}
_FORWARD, _UNDO = "#63646b", "#8a4b00"


def to_svg(figure: Figure) -> str:
    """Return the drawing as a whole SVG document."""
    size = f'width="{figure.width}" height="{figure.height}"'
    return "\n".join(
        [
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" {size}'
                f' viewBox="0 0 {figure.width} {figure.height}"'
                ' font-family="system-ui, sans-serif" font-size="12">'
            ),
            f"<title>{escape(figure.label)}</title>",
            "<defs>",
            _tip("tip", _FORWARD),
            _tip("tip-undo", _UNDO),
            "</defs>",
            '<rect width="100%" height="100%" fill="#ffffff"/>',
            *(_arrow(edge) for edge in figure.edges),
            *(_box(node) for node in figure.nodes),
            "</svg>",
            "",
        ]
    )


def _tip(name: str, colour: str) -> str:
    return (
        f'<marker id="{name}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8"'
        f' markerHeight="8" orient="auto"><path d="M0 0 10 5 0 10z" fill="{colour}"/></marker>'
    )


def _arrow(edge: Arrow) -> str:
    undo = edge.tone == "undo"
    return (
        f'<path d="{edge.d}" fill="none" stroke="{_UNDO if undo else _FORWARD}"'
        f'{_DASHES[edge.kind]} marker-end="url(#tip{"-undo" if undo else ""})"/>'
    )


def _box(node: Box) -> str:
    fill, line, text = _TONES[node.tone]
    dashes = ' stroke-dasharray="4 3"' if node.dashed else ""
    width = 2 if node.focus else 1
    return (
        f'<g><rect x="{node.x}" y="{node.y}" width="{node.width}" height="{node.height}" rx="8"'
        f' fill="{fill}" stroke="{line}" stroke-width="{width}"{dashes}/>'
        f'<text x="{node.x + PADDING}" y="{node.y + 19}" fill="{text}">{escape(node.title)}</text>'
        f'<text x="{node.x + PADDING}" y="{node.y + 34}" fill="{text}" font-size="11">'
        f"{escape(node.subtitle)}</text></g>"
    )
