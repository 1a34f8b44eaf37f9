"""Where the arrows of a causal chain go: through the gutters between columns and the channels
between bands, so that none crosses a box."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from web.graph_parts import HEIGHT, LANE_GAP, TOP, TRACK, Arrow, Edge, Kind, Place, Tone, between

#: The top of its band, depth and column of every box.
Taken = AbstractSet[tuple[int, int, int]]
_ATTEMPT_STEP = 12


def arrows(places: dict[str, Place], edges: Iterable[Edge]) -> tuple[Arrow, ...]:
    """Return every arrow between two boxes, with its way."""
    shown = [place.node for place in places.values()]
    taken = {(place.band_top, place.depth, place.column) for place in places.values()}
    return tuple(
        _arrow(places[edge.source], places[edge.target], edge.kind, taken)
        for edge in between(shown, edges)
    )


def _arrow(source: Place, target: Place, kind: Kind, taken: Taken) -> Arrow:
    undoing = source.node.lane == "undo"
    if kind == "reverses":
        d = _reversal(source, target)
    elif _same_slot(source, target) and target.depth == source.depth + 1:
        down = source.centre[0] + source.grid.track(kind) - source.grid.track("then")
        d = f"M{down} {source.y + HEIGHT}V{target.y}"
    elif kind == "then" and undoing and target.node.lane == "undo":
        d = _open_way(source, target, taken) or _way(source, target, kind, leave=-1, enter=1)
    else:
        d = _way(source, target, kind, leave=1, enter=-1)
    tone: Tone = "undo" if undoing and kind != "caused" else ""
    return Arrow(d, kind, tone, source.node.id, target.node.id)


def _open_way(source: Place, target: Place, taken: Taken) -> str:
    """Lead back over columns in which nothing is undone, at the height of the target; "" where
    something stands in between."""
    if source.band_top != target.band_top or target.column >= source.column:
        return ""
    between_them = range(target.column + 1, source.column)
    if any((target.band_top, target.depth, column) in taken for column in between_them):
        return ""
    end = target.x + target.grid.width
    begin = f"M{source.x} {source.centre[1]}"
    if source.centre[1] == target.centre[1]:
        return f"{begin}H{end}"
    return f"{begin}H{source.grid.gutter(source.column, 'then')}V{target.centre[1]}H{end}"


def _reversal(source: Place, target: Place) -> str:
    """Point up to what is reversed: straight, or around the attempts that stand between."""
    if not _same_slot(source, target) or target.depth > 0 or source.depth == 0:
        return _way(source, target, "reverses", leave=1, enter=1)
    centre = target.centre[0]
    if source.depth == 1:
        return f"M{centre} {source.y}V{target.y + HEIGHT}"
    width = source.grid.width
    aside = centre + min(_ATTEMPT_STEP * (source.depth - 1), width // 2 - 8)
    channel = target.y + HEIGHT + LANE_GAP // 2
    gutter = source.grid.gutter(source.column + 1, "reverses")
    return f"M{source.x + width} {source.centre[1]}H{gutter}V{channel}H{aside}V{target.y + HEIGHT}"


def _way(source: Place, target: Place, kind: Kind, *, leave: int, enter: int) -> str:
    """Lead from a side of `source` to a side of `target` (-1 left, 1 right) through the gutters."""
    start, end, grid = _side(source, leave), _side(target, enter), source.grid
    first = grid.gutter(source.column + (leave > 0), kind)
    last = grid.gutter(target.column + (enter > 0), kind)
    begin = f"M{start} {source.centre[1]}"
    if first == last:
        if source.centre[1] == target.centre[1] and leave != enter:
            return f"{begin}H{end}"
        return f"{begin}H{first}V{target.centre[1]}H{end}"
    channel = target.band_top - 2 * TOP // 3 + (TRACK[kind] - TRACK["then"]) * 2 // 5
    return f"{begin}H{first}V{channel}H{last}V{target.centre[1]}H{end}"


def _same_slot(one: Place, other: Place) -> bool:
    return (one.column, one.band_top) == (other.column, other.band_top)


def _side(place: Place, side: int) -> int:
    return place.x + (place.grid.width if side > 0 else 0)
