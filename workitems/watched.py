"""What the pages of work items show that changes while they are looked at, see `web.live`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accounts.acting import ActingUser
from ledger.selectors import all_entries
from web.decisions import undecided
from web.live import LivePage, Watched, newest
from web.pagination import NEWEST_FIRST
from workitems import selectors, waiting
from workitems.lifecycle import Kind


def waits(who: ActingUser, _keys: Mapping[str, Any]) -> list[Watched]:
    """Return what waits for a member or their groups, reversals apart, and for their decision."""
    undo = {"kind": Kind.COMPENSATION}
    tasks = [rows.exclude(**undo) for rows in waiting.found_by_name(who)]
    work = [waiting.mine(who), waiting.pool_of(who).filter(**undo), *tasks]
    return [
        *(Watched(rows.order_by(*NEWEST_FIRST)) for rows in work),
        *decisions(who, {}),
    ]


def decisions(who: ActingUser, _keys: Mapping[str, Any]) -> list[Watched]:
    """Return what waits for a member's decision."""
    rows = undecided(who)
    return [Watched(each.order_by("pk"), version="pk", key="pk") for each in rows]


def inbox(who: ActingUser, _keys: Mapping[str, Any]) -> list[Watched]:
    """Return what the tabs hold beside what waits for oneself."""
    tenant_id = who.tenant_id
    finished = waiting.finished_by(who).order_by("-completed_at", "-id")
    return [
        Watched(waiting.unassigned(tenant_id).order_by(*NEWEST_FIRST)),
        Watched(finished),
        Watched(waiting.held_by(who).order_by(*NEWEST_FIRST)),
        Watched(selectors.visible(tenant_id).order_by(*NEWEST_FIRST)),
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
    LivePage("workitems:decisions", decisions, listing=True),
    LivePage("workitems:all", inbox, listing=True),
    LivePage("workitems:detail", item),
)
