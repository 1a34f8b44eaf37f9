"""The page on which the whole ledger is checked: asked for by a button, followed while it runs."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, Final

from django.db import transaction
from django.db.models import TextField, Value
from django.db.models.functions import Cast, Coalesce, Concat
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.acting import ActingUser
from accounts.roles import ADMIN_SITE_ROLES
from accounts.selectors import people
from audit.footer_seal import forget_standing, known_standing
from audit.words import BROKEN_WORDS
from compensation.sentences import shown_in
from ledger.tenancy import set_tenant
from ledger.verifications import (
    Verification,
    last_verifications,
    newest_verifications,
    request_verification,
)
from web.entries import entry_url
from web.live import LivePage, Watched
from web.pages import MemberPage

#: So many of the last checks are shown.
SHOWN: Final = 10
NAME: Final = "audit:check"


class CheckPage(MemberPage):
    """Every member may ask for a check, as over REST: it changes nothing. One runs at a time."""

    def get(self, _request: HttpRequest) -> HttpResponse:
        """Show the last checks, and how far the one is that is under way."""
        tenant_id = self.acting_user.tenant_id
        found = last_verifications(tenant_id, SHOWN)
        named = people(tenant_id, {each.requested_by for each in found})
        shown = [_shown(each, shown_in(named, each.requested_by)) for each in found]
        # Whoever looks here sees the end of a check in the foot of the page at once.
        forget_standing(tenant_id)
        context: dict[str, Any] = {
            "crumbs": [
                {"label": _("Ledger"), "url": reverse("audit:entries")},
                {"label": _("Check"), "url": ""},
            ],
            "running": shown[0] if shown and shown[0]["running"] else None,
            "last": next((each for each in shown if not each["running"]), None),
            "checks": shown,
            "missing": known_standing(tenant_id).missing,
            "health_url": reverse("audit:health") if self._looks_after() else "",
            "url": reverse(NAME),
            "drop_url": reverse("audit:check-export"),
        }
        return self.render("audit/check.html", context)

    def _looks_after(self) -> bool:
        return not self.authority.roles.isdisjoint(ADMIN_SITE_ROLES)

    def post(self, _request: HttpRequest) -> HttpResponse:
        """Ask for a check; where one is under way, follow that one."""
        who = self.acting_user
        with transaction.atomic(durable=True):
            set_tenant(who.tenant_id)
            request_verification(who.tenant_id, who.actor_id)
        return self.go(reverse(NAME))


def _shown(check: Verification, who: str | None) -> dict[str, Any]:
    """Return one check as audit/check.html shows it."""
    said = check.result or {}
    entry = said.get("entry")
    return {
        "running": check.finished_at is None,
        "outcome": check.outcome,
        "words": _words(check),
        "at": check.finished_at or check.requested_at,
        "asked_at": check.requested_at,
        "asked_by": who or _("somebody"),
        "kind": str(BROKEN_WORDS.get(said.get("kind", ""), "")),
        "detail": said.get("detail", ""),
        "entry_url": entry_url(uuid.UUID(entry)) if entry else "",
        "checked": check.checked,
        "total": max(check.total, check.checked),
        "begun": check.started_at is not None,
    }


def _words(check: Verification) -> str:
    said = check.result or {}
    if check.finished_at is None:
        return _("Under way")
    if check.outcome == "failed":
        return _("Could not be carried through")
    if check.outcome == "broken":
        return _("Broken")
    erased = said.get("erased", 0)
    if not erased:
        return _("Intact")
    counted = ngettext("%(n)s payload erased", "%(n)s payloads erased", erased) % {"n": erased}
    return _("Intact, with %(erased)s") % {"erased": counted}


def _watched(who: ActingUser, _keys: Mapping[str, Any]) -> list[Watched]:
    text = TextField()
    said = [Cast(name, text) for name in ("checked", "outcome")]
    begun = Coalesce(Cast("started_at", text), Value("", text))
    moved = Concat(said[0], Value(" ", text), said[1], Value(" ", text), begun)
    return [Watched(newest_verifications(who.tenant_id), version=moved, most=SHOWN)]


PAGES: Final = (LivePage(NAME, _watched, seconds=2),)
