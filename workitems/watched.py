"""What the pages of work items show that changes while they are looked at, see `web.live`."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet

from accounts.acting import ActingUser
from compensation.models import CompensationAttempt
from governance.selectors import about as approvals_about
from ledger.selectors import all_entries, heads_of
from web.decisions import undecided
from web.live import QUERY, LivePage, Watched, newest
from web.pagination import NEWEST_FIRST
from workitems import selectors, waiting
from workitems.around.addition_tables import Relation
from workitems.around.drafts import drafts_of
from workitems.lifecycle import Kind
from workitems.models import WorkItem
from workitems.urgency import MOST_URGENT_FIRST
from workitems.watched_lists import shown_rows

# What an item may be related to, undo or belong to, and as many of it as a page has room for.
_TOLD_OF = ("work_item", "execution", "case", "compensation_run")
_MOST_BESIDE = 500


def waits(who: ActingUser, _keys: Mapping[str, Any]) -> list[Watched]:
    """Return what waits for a member or their groups, reversals apart."""
    undo = {"kind": Kind.COMPENSATION}
    tasks = [rows.exclude(**undo) for rows in waiting.found_by_name(who)]
    work = [waiting.mine(who), waiting.pool_of(who).filter(**undo), *tasks]
    # As they are shown: of more than are watched, what is at the top is.
    return [Watched(rows.order_by(*MOST_URGENT_FIRST)) for rows in work]


def decisions(who: ActingUser, _keys: Mapping[str, Any]) -> list[Watched]:
    """Return what waits for a member's decision and no other entry of the navigation counts."""
    return [Watched(rows, version="pk", key="pk") for rows in undecided(who)]


def inbox(who: ActingUser, keys: Mapping[str, Any]) -> list[Watched]:
    """Return what the inbox shows."""
    return [*_tabs(who), *shown_rows(who, keys[QUERY], "waiting")]


def all_work(who: ActingUser, keys: Mapping[str, Any]) -> list[Watched]:
    """Return what the list of all work shows."""
    return [*_tabs(who), *shown_rows(who, keys[QUERY], "all")]


def _tabs(who: ActingUser) -> list[Watched]:
    """Return what the tabs hold beside what waits for oneself."""
    tenant_id = who.tenant_id
    finished = waiting.finished_by(who).order_by("-completed_at", "-id")
    open_ = waiting.unassigned(tenant_id)
    return [
        *(Watched(rows.order_by(*NEWEST_FIRST)) for rows in (open_, waiting.mine(who))),
        Watched(open_.order_by(*MOST_URGENT_FIRST)),
        Watched(finished),
        Watched(waiting.held_by(who).order_by(*NEWEST_FIRST)),
        Watched(selectors.visible(tenant_id).order_by(*NEWEST_FIRST)),
    ]


def item(who: ActingUser, keys: Mapping[str, Any]) -> list[Watched]:
    """Return an item and all that its page tells of, by what last happened to each; the newest of
    its case; and the answer that the reader has half written, which is no news to others."""
    tenant_id, id_ = who.tenant_id, keys["id"]
    one = selectors.visible(tenant_id).prefetch_related(None).filter(id=id_)
    told = heads_of(tenant_id, _TOLD_OF, _ids_beside(tenant_id, one, id_))
    drafts = drafts_of(tenant_id, id_, who.actor_id)
    return [
        Watched(told.order_by("subject_id"), version="seq", key="subject_id", most=_MOST_BESIDE),
        Watched(drafts, version="saved_at", key="item_id"),
        newest(all_entries(tenant_id).filter(case_id__in=one.values("case_id"))),
        Watched(approvals_about(tenant_id, "work_item", id_)),
    ]


def _ids_beside(tenant_id: uuid.UUID, one: QuerySet[WorkItem], id_: uuid.UUID) -> QuerySet[Any]:
    """Return the ids of an item and of what its page tells of: what it undoes and what undoes it,
    the rollbacks these belong to, and what it is related to, from either side."""
    related = Relation.objects.filter(tenant_id=tenant_id, removed_at__isnull=True)
    tried = CompensationAttempt.objects.filter(
        tenant_id=tenant_id, original_type=WorkItem.subject_type, original_id=id_
    )
    return one.values("id").union(
        one.values("undoes_id"),
        one.values("run_id"),
        tried.values("compensation_id"),
        tried.values("run_id"),
        related.filter(item_id=id_).values("target_id"),
        related.filter(target_id=id_, target_type=WorkItem.subject_type).values("item_id"),
    )


PAGES = (
    LivePage("workitems:inbox", inbox, listing=True),
    LivePage("workitems:decisions", decisions, listing=True),
    LivePage("workitems:all", all_work, listing=True),
    LivePage("workitems:detail", item),
)
