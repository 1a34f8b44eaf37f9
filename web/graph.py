"""Where the boxes and arrows of a causal chain go: a pure layout that a template prints as SVG.

Forward work runs left to right on top. What undoes it runs right to left below, each undo under
what it reverses and numbered in undo order, so that the undo reads as a reflection. Further
attempts of one undo stack below it. More than `COLUMNS` steps wrap into bands. Lengths are SVG
user units.

Arrows keep to the gutters between columns and the channels between bands, so none crosses a box.
"""

from __future__ import annotations

import dataclasses
import itertools
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Literal

from django.utils.translation import ngettext

from json_values.characters import drawable

Lane = Literal["forward", "undo"]
Tone = Literal["", "undo", "done", "bad", "waiting"]
Kind = Literal["then", "reverses", "caused"]

COLUMNS = 5
LIMIT = 200
WIDTH, HEIGHT = 140, 48
GAP, LANE_GAP, STACK_GAP, BAND_GAP = 40, 56, 16, 48
MARGIN = 32
TITLE_CELLS, SUBTITLE_CELLS = 16, 21
FITTING_COLUMNS = 4
# Kinds that share a gutter or a channel run side by side, never on top of each other.
_TRACK: dict[Kind, int] = {"then": 20, "reverses": 26, "caused": 14}
_ATTEMPT_STEP = 12


@dataclasses.dataclass(frozen=True, slots=True)
class Node:
    """One step of the chain as the caller knows it.

    `order` is the place within the lane: of completion for forward work, of undoing for undo work,
    equal for attempts of one undo. `reverses` is the id of the node that this one undoes.
    `dashed` marks what has not started, `focus` what the page is about. `label` is what a screen
    reader says.
    """

    id: str
    title: str
    subtitle: str = ""
    tone: Tone = ""
    url: str = ""
    label: str = ""
    lane: Lane = "forward"
    order: int = 0
    reverses: str | None = None
    dashed: bool = False
    focus: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Edge:
    """An arrow from one node to another, by id."""

    source: str
    target: str
    kind: Kind = "then"


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
class Arrow:
    """An edge with its way: `d` is the data of an SVG path, from the source to the target."""

    d: str
    kind: Kind
    tone: Tone
    source: str
    target: str


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

    @property
    def fits(self) -> bool:
        """Whether it is a little wider than a column of a page, and still read when shrunk."""
        most = 2 * MARGIN + FITTING_COLUMNS * (WIDTH + GAP) - GAP
        return most - WIDTH - GAP < self.width <= most


