"""The layout of causal chains: where boxes stand, what arrows join, what is left out."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from web.dot import to_dot
from web.graph import (
    COLUMNS,
    EDGE,
    HEIGHT,
    LIMIT,
    Arrow,
    Box,
    Edge,
    Figure,
    Node,
    cut,
    in_order,
    layout,
)

Point = tuple[int, int]
#: What a card of a page 1280 pixels wide has inside.
PAGE = 972

LOAN = [
    Node("a", "Credit check", "done 9 March", order=1),
    Node("b", "Valuation", "done 11 March", order=2),
    Node("c", "Disbursement", "undone", order=3),
    Node("z", "Delete score", "not started", lane="undo", order=30, reverses="a", dashed=True),
    Node("y", "Withdraw", "cannot reverse", "bad", lane="undo", order=20, reverses="b"),
    Node("x", "Pay back", "reversed", "undo", lane="undo", order=10, reverses="c"),
]


def points(arrow: Arrow) -> list[Point]:
    """Return the corners of an arrow's way."""
    found: list[Point] = []
    for command, text in re.findall(r"([MHV])([\d\- ]+)", arrow.d):
        values = [int(part) for part in text.split()]
        if command == "M":
            found.append((values[0], values[1]))
        elif command == "H":
            found.append((values[0], found[-1][1]))
        else:
            found.append((found[-1][0], values[0]))
    return found


def on_border(point: Point, box: Box) -> bool:
    x, y = point
    inside = box.x <= x <= box.x + box.width and box.y <= y <= box.y + box.height
    edge = x in {box.x, box.x + box.width} or y in {box.y, box.y + box.height}
    return inside and edge


def overlap(one: Box, other: Box) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


def crosses(start: Point, end: Point, box: Box) -> bool:
    """Tell whether a straight segment enters the inside of a box."""
    left, right = sorted((start[0], end[0]))
    top, bottom = sorted((start[1], end[1]))
    return (
        left < box.x + box.width and right > box.x and top < box.y + box.height and bottom > box.y
    )


def boxes(figure: Figure) -> dict[str, Box]:
    return {box.id: box for box in figure.nodes}


@st.composite
def chains(draw: st.DrawFn) -> tuple[list[Node], list[Edge]]:
    """Draw any chain: attempts, undos of undos, cycles and unknown originals included."""
    count = draw(st.integers(0, 24))
    ids = [f"n{number}" for number in range(count)]
    nodes = [
        Node(
            id=each,
            title=draw(st.text(max_size=40)),
            lane=draw(st.sampled_from(("forward", "undo"))),
            order=draw(st.integers(0, 6)),
            reverses=draw(st.none() | st.sampled_from([*ids, "unknown"])),
        )
        for each in ids
    ]
    edge = st.builds(
        Edge,
        st.sampled_from([*ids, "unknown"]),
        st.sampled_from([*ids, "unknown"]),
        st.sampled_from(("then", "caused", "reverses")),
    )
    return nodes, draw(st.lists(edge, max_size=30)) + in_order(nodes)


@settings(max_examples=150, deadline=None)
@given(chains(), st.integers(0, 30))
def test_nothing_overlaps_and_every_arrow_joins_its_boxes(
    chain: tuple[list[Node], list[Edge]], limit: int
) -> None:
    nodes, edges = chain
    figure = layout(nodes, edges, limit=limit)
    placed = boxes(figure)
    assert len(placed) == min(len(nodes), limit)
    assert figure.hidden == len(nodes) - len(placed)
    assert bool(figure.truncated) == bool(figure.hidden)
    for one, other in itertools.combinations(figure.nodes, 2):
        assert not overlap(one, other)
    for box in figure.nodes:
        assert box.x >= 0
        assert box.x + box.width <= figure.width
        assert box.y >= 0
        assert box.y + box.height <= figure.height
    for arrow in figure.edges:
        way = points(arrow)
        assert on_border(way[0], placed[arrow.source])
        assert on_border(way[-1], placed[arrow.target])
        for start, end in itertools.pairwise(way):
            assert not any(crosses(start, end, box) for box in figure.nodes)
            assert 0 <= end[0] <= figure.width
            assert 0 <= end[1] <= figure.height


