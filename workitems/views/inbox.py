"""The inbox, and the list of all work."""

from __future__ import annotations

import dataclasses
import operator
import uuid
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from typing_extensions import override

from accounts.acting import ActingUser
from ledger.errors import Invalid
from verbs.call import Call
from web import decisions
from web.counts import COUNTED, shown_count
from web.decisions import Found
from web.nav import say_count
from web.pages import MemberPage
from web.problems import status_of
from web.search import numbered
from workitems import inbox_filters, saved_filter_chips, selectors, waiting
from workitems.actions.filter_saving import NewFilter, save_filter
from workitems.finding import filter_table, saved_filters
from workitems.finding.filter_table import Asked
from workitems.inbox_filters import SORTINGS, Wanted, is_id, wanted_of
from workitems.inbox_rows import lines, waiting_sentence
from workitems.inbox_tabs import PINNED, TABS, Tab, tab_of
from workitems.lifecycle import OPEN, Kind
from workitems.saved_filter_chips import FilterForm
from workitems.standing_in import MOST, waiting_for_others
from workitems.urgency import MOST_URGENT_FIRST
from workitems.views import several
from workitems.waiting import Waiting

# Decisions are few and come first, all of them on the first page, up to this many.
DECISIONS = 20
_UNDOES = Q(kind=Kind.COMPENSATION)


@dataclasses.dataclass(frozen=True, slots=True)
class Listing:
    """Which rows a tab has, `beside` those of another index; see `pagination.cut` for `among`."""

    rows: QuerySet[Any]
    beside: QuerySet[Any] | None = None
    among: QuerySet[Any] | None = None


