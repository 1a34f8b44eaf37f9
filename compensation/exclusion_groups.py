"""What a plan does not undo, told apart by why: a person who chose to keep something must never
read that it cannot be undone."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from verbs.words import Text


@dataclasses.dataclass(frozen=True, slots=True)
class Group:
    """Exclusions of some codes. `title` heads their rows, `tile` stands below their number."""

    key: str
    title: Text
    tile: Text
    tone: str
    icon: str
    codes: frozenset[str]


#: In the order of the page.
GROUPS = (
    Group(
        "cannot", _("Cannot be undone"), _("cannot be undone"), "bad", "lock",
        frozenset("irreversible pivot window_closed erased other_tenant case_closed".split()),
    ),
    Group(
        "undecided", _("Stays, unless you say otherwise"), _("stay unless you say otherwise"),
        "bad", "circle-question-mark", frozenset({"no_compensation_declared", "outcome_unknown"}),
    ),
    Group(
        "kept", _("Stays, by your choice"), _("stay by your choice"), "", "minus",
        frozenset({"dependents_remain"}),
    ),
    Group(
        "unfinished", _("Not finished"), _("not finished"), "", "clock",
        frozenset({"in_flight", "not_completed"}),
    ),
    Group(
        "undone", _("Already undone"), _("already undone"), "done", "check",
        frozenset({"already_compensated"}),
    ),
)  # fmt: skip
_OF_CODE = {code: group for group in GROUPS for code in group.codes}


def group_of(code: str) -> Group:
    """Return the group of an exclusion; of a code nobody grouped, what cannot be undone."""
    return _OF_CODE.get(code, GROUPS[0])


def grouped(rows: Iterable[Mapping[str, Any]]) -> list[tuple[Group, list[Mapping[str, Any]]]]:
    """Return rows with a `code` by their group, in the order of the page; empty groups too."""
    found: dict[str, list[Mapping[str, Any]]] = {group.key: [] for group in GROUPS}
    for row in rows:
        found[group_of(row["code"]).key].append(row)
    return [(group, found[group.key]) for group in GROUPS]