@dataclasses.dataclass(frozen=True, slots=True)
class _Place:
    """Where a node stands: column, top of its band, depth below the forward lane (0 is in it)."""

    node: Node
    column: int
    band_top: int
    depth: int

    @property
    def x(self) -> int:
        return MARGIN + self.column * (WIDTH + GAP)

    @property
    def y(self) -> int:
        if self.depth == 0:
            return self.band_top
        below = HEIGHT + LANE_GAP + (self.depth - 1) * (HEIGHT + STACK_GAP)
        return self.band_top + below

    @property
    def centre(self) -> tuple[int, int]:
        return self.x + WIDTH // 2, self.y + HEIGHT // 2


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
    places, height = _places(slots)
    numbers = undo_numbers(nodes)
    arrows = _arrows(places, edges)
    columns = min(COLUMNS, max(1, len(slots)))
    hidden = len(nodes) - len(places)
    return Figure(
        id=figure_id,
        label=drawable(label),
        width=2 * MARGIN + columns * WIDTH + (columns - 1) * GAP,
        height=height,
        nodes=tuple(_box(place, numbers.get(place.node.order)) for place in places.values()),
        edges=arrows,
        legend=bool(arrows),
        hidden=hidden,
        truncated=_left_out(hidden),
        table_url=table_url,
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


def _places(slots: Sequence[Sequence[Node | None]]) -> tuple[dict[str, _Place], int]:
    """Return each node's place by id, in reading order, and the height of the figure."""
    places: dict[str, _Place] = {}
    top = MARGIN
    for start in range(0, len(slots), COLUMNS):
        band = slots[start : start + COLUMNS]
        deepest = max(len(slot) for slot in band) - 1
        for column, slot in enumerate(band):
            for depth, node in enumerate(slot):
                if node is not None:
                    places[node.id] = _Place(node, column, top, depth)
        top += HEIGHT + BAND_GAP
        if deepest:
            top += LANE_GAP + deepest * (HEIGHT + STACK_GAP) - STACK_GAP
    return places, max(top - BAND_GAP, MARGIN) + MARGIN


def undo_numbers(nodes: Iterable[Node]) -> dict[int, int]:
    """Return the number shown for each `order` of the undo lane, from 1."""
    orders = sorted({node.order for node in nodes if node.lane == "undo"})
    return {order: number for number, order in enumerate(orders, start=1)}


def _box(place: _Place, number: int | None) -> Box:
    node = place.node
    name, subtitle = drawable(node.title), drawable(node.subtitle)
    title = f"{number} · {name}" if node.lane == "undo" else name
    whole = ", ".join(part for part in (title, subtitle) if part)
    label = drawable(node.label) or whole
    return Box(
        id=node.id,
        x=place.x,
        y=place.y,
        width=WIDTH,
        height=HEIGHT,
        title=cut(title, TITLE_CELLS),
        subtitle=cut(subtitle, SUBTITLE_CELLS),
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


def between(nodes: Iterable[Node], edges: Iterable[Edge]) -> list[Edge]:
    """Return each edge between two of `nodes` once, with the reversals that the nodes name."""
    known = {node.id: node for node in nodes}
    reversals = [Edge(n.id, n.reverses, "reverses") for n in known.values() if n.reverses]
    wanted = dict.fromkeys([*(edge for edge in edges if edge.kind != "reverses"), *reversals])
    return [
        edge
        for edge in wanted
        if edge.source in known and edge.target in known and edge.source != edge.target
    ]


def _arrows(places: dict[str, _Place], edges: Iterable[Edge]) -> tuple[Arrow, ...]:
    shown = [place.node for place in places.values()]
    return tuple(
        _arrow(places[edge.source], places[edge.target], edge.kind)
        for edge in between(shown, edges)
    )


def _arrow(source: _Place, target: _Place, kind: Kind) -> Arrow:
    undoing = source.node.lane == "undo"
    if kind == "reverses":
        d = _reversal(source, target)
    elif _same_slot(source, target) and target.depth == source.depth + 1:
        down = source.centre[0] + _TRACK[kind] - _TRACK["then"]
        d = f"M{down} {source.y + HEIGHT}V{target.y}"
    elif kind == "then" and undoing and target.node.lane == "undo":
        d = _way(source, target, kind, leave=-1, enter=1)
    else:
        d = _way(source, target, kind, leave=1, enter=-1)
    tone: Tone = "undo" if undoing and kind != "caused" else ""
    return Arrow(d, kind, tone, source.node.id, target.node.id)


def _reversal(source: _Place, target: _Place) -> str:
    """Point up to what is reversed: straight, or around the attempts that stand between."""
    if not _same_slot(source, target) or target.depth > 0 or source.depth == 0:
        return _way(source, target, "reverses", leave=1, enter=1)
    centre = target.centre[0]
    if source.depth == 1:
        return f"M{centre} {source.y}V{target.y + HEIGHT}"
    aside = centre + min(_ATTEMPT_STEP * (source.depth - 1), WIDTH // 2 - 8)
    channel = target.y + HEIGHT + LANE_GAP // 2
    gutter = _gutter(source.column + 1, "reverses")
    return f"M{source.x + WIDTH} {source.centre[1]}H{gutter}V{channel}H{aside}V{target.y + HEIGHT}"


def _way(source: _Place, target: _Place, kind: Kind, *, leave: int, enter: int) -> str:
    """Lead from a side of `source` to a side of `target` (-1 left, 1 right) through the gutters."""
    start, end = _side(source, leave), _side(target, enter)
    first = _gutter(source.column + (leave > 0), kind)
    last = _gutter(target.column + (enter > 0), kind)
    begin = f"M{start} {source.centre[1]}"
    if first == last:
        if source.centre[1] == target.centre[1] and leave != enter:
            return f"{begin}H{end}"
        return f"{begin}H{first}V{target.centre[1]}H{end}"
    channel = target.band_top - 2 * MARGIN // 3 + _TRACK[kind] - _TRACK["then"]
    return f"{begin}H{first}V{channel}H{last}V{target.centre[1]}H{end}"


def _same_slot(one: _Place, other: _Place) -> bool:
    return (one.column, one.band_top) == (other.column, other.band_top)


def _side(place: _Place, side: int) -> int:
    return place.x + (WIDTH if side > 0 else 0)


def _gutter(index: int, kind: Kind) -> int:
    """Return the x of the track for `kind` in the gutter left of column `index`."""
    return MARGIN + index * (WIDTH + GAP) - GAP + _TRACK[kind]
