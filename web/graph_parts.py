"""What a causal chain is drawn from: nodes and arrows as callers know them, and the grid of places.
Lengths are SVG user units."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Literal

Lane = Literal["forward", "undo"]
Tone = Literal["", "undo", "done", "bad", "waiting"]
Kind = Literal["then", "reverses", "caused"]

COLUMNS = 8
HEIGHT = 44
LANE_GAP, STACK_GAP, BAND_GAP = 40, 16, 48
TOP, EDGE = 32, 12
PADDING = 8
# Kinds that share a gutter or a channel run side by side, never on top of each other.
TRACK: dict[Kind, int] = {"then": 50, "reverses": 65, "caused": 35}


@dataclasses.dataclass(frozen=True, slots=True)
class Grid:
    """How wide boxes, the gutters between them and the margins are: the more columns, the
    narrower, so that four fill the width of a page, and eight fit it."""

    width: int
    gap: int
    margin: int

    @property
    def pitch(self) -> int:
        """From one column to the next."""
        return self.width + self.gap

    def track(self, kind: Kind) -> int:
        """Return where arrows of a kind run in a gutter."""
        return self.gap * TRACK[kind] // 100

    def gutter(self, index: int, kind: Kind) -> int:
        """Return the x of the track for `kind` in the gutter left of column `index`."""
        return self.margin + index * self.pitch - self.gap + self.track(kind)

    def cells(self, char: float) -> int:
        """Return how many characters of some width a box holds."""
        return int((self.width - 2 * PADDING) / char)


#: By the most columns that each is for.
_GRIDS = {
    3: Grid(208, 40, 32),
    4: Grid(198, 40, 32),
    5: Grid(158, 32, 26),
    6: Grid(136, 24, 22),
    7: Grid(116, 20, 18),
    8: Grid(108, 12, 12),
}


def grid_of(columns: int) -> Grid:
    """Return the grid for a number of columns."""
    return next(grid for most, grid in _GRIDS.items() if columns <= most)


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
class Arrow:
    """An edge with its way: `d` is the data of an SVG path, from the source to the target."""

    d: str
    kind: Kind
    tone: Tone
    source: str
    target: str


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """Where a node stands: column, top of its band, depth below the forward lane (0 is in it)."""

    node: Node
    column: int
    band_top: int
    depth: int
    grid: Grid

    @property
    def x(self) -> int:
        return self.grid.margin + self.column * self.grid.pitch

    @property
    def y(self) -> int:
        if self.depth == 0:
            return self.band_top
        below = HEIGHT + LANE_GAP + (self.depth - 1) * (HEIGHT + STACK_GAP)
        return self.band_top + below

    @property
    def centre(self) -> tuple[int, int]:
        return self.x + self.grid.width // 2, self.y + HEIGHT // 2


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
