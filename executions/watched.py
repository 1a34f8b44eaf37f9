"""What the page of an execution shows that changes while it is looked at, see `web.live`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accounts.acting import ActingUser
from executions import selectors
from ledger.selectors import all_entries
from web.live import LivePage, Watched, newest


def execution(who: ActingUser, keys: Mapping[str, Any]) -> list[Watched]:
    """Return an execution, and the newest of its case."""
    one = selectors.visible(who.tenant_id).filter(id=keys["id"])
    in_case = all_entries(who.tenant_id).filter(case_id__in=one.values("case_id"))
    return [Watched(one), newest(in_case)]


PAGES = (LivePage("executions:detail", execution),)
