"""What a list of work that is narrowed or sorted shows, to be watched while it is looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.db.models import Q, QuerySet
from django.http import QueryDict

from accounts.acting import ActingUser
from ledger.errors import Invalid
from web.counts import LOOKED_AT
from web.list_edges import among_first
from web.live import Watched
from web.pagination import parse_limit
from workitems import selectors, waiting
from workitems.finding.filter_table import ME, Asked
from workitems.inbox_filters import SORTINGS, Wanted, wanted_of
from workitems.inbox_tabs import PINNED, Tab, tab_of
from workitems.lifecycle import Kind
from workitems.models import WorkItem
from workitems.urgency import MOST_URGENT_FIRST

# A filter of these asks the database first, unless it means whoever looks.
_ASKS = frozenset(
    {"assignee", "owner", "stakeholder", "created_by", "completed_by", "overdue", "q"}
)
# A poll takes three statements: session, this, and the tag.
_MOST_ASKED = 1
_UNDOES = Q(kind=Kind.COMPENSATION)
Rows = QuerySet[WorkItem]


def shown_rows(who: ActingUser, query: QueryDict, usual_tab: str) -> list[Watched]:
    """Return the rows on the first page of the list that an address asks for, and of what stands
    above them; nothing where it is a plain one, or one that asks too much beforehand."""
    tab = tab_of(query, usual_tab)
    try:
        wanted, limit = wanted_of(query, tab.sorts), parse_limit(query.get("limit"))
    except Invalid:
        # The page says what is wrong with it, and shows no list.
        return []
    asking = [name for name, value in wanted.values.items() if _asks(name, value)]
    if not (wanted.parameters or "limit" in query) or len(asking) > _MOST_ASKED:
        return []
    asked = wanted.asked(who)
    order = SORTINGS[wanted.sort or tab.sorts[0]].order
    listed = (
        Watched(rows.order_by(*order), most=limit + 1)
        for rows in _listed(tab, who, wanted, asked, order)
    )
    pinned = (
        Watched(rows.filter(_UNDOES & asked.q).order_by(*MOST_URGENT_FIRST), most=PINNED + 1)
        for rows in _sources(tab, who)
    )
    return [*listed, *pinned]


def _asks(name: str, value: object) -> bool:
    # What somebody looks on is found by a statement for whoever looks, too.
    return name in _ASKS and (value != ME or name == "stakeholder")


def _sources(tab: Tab, who: ActingUser) -> list[Rows]:
    """Return where open work of a tab comes from."""
    mine, pool = waiting.mine(who), waiting.pool_of(who)
    return {
        "waiting": [mine, pool], "mine": [mine], "groups": [pool],
        "unassigned": [waiting.unassigned(who.tenant_id)],
    }.get(tab.key, [])  # fmt: skip


def _listed(
    tab: Tab, who: ActingUser, wanted: Wanted, asked: Asked, order: Sequence[str]
) -> Iterator[Rows]:
    """Yield what the list has, each in the part of a longer list where the page looks for it."""
    tasks = Q() if wanted.undo_only else ~_UNDOES
    unassigned = waiting.unassigned(who.tenant_id)
    if tab.key in {"waiting", "mine"}:
        yield waiting.mine(who).filter(asked.q & tasks)
    if tab.key in {"waiting", "groups"}:
        yield _within(unassigned, waiting.pool_of(who).filter(asked.q & tasks), order)
        for rows in waiting.found_by_name(who):
            yield rows.filter(asked.q & tasks)
    if tab.key == "unassigned":
        rows = unassigned.filter(asked.q & tasks)
        yield rows if wanted.any_tasks else _within(unassigned, rows, order)
    if tab.is_open:
        return
    own = {"done": waiting.finished_by, "held": waiting.held_by}.get(tab.key)
    every = selectors.visible(who.tenant_id) if own is None else own(who)
    among = asked.among(every) if own is None else None if asked.is_found else every
    rows = every.filter(asked.q)
    yield rows if among is None else _within(among, rows, order)


def _within(every: Rows, rows: Rows, order: Sequence[str]) -> Rows:
    """Return the rows among the first of a list, as its page does."""
    return among_first(every, rows, order, LOOKED_AT)
