"""What the pages of work items show that changes while they are looked at, see `web.live`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accounts.acting import ActingUser
from compensation.watched import under_way
from ledger.selectors import all_entries
from web.live import LivePage, Watched, newest
from web.pagination import NEWEST_FIRST
from workitems import selectors
from workitems.lifecycle import Kind


def waiting(who: ActingUser, _keys: Mapping[str, Any]) -> list[Watched]:
    """Return what waits for a member or their groups; reversals apart, as they are counted."""
    mine, pool = selectors.waiting_for(who), selectors.newest_of_pool(who)
    return [
        Watched(mine.order_by(*NEWEST_FIRST)),
        Watched(selectors.pool_of(who).filter(kind=Kind.COMPENSATION).order_by(*NEWEST_FIRST)),
        Watched(pool.exclude(kind=Kind.COMPENSATION).order_by(*NEWEST_FIRST)),
    ]


def inbox(who: ActingUser, _keys: Mapping[str, Any]) -> list[Watched]:
    """Return what the tabs hold beside what waits for oneself, and the rollbacks that may need
    a decision."""
    tenant_id = who.tenant_id
    return [
        Watched(selectors.unassigned(tenant_id).order_by(*NEWEST_FIRST)),
        Watched(selectors.finished_by(who)),
        Watched(selectors.visible(tenant_id).order_by(*NEWEST_FIRST)),
        *under_way(who, {}),
    ]


def item(who: ActingUser, keys: Mapping[str, Any]) -> list[Watched]:
    """Return an item, what undoes it and what it undoes, and the newest of its case."""
    tenant_id, id_ = who.tenant_id, keys["id"]
    entries, one = all_entries(tenant_id), selectors.visible(tenant_id).filter(id=id_)
    of_item = entries.filter(subject_type="work_item", subject_id=id_)
    return [
        Watched(of_item.order_by("-subject_seq"), version="subject_version", most=1),
        Watched(selectors.undo_tasks_of(tenant_id, [id_])),
        Watched(selectors.visible(tenant_id).filter(id__in=one.values("undoes_id"))),
        newest(entries.filter(case_id__in=one.values("case_id"))),
    ]


PAGES = (
    LivePage("workitems:inbox", inbox, listing=True),
    LivePage("workitems:search", inbox, listing=True),
    LivePage("workitems:detail", item),
)
