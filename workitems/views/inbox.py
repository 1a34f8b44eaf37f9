"""The inbox, and the list of all work that the search box leads to."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.acting import ActingUser
from compensation.words import STRATEGIES
from executions.selectors import filtered
from verbs.subject import describe
from verbs.words import said
from web.counts import shown_count
from web.pages import MemberPage
from web.pagination import NEWEST_FIRST
from web.templatetags.amends import label_of, state_label
from workitems import selectors
from workitems.item_context import is_overdue, priority_words, waiting_sentence
from workitems.lifecycle import Kind
from workitems.permissions import is_anybodys
from workitems.selectors import Listed

# Reversals are few and come first, all of them on the first page, up to this many.
PINNED = 50
_REASON = 80


@dataclasses.dataclass(frozen=True, slots=True)
class Tab:
    """One view of the work. `waiting` ones pin reversals and have a count.

    `among` is what its rows are looked for in, where no index finds them; see `pagination.cut`.
    """

    key: str
    label: str | Promise
    rows: Callable[[ActingUser], QuerySet[Any]]
    waiting: bool = True
    among: Callable[[ActingUser], QuerySet[Any]] | None = None
    order: tuple[str, str] = ("-created_at", "-id")


def _unassigned(who: ActingUser) -> QuerySet[Any]:
    return selectors.unassigned(who.tenant_id)


TABS = (
    Tab("mine", gettext_lazy("Waiting for me"), selectors.waiting_for),
    Tab("groups", gettext_lazy("My groups"), selectors.pool_of, among=_unassigned),
    Tab("unassigned", gettext_lazy("Unassigned"), _unassigned),
    Tab(
        "done", gettext_lazy("Done"), selectors.finished_by, waiting=False,
        order=("-completed_at", "-id"),
    ),
    Tab("all", gettext_lazy("Everything"), lambda who: selectors.visible(who.tenant_id),
        waiting=False),
)  # fmt: skip


class Inbox(MemberPage):
    """Work by tab: waiting for me, for my groups, for anybody, done by me, everything."""

    default_tab = "mine"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show one tab, filtered and paged."""
        wanted = request.GET.get("tab", self.default_tab)
        tab = next((each for each in TABS if each.key == wanted), TABS[0])
        kind = request.GET.get("kind", "")
        kind = kind if kind in Kind.values else ""
        query = request.GET.get("q", "").strip()
        rows = filtered(tab.rows(self.acting_user), kind=kind, title__icontains=query)
        pinned: list[Any] = []
        if tab.waiting and kind != Kind.COMPENSATION:
            if "cursor" not in request.GET and not kind:
                undo = rows.filter(kind=Kind.COMPENSATION).order_by(*NEWEST_FIRST)
                pinned = list(undo.prefetch_related(None)[:PINNED])
            rows = rows.exclude(kind=Kind.COMPENSATION)
        among = tab.among or (tab.rows if kind or query else None)
        page, pagination = self.page(
            rows.prefetch_related(None),
            order=tab.order,
            among=None if among is None else among(self.acting_user),
        )
        shown = {each.item.id: each for each in selectors.listed([*pinned, *page.rows])}
        titles = _titles(self.acting_user.tenant_id, [*pinned, *page.rows])
        counts = selectors.waiting_counts(self.acting_user)

        def present(items: Sequence[Any]) -> list[dict[str, Any]]:
            return [_row(shown[item.id], self.acting_user, titles) for item in items]

        undo_only = tab.waiting and kind == Kind.COMPENSATION
        context = {
            "summary": waiting_sentence(counts.mine + counts.groups, counts.undo),
            "tabs": _tabs(tab, kind, query, counts),
            **_filters(tab, kind, query),
            "undo_rows": present(page.rows if undo_only else pinned),
            "work_rows": [] if undo_only else present(page.rows),
            "is_filtered": bool(kind or query),
            "pagination": pagination,
            "new_url": reverse("workitems:new"),
        }
        return self.render("workitems/inbox.html", context)


