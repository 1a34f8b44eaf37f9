"""An approval as people read it. Runs in the caller's tenant scope."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.acting import Authority
from accounts.roles import Role
from accounts.selectors import Person, people
from governance.lifecycle import ApprovalStatus, StepDecision
from governance.models import Approval, ApprovalStep
from governance.selectors import about, with_steps
from governance.subject import APPROVAL_SUBJECT, call
from ledger.selectors import entries_of
from verbs.catalogue import offers
from verbs.subject import Ref, describe, subject_of
from web.entries import ledger_url
from web.timeline import folded, timeline_of
from web.values import person_words
from web.verb_pages import buttons

_Named = Mapping[uuid.UUID, Person]
#: So many of those about one thing are named on its page.
NAMED = 5


def rows_of(tenant_id: uuid.UUID, found: Sequence[Approval]) -> list[dict[str, Any]]:
    """Return `rows` of governance/approvals.html: a constant number of queries."""
    with_steps(found)
    described = describe(tenant_id, (row.about for row in found))
    named = people(tenant_id, _people_in(found))
    return [
        {
            "id": row.id,
            "title": call(row, described[row.about].title).title,
            "url": reverse("governance:approval", args=[row.id]),
            "status": row.status,
            "reason": row.reason,
            "asked_by": _name(named, row.requested_by_id),
            "waits_for": waits_for(row, named),
            "created_at": row.created_at,
            "expires_at": row.expires_at if row.status == ApprovalStatus.PENDING else None,
        }
        for row in found
    ]


def approvals_about(
    tenant_id: uuid.UUID, type_: str, id_: uuid.UUID, title: str
) -> list[dict[str, Any]]:
    """Return the newest approvals about a thing of this title, for its own page: one query."""
    return [
        {
            "label": call(row, title).title,
            "url": reverse("governance:approval", args=[row.id]),
            "status": row.status,
            "at": row.ended_at or row.created_at,
        }
        for row in about(tenant_id, type_, id_)[:NAMED]
    ]


def detail(row: Approval, rights: Authority) -> dict[str, Any]:
    """Return the context of governance/approval.html."""
    subject = subject_of(APPROVAL_SUBJECT.subject_type)
    own: Ref = (subject.subject_type, row.id)
    entries = entries_of(row.tenant_id, *own)
    described = describe(row.tenant_id, [row.about, own])
    named = people(row.tenant_id, [*_people_in([row]), *(entry.actor_id for entry in entries)])
    thing = described[row.about]
    return {
        "crumbs": [*crumbs(row)[:1], {"label": described[own].title, "url": ""}],
        "title": described[own].title,
        "approval": row,
        "about": {"label": thing.title, "url": thing.url},
        "lede": lede(row, named),
        "asked_by": _name(named, row.requested_by_id),
        "also_asked_by": [_name(named, uuid.UUID(each)) for each in row.asked_by],
        "given": row.given,
        "steps": [_step(row, step, named) for step in row.ordered],
        "actions": buttons(subject, row, offers(subject, row, rights, None)),
        "history": folded(
            timeline_of(entries, described=described, named=named, itself={own: _("this")})
        ),
        "ledger_url": ledger_url(*own),
    }


def lede(row: Approval, named: _Named) -> str:
    """Return in a sentence what it waits for, or what became of it."""
    if row.status == ApprovalStatus.PENDING:
        left = len(row.ordered) - row.step + 1
        text = ngettext(
            "It waits for %(who)s.", "It waits for %(who)s, and for another approval after that.",
            left,
        )  # fmt: skip
        return text % {"who": waits_for(row, named)}
    return str(_ENDED[str(row.status)]())


_ENDED = {
    "GRANTED": lambda: _("Everybody who had to agree has agreed, and it was done."),
    "REFUSED": lambda: _("It was refused, and nothing was done."),
    "EXPIRED": lambda: _("Nobody decided in time, and nothing was done."),
    "SUPERSEDED": lambda: _("Something has changed since it was asked for. Nothing was done."),
    "WITHDRAWN": lambda: _("Whoever asked for it has withdrawn it. Nothing was done."),
}


def waits_for(row: Approval, named: _Named) -> str:
    """Return who decides the step that waits; nobody where it waits no more."""
    if row.status != ApprovalStatus.PENDING:
        return ""
    return who_decides(row.waiting_step, named)


def who_decides(step: ApprovalStep, named: _Named) -> str:
    """Return who decides a step: people, groups, roles."""
    users = [_name(named, uuid.UUID(actor)) for actor in step.users]
    groups = [_("group %(name)s") % {"name": name} for name in step.groups]
    roles = [_("an %(role)s") % {"role": str(Role(role).label).lower()} for role in step.roles]
    return _(" or ").join([*users, *groups, *roles])


def crumbs(row: Approval) -> list[dict[str, str]]:
    """Return the way to an approval, itself last."""
    described = describe(row.tenant_id, [row.about])[row.about]
    return [
        {"label": str(_("Approvals")), "url": reverse("governance:approvals")},
        {
            "label": call(row, described.title).title,
            "url": reverse("governance:approval", args=[row.id]),
        },
    ]


def page_facts(row: Approval) -> list[dict[str, Any]]:
    """Return what a page that asks about it says of it."""
    named = people(row.tenant_id, [row.requested_by_id])
    return [
        {"label": _("Asked for by"), "value": _name(named, row.requested_by_id)},
        {"label": _("Reason"), "value": row.reason},
    ]


def _step(row: Approval, step: ApprovalStep, named: _Named) -> dict[str, Any]:
    waits = row.status == ApprovalStatus.PENDING and step.n == row.step
    return {
        "n": step.n,
        "who": capfirst(who_decides(step, named)),
        "waits": waits,
        "decision": str(StepDecision(step.decision).label) if step.decision else "",
        "tone": {"GRANTED": "done", "REFUSED": "bad"}.get(step.decision, "wait" if waits else ""),
        "decided_by": _name(named, step.decided_by_id) if step.decided_by_id else "",
        "reason": step.reason,
        "at": step.at,
    }


def _people_in(found: Iterable[Approval]) -> Iterator[uuid.UUID | None]:
    for row in found:
        yield row.requested_by_id
        yield from map(uuid.UUID, row.asked_by)
        for step in row.ordered:
            yield step.decided_by_id
            yield from map(uuid.UUID, step.users)


def _name(named: _Named, actor_id: uuid.UUID) -> str:
    person = named.get(actor_id)
    return _("somebody") if person is None else str(person_words(person))
