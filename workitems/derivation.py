"""What an item was made of, as its author says it, and the words of its review. Pure."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from verbs.input import Id, Input

#: The consumer that marks what was made of something undone.
INFLUENCE = "workitems.influence"
#: The relation that says the same later.
DERIVED_FROM = "DERIVED_FROM"
#: The kinds of things that are undone.
CAN_BE_UNDONE = frozenset({"work_item", "execution"})
#: The actions of entries after which a source is undone.
UNDONE = ("compensation_completed", "compensation_attested")
#: The action of the entry that a review was answered.
DECIDED = "review_decided"
KEEP, CORRECT, COMPENSATE = "keep", "correct", "compensate"
REVIEW_OUTCOMES = (KEEP, CORRECT, COMPENSATE)
#: After these somebody must know what was done, and why.
EXPLAINED_REVIEWS = frozenset({CORRECT, COMPENSATE})
MOST_SOURCES = 20


class SourceOf(Input):
    """Something whose result it uses."""

    type: Literal["work_item", "execution"]
    id: Id


Sources = Annotated[list[SourceOf], Field(max_length=MOST_SOURCES)]
