"""Points of no return, as what begins by itself stops at them: at those that were passed, and at
those that may yet turn out to have been. Pure."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterable, Sequence

from django.utils.translation import gettext_noop

from compensation.lifecycle import CompensationState, Reversibility
from compensation.plan import every_part
from compensation.planning import SEQ_OF_UNORDERED, Exclusion, Part, leaves_nothing

_POINTS: tuple[str, ...] = (Reversibility.PIVOT, Reversibility.IRREVERSIBLE)
_BEFORE_A_POINT = gettext_noop("A point of no return came after it: only a person goes past that.")


def stopped_at_points(parts: Sequence[Part], *, passed_above: bool = False) -> list[Part]:
    """Return the parts as an automatic run may undo them: what was finished before the last point
    of no return stays; so does what was done in a whole below that has not ended, where one beside
    that came after it began. `passed_above`: one came after all of them, in a whole above."""
    parts = [_stopped_within(part) for part in parts]
    points = [part for part in parts if _is_point(part)]
    last = sys.maxsize if passed_above else _last_place(points)

    def stays(part: Part) -> bool:
        if not _is_open_whole(part):
            return _is_before(part, last)
        # What it has passed itself stops what is in it, and no more of that than is before.
        beside = last if passed_above else _last_place(each for each in points if each is not part)
        return part.begun_after < beside and _has_work(part)

    return [kept(part) if stays(part) else part for part in parts]


def has_point(parts: Iterable[Part]) -> bool:
    """Whether any of these is a point of no return that was passed, or may have been."""
    return any(map(_is_point, parts))


def is_before_point(part: Part, beside: Iterable[Part]) -> bool:
    """Whether a point of no return beside a piece that was finished was passed after it, or may
    yet turn out to have been."""
    others = (each for each in beside if each.original.id != part.original.id)
    return _is_before(part, _last_place(others))


def kept(part: Part) -> Part:
    """Return a part that stays, because only a person goes past what came after it."""
    return dataclasses.replace(part, stands=_stays(part))


def _last_place(parts: Iterable[Part]) -> int:
    return max((_place(part) for part in parts if _is_point(part)), default=SEQ_OF_UNORDERED)


def _stopped_within(part: Part) -> Part:
    """Return a whole below with its own parts as an automatic run may undo them."""
    if part.below is None:
        return part
    return dataclasses.replace(part, below=tuple(stopped_at_points(part.below)))


def _is_point(part: Part) -> bool:
    """Whether it is a point of no return that was passed, or may yet turn out to have been."""
    if part.below is not None:
        return any(_is_point(each) for each in part.below)
    undone = part.row.compensation_state == CompensationState.COMPENSATED
    if part.reversibility not in _POINTS or undone:
        return False
    if part.stands is not None:
        return part.stands.code in _POINTS
    return part.row.status == part.settled or part.in_flight or part.unsure


def _place(part: Part) -> int:
    """Return its place in the order: what has not ended comes after all that has."""
    return sys.maxsize if part.in_flight or part.unsure or _is_open_whole(part) else part.seq


def _is_open_whole(part: Part) -> bool:
    return part.below is not None and part.seq == SEQ_OF_UNORDERED


def _has_work(part: Part) -> bool:
    """Whether something in a whole was finished and stands, or may yet turn out to have been."""
    pieces = (each for each in every_part(part.below or ()) if each.below is None)
    return any(
        (_stands(each) or each.in_flight or each.unsure) and not leaves_nothing(each.row)
        for each in pieces
    )


def _is_before(part: Part, last: int) -> bool:
    needs_none = part.reversibility == Reversibility.NOT_NEEDED
    return SEQ_OF_UNORDERED < part.seq < last and _stands(part) and not needs_none


def _stands(part: Part) -> bool:
    """Whether it was finished, and nothing has undone it."""
    undone = part.row.compensation_state == CompensationState.COMPENSATED
    return part.row.status == part.settled and not undone and part.stands is None


def _stays(part: Part) -> Exclusion:
    return Exclusion(part.original, "pivot", _BEFORE_A_POINT, ("undo_item", "accept"))
