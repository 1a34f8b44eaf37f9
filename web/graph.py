"""Where the boxes and arrows of a causal chain go: a pure layout that a template prints as SVG.

Forward work runs left to right on top. What undoes it runs right to left below, each undo under
what it reverses and numbered in undo order, so that the undo reads as a reflection. Further
attempts of one undo stack below it. More than `COLUMNS` steps wrap into bands. Lengths are SVG
user units.

"""

from __future__ import annotations

import dataclasses
import itertools
import re
import unicodedata
from collections.abc import Iterable, Sequence

from django.utils.translation import ngettext

from json_values.characters import drawable
from web.graph_parts import (
    BAND_GAP,
    COLUMNS,
    EDGE,
    HEIGHT,
    LANE_GAP,
    PADDING,
    STACK_GAP,
    TOP,
    Arrow,
    Edge,
    Grid,
    Kind,
    Lane,
    Node,
    Place,
    Tone,
    between,
    grid_of,
)
from web.graph_ways import arrows

__all__ = [
    "COLUMNS", "EDGE", "HEIGHT", "LIMIT", "PADDING", "Arrow", "Box", "Edge", "Figure", "Kind",
    "Lane", "Node", "Tone", "between", "cut", "in_order", "layout", "undo_numbers",
]  # fmt: skip

LIMIT = 200
#: Width of a character of a title and of the line below it.
_TITLE_CHAR, _SUBTITLE_CHAR = 7.6, 6.3
#: Ways go up and down by `V` alone, to the sides by `H`.
_HEIGHTS, _SIDES = re.compile(r"V(-?\d+)"), re.compile(r"H(-?\d+)")
#: As a style sheet calls them: a tiny and a small one keep their size, or a small one less; a large
#: one takes the width of its card.
_SIZES = {2: "tiny", 3: "small", COLUMNS: "large"}


@dataclasses.dataclass(frozen=True, slots=True)
class Box:
    """A node with its place: `x`, `y` is the upper left corner; texts are cut to fit, and hold only
    what XML knows as characters."""

    id: str
    x: int
    y: int
    width: int
    height: int
    title: str
    subtitle: str
    tone: Tone
    dashed: bool
    focus: bool
    url: str
    label: str


@dataclasses.dataclass(frozen=True, slots=True)
class Figure:
    """Everything that `graph/figure.html` prints.

    `id` is unique on its page. `hidden` is how many nodes were left out, `truncated` the sentence
    that says so, or "".
    """

    id: str
    label: str
    width: int
    height: int
    nodes: tuple[Box, ...]
    edges: tuple[Arrow, ...]
    legend: bool
    hidden: int
    truncated: str
    table_url: str
    size: str = "small"

    @property
    def top(self) -> int:
        """Where the drawing begins: arrows may pass above its boxes, or none does."""
        ys = [box.y for box in self.nodes]
        ys += [int(y) for edge in self.edges for y in _HEIGHTS.findall(edge.d)]
        return max(0, min(ys, default=EDGE) - EDGE)

    @property
    def shown_height(self) -> int:
        """How high the drawing is, from its top to its lowest box."""
        lowest = max((box.y + box.height for box in self.nodes), default=0)
        return lowest + EDGE - self.top

    @property
    def left(self) -> int:
        """Where the drawing begins at its side: few arrows pass left of its boxes."""
        return max(0, min((*(box.x for box in self.nodes), *self._turns), default=1) - 1)

    @property
    def shown_width(self) -> int:
        """How wide the drawing is, from its left to its last box or arrow."""
        ends = (*(box.x + box.width for box in self.nodes), *self._turns)
        return max(ends, default=self.width) + 1 - self.left

    @property
    def _turns(self) -> list[int]:
        return [int(x) for edge in self.edges for x in _SIDES.findall(edge.d)]

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of its arrows, for the legend."""
        return frozenset(edge.kind for edge in self.edges)


def in_order(nodes: Iterable[Node]) -> list[Edge]:
    """Return a "then" edge between each step and the next, in each lane.

    Attempts of one undo follow one another; the last leads on to the next undo.
    """
    given = list(nodes)
    edges: list[Edge] = []
    for lane in ("forward", "undo"):
        steps = sorted((n for n in given if n.lane == lane), key=lambda n: n.order)
        edges += [Edge(before.id, after.id) for before, after in itertools.pairwise(steps)]
    return edges


def layout(
    nodes: Sequence[Node],
    edges: Iterable[Edge],
    *,
    limit: int = LIMIT,
    figure_id: str = "chain",
    label: str = "",
    table_url: str = "",
) -> Figure:
    """Place at most `limit` nodes and the arrows between them.

    The "reverses" arrows come from `Node.reverses`; edges to a node that is not shown, and from a
    node to itself, are left out. Raises ValueError when two nodes have one id.
    """
    if len({node.id for node in nodes}) != len(nodes):
        raise ValueError("nodes: every id must be unique")
    slots = _shown(_slots(nodes), limit)
    columns = min(COLUMNS, max(1, len(slots)))
    grid = grid_of(columns)
    places, height = _places(slots, grid)
    numbers = undo_numbers(nodes)
    ways = arrows(places, edges)
    hidden = len(nodes) - len(places)
    return Figure(
        id=figure_id,
        label=drawable(label),
        width=2 * grid.margin + columns * grid.pitch - grid.gap,
        height=height,
        nodes=tuple(_box(place, numbers.get(place.node.order)) for place in places.values()),
        edges=ways,
        legend=bool(ways),
        hidden=hidden,
        truncated=_left_out(hidden),
        table_url=table_url,
        size=next(size for most, size in _SIZES.items() if columns <= most),
    )


def _left_out(hidden: int) -> str:
    if not hidden:
        return ""
    words = ngettext("%(n)d more is not drawn", "%(n)d more are not drawn", hidden)
    return words % {"n": hidden}


def _slots(nodes: Sequence[Node]) -> list[list[Node | None]]:
    """Return one column's content each: the forward node, or None, and the undo nodes under it."""
    forward = sorted((n for n in nodes if n.lane == "forward"), key=lambda n: n.order)
    slots: list[list[Node | None]] = [[node] for node in forward]
    by_original = {node.id: slot for node, slot in zip(forward, slots, strict=True)}
    known = {node.id: node for node in nodes}
    loose: list[list[Node | None]] = []
    for undo in sorted((n for n in nodes if n.lane == "undo"), key=lambda n: n.order):
        slot = by_original.get(_original(undo, known))
        if slot is None:
            loose.append([None, undo])
        else:
            slot.append(undo)
    return slots + loose


