"""What the pages of executions and batches show that changes meanwhile, see `web.live`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accounts.acting import ActingUser
from executions import selectors
from executions.batch_selectors import batches
from ledger.selectors import all_entries
from web.live import LivePage, Watched, newest


def execution(who: ActingUser, keys: Mapping[str, Any]) -> list[Watched]:
    """Return an execution, and the newest of its case."""
    one = selectors.visible(who.tenant_id).filter(id=keys["id"])
    in_case = all_entries(who.tenant_id).filter(case_id__in=one.values("case_id"))
    return [Watched(one), newest(in_case)]


def batch(who: ActingUser, keys: Mapping[str, Any]) -> list[Watched]:
    """Return a batch, and the newest of what happened to it and its calls."""
    in_batch = all_entries(who.tenant_id).filter(case_id=keys["id"])
    return [Watched(batches(who.tenant_id).filter(id=keys["id"])), newest(in_batch)]


PAGES = (LivePage("executions:detail", execution), LivePage("executions:batch", batch))
