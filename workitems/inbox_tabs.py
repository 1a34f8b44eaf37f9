"""The tabs of the inbox: which views of the work there are, and how each is sorted."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

_BY_URGENCY = ("urgent", "newest", "oldest")
#: Reversals are few and come first, all of them on the first page, up to this many.
PINNED = 50


@dataclasses.dataclass(frozen=True, slots=True)
class Tab:
    """One view of the work. Those of open work pin reversals and are sorted by urgency."""

    key: str
    label: str | Promise
    sorts: Sequence[str] = _BY_URGENCY

    @property
    def is_open(self) -> bool:
        """Whether it is of work that waits."""
        return self.sorts is _BY_URGENCY


TABS = (
    Tab("waiting", gettext_lazy("Mine and my groups")),
    Tab("mine", gettext_lazy("Only mine")),
    Tab("groups", gettext_lazy("My groups")),
    Tab("unassigned", gettext_lazy("Unassigned")),
    Tab("held", gettext_lazy("On hold"), ("newest", "oldest")),
    Tab("done", gettext_lazy("Done"), ("finished",)),
    Tab("all", gettext_lazy("Everything"), ("newest", "oldest")),
)


def tab_of(asked: QueryDict, usual: str) -> Tab:
    """Return the tab that an address asks for; the first one where there is no such."""
    key = asked.get("tab", usual)
    return next((each for each in TABS if each.key == key), TABS[0])
