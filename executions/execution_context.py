"""From a row to what the page of one execution says. Reads only; runs in the tenant's scope."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.acting import Authority, system_of
from compensation.sentences import title_of
from compensation.words import REVERSIBILITIES
from executions import capability_registry, selectors
from executions.lifecycle import ExecutionStatus
from executions.models import Execution
from executions.selectors import Shown
from ledger.selectors import entries_of
from verbs import catalogue
from verbs.catalogue import Offer
from verbs.subject import Description, Ref, describe, subject_of
from verbs.words import said
from web.entries import ledger_url
from web.timeline import timeline_of
from web.values import reader_of
from web.verb_pages import Refused, buttons, choice

OUTCOME = "outcome"
# What is known of an execution that nobody has a result of, by its status.
_LEDES = {
    ExecutionStatus.UNCERTAIN: gettext_lazy(
        "Nobody knows whether this happened. It is not tried again."
    ),
    ExecutionStatus.WAITING: gettext_lazy("Somebody outside owes the result."),
    ExecutionStatus.PENDING: gettext_lazy("It has not ended yet, and will be tried again."),
}


def detail(row: Execution, authority: Authority, refused: Refused | None) -> dict[str, Any]:
    """Return the context of `executions/detail.html`."""
    [shown] = selectors.show([row], authority)
    links = describe(row.tenant_id, _refs(row))
    case = links.get(("case", row.case_id)) if row.case_id else None
    offers = {each.action: each for each in shown.actions}
    title = title_of(row.binding or row.capability)
    return {
        "crumbs": [
            *([_crumb(_("Cases"), reverse("cases:list"))] if case is not None and case.url else []),
            *([_crumb(case.title, case.url)] if case is not None and case.url else []),
            _crumb(title, ""),
        ],
        "execution": _facts(shown, title),
        "reader": reader_of(
            row.tenant_id, authority.actor_id, row.input, row.output, row.before, row.after
        ),
        "lede": _lede(row),
        "case": None if case is None else _link(case),
        "undoes": _link(links[row.undoes_type, row.undoes_id]) if row.undoes_id else None,
        "question": _question(row, offers[OUTCOME], refused),
        "actions": buttons(
            subject_of(row.subject_type), row,
            [each for each in shown.actions if each.action != OUTCOME],
        ),
        "history": timeline_of(entries_of(row.tenant_id, row.subject_type, row.id)),
        "ledger_url": ledger_url(row.subject_type, row.id),
    }  # fmt: skip


def _lede(row: Execution) -> str:
    tried = row.status != ExecutionStatus.PENDING or row.attempts > 0
    return str(_LEDES.get(ExecutionStatus(row.status), "")) if tried else ""


def _facts(shown: Shown, title: str) -> dict[str, Any]:
    """Return `execution` of the template."""
    row = shown.execution
    found = capability_registry.get(row.capability)
    at_most = None if found is None else found.retry.max_attempts
    return {
        "id": row.id,
        "title": title,
        "status": str(row.status),
        "compensation_state": row.compensation_state,
        "version": row.version,
        "capability": row.capability,
        "description": "" if found is None else found.description,
        "input": row.input,
        "input_schema": None if found is None else found.input_schema,
        "output": row.output,
        "output_schema": None if found is None else found.output_schema,
        "before": row.before,
        "after": row.after,
        "error": row.error,
        "mode": row.mode,
        "reason": row.reason,
        "key": row.idempotency_key,
        "attempts": row.attempts,
        "max_attempts": at_most,
        "requested_by": _("the case")
        if row.requested_by_id == system_of(row.tenant_id).actor_id
        else shown.name(row.requested_by_id),
        "performer": shown.name(row.performer_id),
        "created_at": row.created_at,
        "started_at": row.started_at,
        "ended_at": row.ended_at,
        "reversibility_label": said(REVERSIBILITIES, row.reversibility)
        if row.reversibility in REVERSIBILITIES and row.undoes_id is None
        else "",
    }


def _question(row: Execution, offer: Offer, refused: Refused | None) -> dict[str, Any] | None:
    """Return the question whether it happened, while that is asked; to others why they may not."""
    if offer.wrong_state or offer.reason == "wrong_state":
        return None
    verb = catalogue.find(row.subject_type, OUTCOME)
    return choice(verb, [row.id], offer, refused)


def _refs(row: Execution) -> list[Ref]:
    refs: list[Ref] = []
    if row.case_id is not None:
        refs.append(("case", row.case_id))
    if row.undoes_id is not None:
        refs.append((row.undoes_type, row.undoes_id))
    return refs


def _link(found: Description) -> dict[str, str]:
    return {"label": found.title, "url": found.url}


def _crumb(label: str, url: str) -> dict[str, str]:
    return {"label": label, "url": url}
