"""How bad it is when something goes wrong, of what is undone and of what undoes it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from compensation.lifecycle import OWES, CompensationState, ExclusionCode, Reversibility
from compensation.plan import every_exclusion, every_part, undos_in
from compensation.planning import SEQ_OF_UNORDERED, Part, leaves_nothing
from compensation.policy import UNSPECIFIED, CompensationPolicy
from compensation.subject import undoable
from compensation.ways import risk_of_way

#: Rising; what nobody has declared is below all others.
RISKS = (UNSPECIFIED, "low", "medium", "high", "critical")
#: Of these nobody decides alone.
FOUR_EYES = frozenset({"high", "critical"})
#: Why nobody has that done alone, in the words of what is decided.
CORRECTED = "reversibility: what cannot be undone is corrected"
STAYS = "reversibility: what cannot be undone stays"
_NO_RETURN = (Reversibility.PIVOT, Reversibility.IRREVERSIBLE)


def undone_of(content: Mapping[str, Any], parts: Sequence[Part]) -> list[Part]:
    """Return the pieces of work, of these parts at all levels, that a plan undoes, or will undo
    once they have ended: the run adds those that were under way (`OWES`) without asking again."""
    undone = {each["original"]["id"] for each in undos_in(content)}
    owed = {each["original"]["id"] for each in every_exclusion(content) if each["code"] in OWES}
    return [
        part
        for part in every_part(parts)
        if str(part.original.id) in undone
        or (str(part.original.id) in owed and _will_be_undone(part))
    ]


def _will_be_undone(part: Part) -> bool:
    never = part.reversibility == Reversibility.PIVOT or leaves_nothing(part.row)
    return part.policy is not None and not never


def highest(risks: Iterable[str]) -> str:
    """Return the highest of some risks; of none that it is not declared."""
    return max(risks, key=RISKS.index, default=UNSPECIFIED)


def risk_of(part: Part) -> str:
    """Return the risk of undoing a piece: the higher of what it did, and of what undoes it."""
    own = undoable(part.row.subject_type).risk(part.row)
    return highest([own, risk_of_way(part.policy)])


def risk_of_row(row: Any) -> str:
    """Return the same of finished work by itself, by the policy that it carries."""
    own = undoable(row.subject_type).risk(row)
    return highest([own, risk_of_way(CompensationPolicy.from_json(row.policy))])


def needs_second(row: Any) -> bool:
    """Whether nobody decides alone about a failed undo of finished work: its policy has others
    agree, or the risk is too high."""
    policy = CompensationPolicy.from_json(row.policy)
    return policy.asks_others or risk_of_row(row) in FOUR_EYES


def four_eyes(undone: Collection[Part]) -> str:
    """Return why nobody decides alone about undoing these, whatever their policies say; "" where
    anybody may."""
    risk = highest(risk_of(part) for part in undone)
    if risk in FOUR_EYES:
        return f"risk: {risk}"
    if any(part.reversibility in _NO_RETURN for part in undone):
        return CORRECTED
    return ""


def goes_past(
    content: Mapping[str, Any], parts: Sequence[Part], later_above: Callable[[], Iterable[Part]]
) -> str:
    """Return why nobody decides alone about what a plan over these parts undoes beside finished
    work that cannot be undone, and stays: left out for that, because only what came before it was
    chosen, or because it came after it in a whole above (`later_above`, asked last). "" where
    nothing stays so, or nothing is undone."""
    if not undos_in(content):
        return ""
    stays = any(each["code"] in _NO_RETURN for each in every_exclusion(content))
    stays = stays or any(map(_is_passed, every_part(_left_behind(content, parts))))
    return STAYS if stays or any(map(_is_passed, every_part(later_above()))) else ""


def _left_behind(content: Mapping[str, Any], parts: Sequence[Part]) -> Iterator[Part]:
    """Yield what came later than what a plan undoes, and was not chosen; also what has no place in
    the order, of which the plan says nothing then."""
    excluded = {each["original"]["id"]: each["code"] for each in content["excluded"]}
    told = {*excluded, *(each["original"]["id"] for each in content["steps"])}
    for part in parts:
        id_ = str(part.original.id)
        has_no_place = part.seq == SEQ_OF_UNORDERED and id_ not in told
        if has_no_place or excluded.get(id_) == ExclusionCode.DEPENDENTS_REMAIN:
            yield part


def _is_passed(part: Part) -> bool:
    """Whether it cannot be undone, was finished, and nothing has corrected it."""
    row = part.row
    stands = row.status == part.settled and row.compensation_state != CompensationState.COMPENSATED
    return part.reversibility in _NO_RETURN and stands and not leaves_nothing(row)


def asks_others(undone: Collection[Part]) -> bool:
    """Whether others have to agree to the undo of these, by their policies or for their risk."""
    said = (part.policy for part in undone)
    asked = any(policy is not None and policy.asks_others for policy in said)
    return asked or bool(four_eyes(undone))
