"""Requests of other tenants as people here read them. Runs in the caller's tenant scope."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Sequence
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.acting import Authority
from accounts.selectors import people
from compensation.actions.foreign_request_verbs import REQUEST
from compensation.actions.foreign_requests_carried import NOT_ASKED_ANY_MORE
from compensation.foreign_request_tables import CompensationRequest
from compensation.foreign_requests import requests
from compensation.words import STRATEGIES, basis_words
from ledger.selectors import entries_of
from verbs.catalogue import offers
from verbs.subject import Description, NamedAfter, Ref, describe, subject_of
from verbs.words import said
from web.entries import ledger_url
from web.timeline import folded, timeline_of
from web.values import person_words
from web.verb_pages import buttons

#: Why a request came to nothing, by the code that it is answered with.
ANSWERS = {
    NOT_ASKED_ANY_MORE: gettext_lazy("Whoever asked does not ask for it any more."),
    "not_all_undone": gettext_lazy("Its rollback ended with exceptions."),
}
_LEDES = {
    "PENDING": gettext_lazy("%(who)s asks you to undo it. Nothing happens until you decide."),
    "APPROVED": gettext_lazy("It is being undone. %(who)s is told when that has ended."),
    "REFUSED": gettext_lazy("It was refused, and nothing was undone. %(who)s knows that."),
    "DONE": gettext_lazy("It is undone, and %(who)s knows that."),
    "FAILED": gettext_lazy("It is not undone. %(who)s knows that."),
}


def call(row: CompensationRequest, title: str) -> Description:
    """Return how a request is called: who asks, and to undo what."""
    label = _("%(who)s asks to undo %(what)s") % {"who": row.asking_name, "what": title}
    url = reverse("compensation:request", args=[row.id])
    return Description(label, url, status=str(row.status), icon="building-2")


def _caller(row: CompensationRequest) -> Callable[[str], Description]:
    return lambda title: call(row, title)


def named_after(tenant_id: uuid.UUID, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, NamedAfter]:
    """Return what requests are called after, by id: what they are about. One query."""
    rows = requests(tenant_id).filter(id__in=list(ids))
    return {row.id: NamedAfter(row.about, _caller(row)) for row in rows}


def rows_of(tenant_id: uuid.UUID, found: Sequence[CompensationRequest]) -> list[dict[str, Any]]:
    """Return `rows` of compensation/requests.html: a constant number of queries."""
    described = describe(tenant_id, (row.about for row in found))
    return [
        {
            "id": row.id,
            "title": described[row.about].title,
            "url": reverse("compensation:request", args=[row.id]),
            "asked_by": row.asking_name,
            "status": row.status,
            "reason": row.reason,
            "created_at": row.created_at,
        }
        for row in found
    ]


def crumbs(row: CompensationRequest) -> list[dict[str, str]]:
    """Return the way to a request, itself last."""
    title = describe(row.tenant_id, [row.about])[row.about].title
    return [
        {"label": _("Requests"), "url": reverse("compensation:requests")},
        {
            "label": call(row, title).title,
            "url": reverse("compensation:request", args=[row.id]),
        },
    ]


def page_facts(row: CompensationRequest) -> list[dict[str, Any]]:
    """Return what a page that asks about it says of it."""
    return [
        {"label": _("Asked for by"), "value": row.asking_name},
        {"label": _("Reason"), "value": row.reason},
    ]


def detail(row: CompensationRequest, rights: Authority) -> dict[str, Any]:
    """Return the context of compensation/request.html."""
    subject = subject_of(REQUEST)
    own: Ref = (REQUEST, row.id)
    entries = entries_of(row.tenant_id, *own)
    run: Ref | None = None if row.run_id is None else ("compensation_run", row.run_id)
    described = describe(row.tenant_id, [row.about, own, *([run] if run else [])])
    actors = [row.decided_by_id, *(entry.actor_id for entry in entries)]
    named = people(row.tenant_id, actors)
    about, rollback = described[row.about], described[run] if run else None
    decider = named.get(row.decided_by_id) if row.decided_by_id else None
    return {
        "crumbs": [*crumbs(row)[:1], {"label": described[own].title, "url": ""}],
        "title": described[own].title,
        "request": row,
        "about": {"label": about.title, "url": about.url},
        "lede": str(_LEDES[str(row.status)]) % {"who": row.asking_name},
        "strategy": said(STRATEGIES, row.strategy),
        "basis": basis_words(row.regulatory_basis),
        "decided_by": "" if decider is None else person_words(decider),
        "run": None if rollback is None else {"label": rollback.title, "url": rollback.url},
        "why_not": ANSWERS.get(row.answer, ""),
        "actions": buttons(subject, row, offers(subject, row, rights, None)),
        "history": folded(
            timeline_of(entries, described=described, named=named, itself={own: _("this")})
        ),
        "ledger_url": ledger_url(*own),
    }
