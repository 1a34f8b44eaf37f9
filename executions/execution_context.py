"""From a row to what the page of one execution says. Reads only; runs in the tenant's scope."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.acting import Authority, system_of
from accounts.selectors import people_of
from compensation.lifecycle import CompensationState
from compensation.sentences import shown_in, title_of
from compensation.words import REVERSIBILITIES
from executions import capability_registry, selectors
from executions.actions.execution_approvals import STALE
from executions.attempts_shown import AttemptShown
from executions.lifecycle import ExecutionStatus
from executions.models import Execution
from executions.selectors import Shown
from executions.subject import NAMED, declared
from governance.subject import call
from ledger.selectors import entries_of
from verbs import catalogue
from verbs.catalogue import Offer
from verbs.subject import Description, Ref, describe, subject_of
from verbs.words import choice_words, said
from web.entries import ledger_url
from web.labels import program_title
from web.timeline import folded, timeline_of
from web.values import reader_of
from web.verb_pages import Refused, any_open, buttons, choice

OUTCOME = "outcome"
_VALUES = ("input", "output", "before", "after")
# Somebody owes something.
_OWED = frozenset({ExecutionStatus.WAITING, ExecutionStatus.UNCERTAIN})
_NOT_RUN = frozenset(
    {ExecutionStatus.REJECTED, ExecutionStatus.EXPIRED, ExecutionStatus.SUPERSEDED}
)
# What is known of an execution that nobody has a result of, by its status.
_LEDES = {
    ExecutionStatus.UNCERTAIN: gettext_lazy(
        "Nobody knows whether this happened. It is not tried again."
    ),
    ExecutionStatus.WAITING: gettext_lazy("Somebody outside owes the result."),
    ExecutionStatus.PENDING_APPROVAL: gettext_lazy("Others have to agree before it is run."),
    ExecutionStatus.REJECTED: gettext_lazy("It was refused. Nothing was done."),
    ExecutionStatus.EXPIRED: gettext_lazy("Nobody agreed in time. Nothing was done."),
    ExecutionStatus.SUPERSEDED: gettext_lazy("It was out of date. Nothing was done."),
    ExecutionStatus.PENDING: gettext_lazy("It has not ended yet, and will be tried again."),
}


def listed(rows: Sequence[Execution]) -> list[dict[str, Any]]:
    """Return `rows` of `executions/list.html`: two queries, however many they are."""
    if not rows:
        return []
    tenant_id = rows[0].tenant_id
    cases = describe(tenant_id, {ref for row in rows if (ref := _belongs_to(row)) is not None})
    named = people_of(rows, (row.performer_id for row in rows))
    found = []
    for row in rows:
        page = NAMED.of(row)
        # What undoes something else has an ordinary status of its own.
        undone = row.undoes_id is None and row.compensation_state != CompensationState.NONE
        ref = _belongs_to(row)
        case = None if ref is None else cases.get(ref)
        found.append(
            {
                "id": row.id,
                "title": page.title,
                "url": page.url,
                "case": None if case is None else _link(case),
                "undoes": row.undoes_id is not None,
                "status": str(row.compensation_state if undone else row.status),
                "kind": "compensation" if undone else "execution",
                "performer": shown_in(named, row.performer_id),
                "at": row.ended_at or row.started_at or row.created_at,
            }
        )
    return found


def detail(row: Execution, authority: Authority, refused: Refused | None) -> dict[str, Any]:
    """Return the context of `executions/detail.html`."""
    [shown] = selectors.show([row], authority)
    entries = entries_of(row.tenant_id, row.subject_type, row.id)
    links = describe(row.tenant_id, _refs(row, shown))
    links[row.subject_type, row.id] = NAMED.of(row)
    ref = _belongs_to(row)
    case = None if ref is None else links.get(ref)
    offers = {each.action: each for each in shown.actions}
    title = title_of(row.binding) if row.binding else program_title(row.capability)
    question = _question(row, offers[OUTCOME], refused)
    return {
        "crumbs": [
            *_way(case),
            _crumb(title, ""),
        ],
        "execution": _facts(shown, title),
        "reader": reader_of(
            row.tenant_id, authority.actor_id, under=_values(row)
        ),
        "lede": _lede(row),
        "case": None if case is None else _link(case),
        "undoes": _link(links[row.undoes_type, row.undoes_id]) if row.undoes_id else None,
        "question": question,
        "kept": [] if refused is None else refused.kept(offered=any_open([question])),
        "actions": buttons(
            subject_of(row.subject_type), row,
            [each for each in shown.actions if each.action != OUTCOME],
        ),
        "attempts": AttemptShown.told(entries),
        "around": _around(shown, links),
        "decided": _decided(shown, title),
        "history": folded(
            timeline_of(
                entries, described=links, named=shown.people,
                itself={(row.subject_type, row.id): _("this step")},
            )
        ),
        "ledger_url": ledger_url(row.subject_type, row.id),
    }  # fmt: skip


def _belongs_to(row: Execution) -> Ref | None:
    """Return the case or batch that it is a piece of."""
    if row.batch_id is not None:
        return ("batch", row.batch_id)
    return None if row.case_id is None else ("case", row.case_id)


def _values(row: Execution) -> list[tuple[Any, Any]]:
    """Return what it was given and what came of it, each with its schema."""
    schemas = declared(row)
    return [(getattr(row, name), schemas.get(name)) for name in _VALUES]


def _way(case: Description | None) -> list[dict[str, str]]:
    """Return the crumbs to it: through its case, else through the list."""
    if case is not None and case.url:
        within = [_crumb(case.title, case.url)]
        if case.url.startswith(reverse("executions:batches")):
            return [_crumb(_("Batches"), reverse("executions:batches")), *within]
        return [_crumb(_("Cases"), reverse("cases:list")), *within]
    return [_crumb(_("Automatic steps"), reverse("executions:list"))]


def crumbs(row: Execution) -> list[dict[str, str]]:
    """Return the way from the list to one, for pages that ask about it."""
    title = title_of(row.binding) if row.binding else program_title(row.capability)
    return [*_way(None), _crumb(title, reverse("executions:detail", args=[row.id]))]


def _around(shown: Shown, links: Mapping[Ref, Description]) -> dict[str, Any]:
    """Return `around` of the template: who is asked now, and what undid or undoes it."""
    row = shown.execution
    return {
        "asked": _asked(shown),
        "undos": [
            _link(links[each.compensation_type, each.compensation_id])
            | {"words": str(each.get_outcome_display())}
            for each in shown.attempts
        ],
        "waits_since": row.created_at if row.status in _OWED else None,
    }


def _decided(shown: Shown, title: str) -> dict[str, Any]:
    """Return `decided` of the template: what policies said of it, and who was asked to agree."""
    return {
        "why": shown.execution.error if shown.execution.status in _NOT_RUN else "",
        "decisions": [
            {
                "policy": _("The state has changed") if each["policy"] == STALE else each["policy"],
                "effect": choice_words("effect", each["effect"]),
                "reason": each.get("detail") or each["reason"],
            }
            for each in shown.execution.decisions
        ],
        "approvals": [
            {
                "label": call(each, title).title,
                "url": reverse("governance:approval", args=[each.id]),
                "status": str(each.status),
            }
            for each in shown.approvals
        ],
    }


def _asked(shown: Shown) -> str:
    """Return who has to do something now."""
    row = shown.execution
    if row.status == ExecutionStatus.UNCERTAIN:
        return _("an operator, who finds out whether it happened")
    if row.status != ExecutionStatus.WAITING:
        return ""
    performer = shown.people.get(row.performer_id) if row.performer_id else None
    return performer.name if performer else _("somebody outside, who owes the result")


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
        "image_schema": None if found is None else found.images,
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


def _refs(row: Execution, shown: Shown) -> list[Ref]:
    refs: list[Ref] = [(each.compensation_type, each.compensation_id) for each in shown.attempts]
    whole = _belongs_to(row)
    if whole is not None:
        refs.append(whole)
    if row.undoes_id is not None:
        refs.append((row.undoes_type, row.undoes_id))
    return refs


def _link(found: Description) -> dict[str, str]:
    return {"label": found.title, "url": found.url}


def _crumb(label: str, url: str) -> dict[str, str]:
    return {"label": label, "url": url}
