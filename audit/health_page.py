"""The page that counts the ledger: for those who look after the organisation."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from accounts.roles import ADMIN_SITE_ROLES
from audit.completeness import health_of
from audit.ledger_standing import stopped_work
from audit.words import due_work_label, trouble_label
from verbs.subject import describe
from verbs.words import subject_words
from web.entries import ledger_url
from web.pages import MemberPage


class HealthPage(MemberPage):
    """Whether anything is missing, counted while one waits."""

    def get(self, _request: HttpRequest) -> HttpResponse:
        """Count, and show what was found."""
        sentence = _("For operators, auditors and tenant admins.")
        self.authority.require_role(ADMIN_SITE_ROLES, sentence)
        tenant_id = self.acting_user.tenant_id
        found = health_of(tenant_id)
        context: dict[str, Any] = {
            "crumbs": [
                {"label": _("Ledger"), "url": reverse("audit:entries")},
                {"label": _("Completeness"), "url": ""},
            ],
            "health": found,
            "trouble_label": "" if found.trouble is None else trouble_label(found.trouble.code),
            "gaps": _gaps(tenant_id, found.chains.named),
            "stopped": [
                {"label": due_work_label(each.source), "since": parse_datetime(each.since)}
                for each in stopped_work(tenant_id)
            ],
            "kinds": [
                {"label": subject_words(each.subject_type), "counts": each}
                for each in found.transitions
            ],
        }
        return self.render("audit/health.html", context)


def _gaps(tenant_id: uuid.UUID, named: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the chains with a gap, called as people call what they are about."""
    refs = [(each["type"], uuid.UUID(each["id"])) for each in named]
    things = describe(tenant_id, refs)
    return [
        {
            "label": things[ref].title,
            "url": ledger_url(*ref),
            "entries": each["entries"],
            "head": each["head"],
        }
        for ref, each in zip(refs, named, strict=True)
    ]