class Inbox(MemberPage):
    """Work by tab: mine and my groups' with decisions first, mine, my groups', anybody's, mine on
    hold, done by me, everything."""

    default_tab = "waiting"
    # What was sent and could not be done.
    ticked: several.SeveralForm | None = None
    naming: FilterForm | None = None

    def post(self, request: HttpRequest) -> HttpResponse:
        """Do one thing to the ticked tasks, and come back to this list; where nothing could be
        done, with what was ticked and typed."""
        form = several.SeveralForm(request.POST)
        refusal = several.do(self, form)
        if refusal is None:
            return self.go(request.get_full_path())
        self.ticked = form
        with self.scope():
            answer = self.get(request)
        answer.status_code = status_of(refusal)
        return answer

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show one tab, filtered, sorted and paged."""
        tab = tab_of(request.GET, self.default_tab)
        wanted = wanted_of(request.GET, tab.sorts)
        who = self.acting_user
        counts = waiting.waiting(who)
        undecided = decisions.waiting(who)
        pins = tab.is_open and not wanted.undo_only and "cursor" not in request.GET
        asked = wanted.asked(who)
        kept = asked.q
        listing = _listing(tab, who, counts, wanted, asked)
        order = SORTINGS[wanted.sort or tab.sorts[0]].order
        above = _reversals(tab, who, kept) if pins else []
        page, pagination = self.page(
            listing.rows.prefetch_related(None),
            order=order,
            among=listing.among,
            beside=None if listing.beside is None else listing.beside.prefetch_related(None),
            above=[
                rows.prefetch_related(None).order_by(*MOST_URGENT_FIRST)[: PINNED + 1]
                for rows in above
            ],
        )
        pinned = sorted(page.above, key=operator.attrgetter(*MOST_URGENT_FIRST))
        first = tab.key == "waiting" and pins and not wanted.values
        kept_decisions = undecided if first else _of_case(who, wanted, undecided)
        shown = kept_decisions[:DECISIONS] if tab.key == "waiting" and pins else []
        instead = waiting_for_others(self.authority) if first else []
        others = [item for item, _person in instead[:MOST]]
        told = lines(
            who, [*pinned[:PINNED], *page.rows, *others], shown, back=request.get_full_path(),
            instead_of={item.id: person for item, person in instead},
        )  # fmt: skip
        undo_only = tab.is_open and wanted.undo_only
        say_count(request, "inbox", _waiting_in_all(counts, undecided))
        context = {
            "summary": waiting_sentence(counts.all, len(undecided), counts.undo, counts.late),
            "tabs": _tabs(tab, wanted, counts, undecided),
            **_filters(tab, who, wanted),
            **_decisions(told.decisions(shown), kept_decisions),
            "beside": _beside(tab, wanted, len(undecided) - len(kept_decisions)),
            "undo_rows": told.work(page.rows if undo_only else pinned[:PINNED]),
            "more_undo_url": _address(tab, {**wanted.parameters, "kind": Kind.COMPENSATION})
            if len(pinned) > PINNED
            else "",
            "work_rows": [] if undo_only else told.work(page.rows),
            "instead_rows": told.work(others),
            "more_instead": len(instead) > MOST,
            "empty": _empty(tab, who, wanted, counts, undecided, partial=page.partial)
            if not (pinned or page.rows or shown or others)
            else None,
            "pagination": {**pagination, "in_order": order[0][0] != "-"},
            "several": several.offered(self, self.ticked)
            if self.ticked or any(item.status in OPEN for item in (*pinned, *page.rows, *others))
            else None,
            "new_url": reverse("workitems:new"),
            "saved_filters": saved_filter_chips.shown(wanted, who, self.naming),
        }
        return self.render("workitems/inbox.html", context)


class AllWork(Inbox):
    """All work of the tenant; what it is narrowed to can be saved under a name."""

    default_tab = "all"
    fills_in = NewFilter

    @override
    def post(self, request: HttpRequest) -> HttpResponse:
        """Save the filters of the address; or do one thing to the ticked tasks."""
        if "name" not in request.POST:
            return super().post(request)
        self.naming = form = FilterForm(request.POST)
        address = request.path

        def save() -> None:
            nonlocal address
            if not form.is_valid():
                raise Invalid(_("Please look at this again"))
            with self.scope():
                wanted = wanted_of(request.GET, TABS[-1].sorts)
                asked = saved_filter_chips.to_save(wanted, self.acting_user)
            save_filter(call=Call(self.acting_user), filter=asked, **form.cleaned_data)
            address = saved_filters.address_of(filter_table.read(asked))

        return self.perform(
            save,
            to=lambda _saved: address,
            message=_("Saved. It stands above every list of work."),
            form=form,
        )


def _of_case(who: ActingUser, wanted: Wanted, undecided: Sequence[Found]) -> Sequence[Found]:
    """Return the decisions that filters leave: those of a case, where they ask for nothing else."""
    # Of the filters only a case says something about decisions.
    if not undecided or wanted.values.keys() != {"case"}:
        return []
    case = wanted.values["case"]
    ids = [uuid.UUID(case)] if is_id(case) else numbered("case", who.tenant_id, case)
    kept = frozenset(ids)
    return [each for each in undecided if each.whole_id in kept]


def _decisions(shown: Sequence[dict[str, Any]], kept: Sequence[Found]) -> dict[str, Any]:
    return {
        "decisions": shown,
        "decision_count": shown_count(min(len(kept), COUNTED)),
        "more_decisions": len(kept) > len(shown) and bool(shown),
    }


def _beside(tab: Tab, wanted: Wanted, left_out: int) -> dict[str, str] | None:
    """Return `beside` of the template: how many decisions the filters do not show, and where they
    are."""
    if tab.key != "waiting" or not wanted.values or not left_out:
        return None
    text = ngettext(
        "%(n)s decision that waits for you is not shown with these filters.",
        "%(n)s decisions that wait for you are not shown with these filters.", left_out,
    ) % {"n": shown_count(min(left_out, COUNTED))}  # fmt: skip
    return {"text": text, "url": _address(tab, {})}


def _waiting_in_all(counts: Waiting, undecided: Sequence[Found]) -> int:
    return min(counts.all + len(undecided), COUNTED)


def _reversals(tab: Tab, who: ActingUser, kept: Q) -> list[QuerySet[Any]]:
    """Return the reversals that stand above a tab of open work."""
    sources = {
        "waiting": [waiting.mine, waiting.pool_of],
        "mine": [waiting.mine],
        "groups": [waiting.pool_of],
        "unassigned": [lambda each: waiting.unassigned(each.tenant_id)],
    }
    return [rows(who).filter(_UNDOES & kept) for rows in sources[tab.key]]


def _listing(tab: Tab, who: ActingUser, counts: Waiting, wanted: Wanted, asked: Asked) -> Listing:
    """Return the rows of a tab."""
    if not tab.is_open:
        return _settled(tab, who, asked)
    kept = asked.q
    unassigned, mine = waiting.unassigned(who.tenant_id), waiting.mine(who).filter(kept)
    if not wanted.undo_only:
        mine = mine.exclude(_UNDOES)
    if tab.key == "mine":
        return Listing(mine)
    if tab.key == "unassigned":
        rows = unassigned.filter(kept)
        if not wanted.undo_only:
            rows = rows.exclude(_UNDOES)
        return Listing(rows, among=None if wanted.any_tasks else unassigned)
    beside = mine if tab.key == "waiting" else None
    if wanted.undo_only:
        return Listing(waiting.pool_of(who).filter(kept), beside)
    looked_for = unassigned if counts.named is None else None
    return Listing(waiting.named(who, counts).filter(kept), beside, looked_for)


def _settled(tab: Tab, who: ActingUser, asked: Asked) -> Listing:
    own = {"done": waiting.finished_by, "held": waiting.held_by}.get(tab.key)
    if own is not None:
        rows = own(who)
        return Listing(rows.filter(asked.q), among=None if asked.is_found else rows)
    every = selectors.visible(who.tenant_id)
    return Listing(every.filter(asked.q), among=asked.among(every))


def _address(tab: Tab, parameters: Mapping[str, str]) -> str:
    everything = tab.key == AllWork.default_tab
    path = reverse("workitems:all" if everything else "workitems:inbox")
    is_first = tab.key in (AllWork.default_tab, Inbox.default_tab)
    asked = urlencode({**({} if is_first else {"tab": tab.key}), **parameters})
    return f"{path}?{asked}" if asked else path


def _tabs(
    current: Tab, wanted: Wanted, counts: Waiting, undecided: Sequence[Found]
) -> list[dict[str, Any]]:
    numbers = {
        "waiting": _waiting_in_all(counts, undecided), "mine": counts.mine,
        "groups": counts.groups, "unassigned": counts.unassigned,
    }  # fmt: skip
    return [
        {
            "label": tab.label,
            "url": _address(tab, wanted.parameters),
            "count": shown_count(numbers[tab.key]) if tab.key in numbers else None,
            "current": tab is current,
        }
        for tab in TABS
    ]


def _filters(tab: Tab, who: ActingUser, wanted: Wanted) -> dict[str, Any]:
    return {
        "chips": inbox_filters.chips(wanted, who, lambda rest: _address(tab, rest)),
        "clear_url": _address(tab, {}),
        "filters": inbox_filters.form(
            wanted, tab.sorts, action=_address(tab, {}).partition("?")[0], hidden={"tab": tab.key}
        ),
    }


def _empty(
    tab: Tab,
    who: ActingUser,
    wanted: Wanted,
    counts: Waiting,
    undecided: Sequence[Found],
    *,
    partial: bool,
) -> dict[str, Any]:
    """Return `empty` of the template: what an empty list means, and the one thing to do next."""
    if partial:
        return _said("search", _("Nothing found so far"), _("The list goes on; look further."))
    if wanted.values:
        text = _("Nothing here fits the filters you chose.")
        clear = _address(tab, {})
        return _said("search-x", _("No match"), text, clear, _("Clear filters"))
    if tab.is_open:
        return _empty_of_open(tab, who, counts, _waiting_in_all(counts, undecided))
    if tab.key == "done":
        return _said("inbox", _("Nothing done yet"), _("What you complete is listed here."))
    if tab.key == "held":
        text = _("What you have and is on hold is listed here until it goes on.")
        return _said("inbox", _("Nothing is on hold"), text)
    return _said("inbox", _("No work yet"), _("Every task is listed here."), *_new())


def _empty_of_open(tab: Tab, who: ActingUser, counts: Waiting, for_them: int) -> dict[str, Any]:
    """Return the same for a tab of open work: "all caught up" is only said when it is true."""
    if for_them and tab.key != "waiting":
        text = ngettext(
            "%(n)s thing waits for you or your groups.",
            "%(n)s things wait for you or your groups.", for_them,
        ) % {"n": shown_count(for_them)}  # fmt: skip
        return _said("inbox", _("Nothing here"), text, _address(TABS[0], {}), _("Show it"))
    open_to_all = waiting.open_to_anybody(who) if counts.unassigned else 0
    title = _("Nothing waits for you or your groups")
    if open_to_all:
        text = ngettext(
            "%(n)s task is open to anybody.", "%(n)s tasks are open to anybody.", open_to_all
        ) % {"n": shown_count(open_to_all)}
        unassigned = next(each for each in TABS if each.key == "unassigned")
        return _said("inbox", title, text, _address(unassigned, {}), _("See what nobody has"))
    return _said("check-check", _("You are all caught up"), f"{title}.", *_new())


def _new() -> tuple[str, str]:
    return reverse("workitems:new"), _("Open a task")


def _said(icon: str, title: str, text: str, url: str = "", label: str = "") -> dict[str, str]:
    return {"icon": icon, "title": title, "text": text, "url": url, "label": label}
