"""What the pages of cases show that changes while they are looked at, see `web.live`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accounts.acting import ActingUser
from cases import selectors
from compensation.watched import under_way
from ledger.selectors import all_entries
from web.live import LivePage, Watched, newest


def listed(who: ActingUser, keys: Mapping[str, Any]) -> list[Watched]:
    """Return the cases of the list, and how far their rollbacks are."""
    rows = selectors.cases(who.tenant_id).order_by("-created_at", "-id")
    return [Watched(rows), *under_way(who, keys)]


def case(who: ActingUser, keys: Mapping[str, Any]) -> list[Watched]:
    """Return a case with its work and rollbacks: whatever happens in it is an entry of it. How its
    sub-cases stand is kept with what it has opened."""
    tenant_id, id_ = who.tenant_id, keys["id"]
    return [
        newest(all_entries(tenant_id).filter(case_id=id_)),
        Watched(selectors.cases(tenant_id).filter(id=id_)),
        Watched(selectors.plan_items(tenant_id, id_).reverse(), version="status"),
    ]


PAGES = (
    LivePage("cases:list", listed, listing=True),
    LivePage("cases:detail", case),
)