def test_each_undo_stands_under_what_it_reverses_and_is_numbered_in_undo_order() -> None:
    placed = boxes(layout(LOAN, in_order(LOAN)))
    assert [placed[each].x for each in "abc"] == sorted(placed[each].x for each in "abc")
    assert len({placed[each].y for each in "abc"}) == 1
    for undo, original in (("x", "c"), ("y", "b"), ("z", "a")):
        assert placed[undo].x == placed[original].x
        assert placed[undo].y > placed[original].y
    assert [placed[each].title for each in "xyz"] == [
        "1 · Pay back",
        "2 · Withdraw",
        "3 · Delete score",
    ]
    assert placed["z"].dashed
    assert placed["y"].tone == "bad"


def test_the_undo_lane_runs_back() -> None:
    figure = layout(LOAN, in_order(LOAN))
    ways = {(arrow.source, arrow.target): arrow for arrow in figure.edges}
    assert set(ways) == {
        ("a", "b"), ("b", "c"), ("x", "y"), ("y", "z"), ("x", "c"), ("y", "b"), ("z", "a"),
    }  # fmt: skip
    forward, back, up = ways["a", "b"], ways["x", "y"], ways["x", "c"]
    assert (forward.kind, forward.tone) == ("then", "")
    assert points(forward)[0][0] < points(forward)[-1][0]
    assert (back.kind, back.tone) == ("then", "undo")
    assert points(back)[0][0] > points(back)[-1][0]
    assert (up.kind, up.tone) == ("reverses", "undo")
    assert points(up)[0][1] > points(up)[-1][1]
    assert figure.legend


def test_attempts_of_one_undo_stack_and_share_its_number() -> None:
    nodes = [
        Node("a", "Approve"),
        Node("u1", "Withdraw", "failed", lane="undo", order=1, reverses="a"),
        Node("u2", "Withdraw", "second attempt", lane="undo", order=1, reverses="a"),
        Node("u3", "Withdraw", "third attempt", lane="undo", order=1, reverses="a"),
    ]
    placed = boxes(layout(nodes, in_order(nodes)))
    assert {box.x for box in placed.values()} == {placed["a"].x}
    heights = [placed[each].y for each in ("a", "u1", "u2", "u3")]
    assert heights == sorted(set(heights))
    assert {placed[each].title for each in ("u1", "u2", "u3")} == {"1 · Withdraw"}


def test_a_long_chain_wraps_into_bands() -> None:
    nodes = [Node(str(number), "Step", order=number) for number in range(COLUMNS + 1)]
    figure = layout(nodes, in_order(nodes))
    placed = boxes(figure)
    assert placed[str(COLUMNS)].x == placed["0"].x
    assert placed[str(COLUMNS)].y > placed["0"].y + HEIGHT
    last = placed[str(COLUMNS - 1)]
    assert figure.width == last.x + last.width + placed["0"].x
    # What is shown of it begins and ends with its boxes and arrows.
    turns = [x for arrow in figure.edges for x, _ in points(arrow)]
    assert figure.left == min(placed["0"].x, *turns) - 1
    assert figure.left + figure.shown_width == max(last.x + last.width, *turns) + 1