class Search(Inbox):
    """All work of the tenant; where the search box leads."""

    default_tab = "all"


def _titles(tenant_id: uuid.UUID, items: Sequence[Any]) -> dict[tuple[str, uuid.UUID], str]:
    """Return the titles of the cases of the items that do not undo anything."""
    cases = {("case", item.case_id) for item in items if item.case_id and not item.undoes_id}
    return {subject: found.title for subject, found in describe(tenant_id, cases).items()}


def _row(
    shown: Listed, who: ActingUser, titles: dict[tuple[str, uuid.UUID], str]
) -> dict[str, Any]:
    item = shown.item
    if item.assignee_id is None:
        name = ", ".join(shown.names)
    else:
        mine = item.assignee_id == who.actor_id
        name = _("You") if mine else shown.username(item.assignee_id) or ""
    return {
        "id": item.id,
        "title": item.title,
        "url": reverse("workitems:detail", args=[item.id]),
        "subtitle": _subtitle(shown, titles),
        "status": str(item.status),
        "kind": item.kind,
        "due": item.due_at,
        "overdue": is_overdue(item),
        "who": name or (_("Anybody") if is_anybodys(item) else _("An operator")),
        "created_at": item.created_at,
    }


def _subtitle(shown: Listed, titles: dict[tuple[str, uuid.UUID], str]) -> str:
    item, block = shown.item, shown.item.compensation
    if block is not None and item.undoes_id is not None:
        then = block["original_snapshot"]
        title = then.get("title") or label_of(then.get("capability", ""))
        done_by = shown.username(then.get("completed_by"))
        first = (
            _("Reverses “%(title)s” by %(name)s") % {"title": title, "name": done_by}
            if done_by
            else _("Reverses “%(title)s”") % {"title": title}
        )
        reason = Truncator(block["reason"]).chars(_REASON)
        parts = [first, _("reason: %(reason)s") % {"reason": reason}]
        if block["strategy"] != "restore":
            parts.append(said(STRATEGIES, block["strategy"]))
        return " · ".join(parts)
    case = titles.get(("case", item.case_id)) if item.case_id is not None else None
    level = priority_words(item)
    return f"{case} · {level.lower()}" if case and level else case or level


def _address(tab: Tab, kind: str = "", query: str = "") -> str:
    everything = tab.key == Search.default_tab
    path = reverse("workitems:search" if everything else "workitems:inbox")
    said = {"tab": "" if everything else tab.key, "kind": kind, "q": query}
    asked = urlencode({name: value for name, value in said.items() if value})
    return f"{path}?{asked}" if asked else path


def _tabs(
    current: Tab, kind: str, query: str, counts: selectors.WaitingCounts
) -> list[dict[str, Any]]:
    numbers = dataclasses.asdict(counts)
    return [
        {
            "label": tab.label,
            "url": _address(tab, kind, query),
            "count": shown_count(numbers[tab.key]) if tab.key in numbers else None,
            "current": tab is current,
        }
        for tab in TABS
    ]


def _filters(tab: Tab, kind: str, query: str) -> dict[str, Any]:
    chips = []
    if kind:
        label = _("Type: %(kind)s") % {"kind": state_label(kind, "kind")}
        chips.append({"label": label, "remove_url": _address(tab, "", query)})
    if query:
        label = _("Title has “%(query)s”") % {"query": query}
        chips.append({"label": label, "remove_url": _address(tab, kind, "")})
    options = [{"value": "", "label": _("Any"), "selected": not kind}] + [
        {"value": each, "label": state_label(each, "kind"), "selected": each == kind}
        for each in Kind.values
    ]
    return {
        "chips": chips,
        "clear_url": _address(tab),
        "filters": {
            "action": _address(tab).partition("?")[0],
            "hidden": [{"name": "tab", "value": tab.key}],
            "fields": [
                {"name": "kind", "label": _("Type"), "type": "select", "options": options},
                {"name": "q", "label": _("Title"), "type": "search", "value": query},
            ],
        },
    }
