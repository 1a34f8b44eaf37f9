"""What the foot of every page says of the ledger: whether it is intact, and when that was checked.

It says what the last check found, what is in the way of the tree and whether anything was missing
when all was counted, and looks at no entry itself.
Of one tenant a process asks every few seconds, for all pages together.
"""

from __future__ import annotations

import threading
import time
import uuid
from typing import Any, Final

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from audit.ledger_standing import Standing, standing_of

_ASK_EVERY_SECONDS: Final = 5.0
# Beyond that it begins anew, which only asks more often.
_MOST_TENANTS: Final = 1000


class _Known:
    """What this process was told last, by tenant."""

    def __init__(self) -> None:
        self._told: dict[uuid.UUID, tuple[float, Standing]] = {}
        self._lock = threading.Lock()

    def standing(self, tenant_id: uuid.UUID) -> Standing:
        """Return how the ledger of a tenant stands, as it was some seconds ago."""
        moment = time.monotonic()
        with self._lock:
            at, told = self._told.get(tenant_id, (float("-inf"), None))
        if told is None or moment - at > _ASK_EVERY_SECONDS:
            told = standing_of(tenant_id)
            self.keep(tenant_id, told, moment)
        return told

    def keep(self, tenant_id: uuid.UUID, told: Standing, moment: float) -> None:
        """Remember what was told at a moment of the monotonic clock."""
        with self._lock:
            if len(self._told) >= _MOST_TENANTS:
                self._told.clear()
            self._told[tenant_id] = (moment, told)

    def forget(self, tenant_id: uuid.UUID) -> None:
        """Ask anew for the next page of a tenant."""
        with self._lock:
            self._told.pop(tenant_id, None)


_known = _Known()


def forget_standing(tenant_id: uuid.UUID) -> None:
    """Ask anew for the next page: whoever looks at a check sees its end in the foot too."""
    _known.forget(tenant_id)


def known_standing(tenant_id: uuid.UUID) -> Standing:
    """Return what the foot of this page says it by: one statement, or none."""
    return _known.standing(tenant_id)


def keep_standing(tenant_id: uuid.UUID, told: Standing, moment: float) -> None:
    """Tell this process how a ledger stood at a moment of the monotonic clock."""
    _known.keep(tenant_id, told, moment)


def seal_of(tenant_id: uuid.UUID) -> dict[str, Any]:
    """Return `shell.seal` of components/footer.html: one statement, or none."""
    told = _known.standing(tenant_id)
    beside = _("the last attempt failed") if told.outcome and told.failed_at else ""
    return {**_said(told), "beside": beside, "url": reverse("audit:check")}


def _said(told: Standing) -> dict[str, Any]:
    bad = {"at": told.checked_at, "tone": "bad", "icon": "triangle-alert"}
    if told.trouble:
        return {**bad, "text": _("Ledger in trouble")}
    if told.outcome == "broken":
        return {**bad, "text": _("Ledger broken")}
    if told.missing:
        # Every hash of what is there holds: the check says nothing of what is not there.
        return {**bad, "text": _("Ledger incomplete"), "at": told.counted_at}
    if told.outcome == "valid":
        counted = ngettext("%(n)s entry", "%(n)s entries", told.entries) % {"n": told.entries}
        text = _("Ledger intact · %(entries)s") % {"entries": counted}
        return {"text": text, "at": told.checked_at, "tone": "done", "icon": "shield-check"}
    text = _("Ledger could not be checked") if told.failed_at else _("Ledger not checked yet")
    return {"text": text, "at": told.failed_at, "tone": "", "icon": "shield"}