def _original(undo: Node, known: dict[str, Node]) -> str:
    """Return the id of the forward node that `undo` reverses, directly or through other undos."""
    seen: set[str] = set()
    node: Node | None = undo
    while node is not None and node.lane == "undo" and node.id not in seen:
        seen.add(node.id)
        node = known.get(node.reverses or "")
    return node.id if node is not None and node.lane == "forward" else ""


def _shown(slots: list[list[Node | None]], limit: int) -> list[list[Node | None]]:
    """Keep the first `limit` nodes, column by column; a column may lose its last attempts."""
    kept: list[list[Node | None]] = []
    left = limit
    for slot in slots:
        part: list[Node | None] = []
        for node in slot:
            if node is not None and left == 0:
                break
            part.append(node)
            left -= node is not None
        if any(part):
            kept.append(part)
    return kept


def _places(slots: Sequence[Sequence[Node | None]], grid: Grid) -> tuple[dict[str, Place], int]:
    """Return each node's place by id, in reading order, and the height of the figure."""
    places: dict[str, Place] = {}
    top = TOP
    for start in range(0, len(slots), COLUMNS):
        band = slots[start : start + COLUMNS]
        deepest = max(len(slot) for slot in band) - 1
        for column, slot in enumerate(band):
            for depth, node in enumerate(slot):
                if node is not None:
                    places[node.id] = Place(node, column, top, depth, grid)
        top += HEIGHT + BAND_GAP
        if deepest:
            top += LANE_GAP + deepest * (HEIGHT + STACK_GAP) - STACK_GAP
    return places, max(top - BAND_GAP, TOP) + TOP


def undo_numbers(nodes: Iterable[Node]) -> dict[int, int]:
    """Return the number shown for each `order` of the undo lane, from 1."""
    orders = sorted({node.order for node in nodes if node.lane == "undo"})
    return {order: number for number, order in enumerate(orders, start=1)}


def _box(place: Place, number: int | None) -> Box:
    node = place.node
    name, subtitle = drawable(node.title), drawable(node.subtitle)
    title = f"{number} · {name}" if node.lane == "undo" else name
    whole = ", ".join(part for part in (title, subtitle) if part)
    label = drawable(node.label) or whole
    return Box(
        id=node.id,
        x=place.x,
        y=place.y,
        width=place.grid.width,
        height=HEIGHT,
        title=cut(title, place.grid.cells(_TITLE_CHAR)),
        subtitle=cut(subtitle, place.grid.cells(_SUBTITLE_CHAR)),
        tone=node.tone,
        dashed=node.dashed,
        focus=node.focus,
        url=node.url,
        label=label if name in label else f"{title}, {label}",
    )


def cut(text: str, cells: int) -> str:
    """Shorten `text` to `cells` character cells, with an ellipsis; wide characters take two."""
    widths = [2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text]
    if sum(widths) <= cells:
        return text
    room, kept = cells - 1, 0
    for width in widths:
        if width > room:
            break
        room -= width
        kept += 1
    return text[:kept].rstrip() + "…"