@pytest.mark.parametrize("steps", range(1, 20))
def test_a_chain_fits_the_width_of_a_page_and_eight_steps_one_row(steps: int) -> None:
    nodes = [Node(str(number), "Step", order=number) for number in range(steps)]
    nodes += [
        Node(f"u{number}", "Undo", lane="undo", order=-number, reverses=str(number))
        for number in range(steps)
    ]
    figure = layout(nodes, in_order(nodes))
    assert figure.shown_width <= PAGE
    if steps > 3:
        assert figure.shown_width > PAGE * 0.9
    assert figure.size == {1: "tiny", 2: "tiny", 3: "small"}.get(steps, "large")
    rows = {box.y for box in figure.nodes}
    assert len(rows) == 2 * -(-steps // 8)


def test_an_undo_passes_straight_over_what_is_not_undone() -> None:
    nodes = [
        *(Node(str(number), "Step", order=number) for number in range(4)),
        Node("last", "Undo", lane="undo", order=1, reverses="3"),
        Node("first", "Undo", lane="undo", order=2, reverses="0"),
    ]
    figure = layout(nodes, in_order(nodes))
    (back,) = [a for a in figure.edges if (a.source, a.target) == ("last", "first")]
    assert len(points(back)) == 2
    # Nothing passes above the boxes, so no room is left there.
    assert figure.top == figure.nodes[0].y - EDGE


def test_no_more_than_the_limit_is_drawn_and_the_rest_is_counted() -> None:
    nodes = [Node(str(number), "Step", order=number) for number in range(LIMIT + 14)]
    figure = layout(nodes, in_order(nodes))
    assert len(figure.nodes) == LIMIT
    assert (figure.hidden, figure.truncated) == (14, "14 more are not drawn")
    assert len(figure.edges) == LIMIT - 1


def test_an_empty_chain_is_an_empty_figure() -> None:
    figure = layout([], [])
    assert (figure.nodes, figure.edges, figure.hidden, figure.truncated) == ((), (), 0, "")
    assert not figure.legend
    assert figure.width > 0
    assert figure.height > 0


def test_a_long_title_is_cut_to_fit_and_whole_in_the_label() -> None:
    title = "Approve the amended loan of 250 000 euros"
    plain, worded, described = layout(
        [
            Node("a", title, "done", order=1),
            Node("b", title, label="Open the approval", order=2),
            Node("c", "Pay", label="Pay, done by Ana", order=3),
        ],
        [],
    ).nodes
    assert plain.title == "Approve the amended loan…"
    assert plain.label == f"{title}, done"
    assert worded.label == f"{title}, Open the approval"
    assert described.label == "Pay, done by Ana"


def test_wide_characters_count_twice() -> None:
    assert cut("与信審査", 8) == "与信審査"
    assert cut("与信審査", 7) == "与信審…"
    assert cut("abc", 3) == "abc"


def test_what_the_page_adds_is_handed_on() -> None:
    nodes = [Node("a", "One", url="/a", focus=True), Node("b", "Two", order=1)]
    figure = layout(nodes, [], figure_id="case", label="Chain of a case", table_url="#table")
    assert (figure.id, figure.label, figure.table_url) == ("case", "Chain of a case", "#table")
    assert [(box.id, box.url, box.focus) for box in figure.nodes] == [
        ("a", "/a", True),
        ("b", "", False),
    ]


def test_two_nodes_with_one_id_are_refused() -> None:
    with pytest.raises(ValueError, match="every id must be unique"):
        layout([Node("a", "One"), Node("a", "Two")], [])


def test_caused_by_is_an_arrow_of_its_own() -> None:
    figure = layout(LOAN, [Edge("x", "a", "caused")])
    (caused,) = [arrow for arrow in figure.edges if arrow.kind == "caused"]
    assert (caused.source, caused.target, caused.tone) == ("x", "a", "")


def test_dot_names_every_node_and_arrow() -> None:
    nodes = [*LOAN, Node("q", 'Say "no" \\ or\nnot', order=4)]
    text = to_dot(nodes, [*in_order(LOAN), Edge("c", "q", "caused"), Edge("c", "gone")])
    assert text.startswith("digraph chain {\n")
    assert text.endswith("}\n")
    assert '"a" -> "b" [style=solid, label="then"];' in text
    assert '"x" -> "c" [style=dashed, label="reverses"];' in text
    assert '"c" -> "q" [style=dotted, label="caused"];' in text
    assert r'"q" [label="Say \"no\" \\ or\nnot"' in text
    assert '[label="1 · Pay back\\nreversed"' in text
    assert "gone" not in text
