"""The panel that shows how the undo of a work item stands, and what can be decided about it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compensation.attempt_reasons import Begun, begun_in, why_again
from compensation.lifecycle import AttemptOutcome, CompensationState
from compensation.planning import UndoRequest
from compensation.sentences import humane, joined, quoted
from compensation.words import STRATEGIES, basis_words, outcome_label
from executions import selectors as execution_selectors
from ledger.selectors import Entry
from verbs.subject import Description, Ref, subject_of
from verbs.words import said
from web.labels import program_title
from web.templatetags.amends import state_label
from web.values import phrase
from web.verb_pages import buttons
from workitems import selectors
from workitems.models import WorkItem
from workitems.selectors import Shown

RUN = "compensation_run"
_TONES = {
    AttemptOutcome.OPEN: "undo",
    AttemptOutcome.DONE: "done",
    AttemptOutcome.FAILED: "bad",
    AttemptOutcome.WITHDRAWN: "wait",
    AttemptOutcome.ATTESTED: "done",
    AttemptOutcome.ABANDONED: "bad",
}


def compensation_panel(
    shown: Shown,
    entries: Sequence[Entry],
    undos: Mapping[uuid.UUID, Any],
    links: Mapping[Ref, Description],
) -> dict[str, Any] | None:
    """Return the context of `workitems/compensation_panel.html`; None if no undo was ever begun.

    `entries` of the item, newest first, say who gave it up, or vouched for it, and in which words.
    `undos` and `links` of its attempts were read for it: `undos_of`, `refs_of`; the people of the
    undo tasks with those of the item.
    """
    if not shown.attempts:
        return None
    item, last = shown.item, shown.attempts[-1]
    request = UndoRequest.from_json(last.request)
    run = links[RUN, last.run_id] if last.run_id else None
    begun = begun_in(entries)
    named = {
        id_: Shown(shown.people, (), (), row)
        for id_, row in undos.items()
        if isinstance(row, WorkItem)
    }
    undos = {**undos, **named}
    return {
        "state": item.compensation_state,
        "headline": _decided(shown, last, entries)
        or _headline(item, last, named.get(last.compensation_id)),
        "reason": request.reason,
        "basis": basis_words(list(request.regulatory_basis)),
        "requested_by": shown.name(last.requested_by_id),
        "requested_at": last.started_at,
        "mode_label": state_label(last.mode, "mode"),
        "strategy_label": said(STRATEGIES, last.strategy),
        "managed_by_run": {"label": run.title, "url": run.url} if run and run.url else None,
        "attempts": [
            {
                **_attempt(number, each, undos.get(each.compensation_id), links),
                "why": _why(each, begun, shown),
            }
            for number, each in enumerate(shown.attempts, start=1)
        ],
        "actions": buttons(subject_of(item.subject_type), item, shown.actions, of_undo=True),
    }


def _why(attempt: Any, begun: Begun, shown: Shown) -> str:
    why, who = why_again(attempt, begun)
    # Names are markup: what is put together of them stays so.
    return format_html("{} {}", why, shown.name(who)) if why else ""


def refs_of(attempts: Sequence[Any]) -> list[Ref]:
    """Return what the panel leads to: what undoes, and the rollback of the last attempt."""
    refs = [(each.compensation_type, each.compensation_id) for each in attempts]
    last = [(RUN, each.run_id) for each in attempts[-1:] if each.run_id]
    return [*refs, *last]


def undos_of(item: Any, attempts: Sequence[Any]) -> dict[uuid.UUID, Any]:
    """Return the undo tasks (with their candidates) and executions of all attempts, by id."""
    if not attempts:
        return {}
    ids = [each.compensation_id for each in attempts]
    rows = selectors.with_candidates(selectors.visible(item.tenant_id).filter(id__in=ids))
    tasks = {each.id: each for each in rows}
    programs = [id_ for id_ in ids if id_ not in tasks]
    return {**tasks, **(execution_selectors.by_id(item.tenant_id, programs) if programs else {})}


def _attempt(
    number: int, attempt: Any, undo: Any, links: Mapping[Ref, Description]
) -> dict[str, Any]:
    found = links[attempt.compensation_type, attempt.compensation_id]
    outcome = AttemptOutcome(attempt.outcome)
    label = str(outcome.label)
    if outcome == AttemptOutcome.FAILED and isinstance(undo, Shown) and undo.item.outcome:
        label = outcome_label(undo.item.outcome)
    return {
        "number": number,
        "mode_label": state_label(attempt.mode, "mode"),
        "performer": _performer(undo),
        "started_at": attempt.started_at,
        "ended_at": attempt.ended_at,
        "outcome_label": label,
        "tone": _TONES[outcome],
        "error": _error(attempt, undo),
        "link": {"label": found.title, "url": found.url} if found.url else None,
    }


def _error(attempt: Any, undo: Any) -> str:
    """Return why an attempt failed: in the words of who tried, whose outcome stands beside it."""
    if not isinstance(undo, Shown):
        # Who gave it up has read it; it stays on the page of the program's run.
        return "" if attempt.outcome == AttemptOutcome.ABANDONED else humane(attempt.error)
    note = undo.item.resolution.get("note") if isinstance(undo.item.resolution, dict) else None
    why = undo.item.ended_reason or note
    return quoted(str(why)) if why else ""


def _performer(undo: Any) -> str:
    if isinstance(undo, Shown):
        return _who(undo)
    return "" if undo is None else _("Program %(name)s") % {"name": program_title(undo.capability)}


def _who(undo: Shown) -> str:
    item: WorkItem = undo.item
    name = undo.name(item.completed_by_id) or undo.name(item.assignee_id)
    groups = joined(sorted(item.groups_asked))
    return name or groups or _("nobody yet")


def _headline(item: WorkItem, last: Any, undo: Shown | None) -> str:
    if item.compensation_state == CompensationState.COMPENSATING and undo is not None:
        return phrase(_("%(who)s was asked to undo this."), who=_who(undo))
    if last.outcome in _ENDINGS and item.compensation_state in _SETTLED:
        return str(_ENDINGS[last.outcome])
    return str(_STANDINGS[item.compensation_state])


def _decided(shown: Shown, last: Any, entries: Sequence[Entry]) -> str:
    """Return who settled the last attempt by a decision, and why; "" where nobody did."""
    action, member, text = _DECISIONS.get(last.outcome, ("", "", ""))
    item = shown.item
    for entry in entries:
        if (entry.subject_id, entry.action) == (item.id, action):
            who, why = shown.name(entry.actor_id), entry.payloads.get(member)
            return phrase(str(text), who=who, why=quoted(str(why))) if why and who else ""
    return ""


_DECISIONS: dict[str, tuple[str, str, Any]] = {
    AttemptOutcome.ABANDONED: (
        "compensation_abandoned",
        "reason",
        gettext_lazy("Given up by %(who)s: %(why)s. What was done stays as it is."),
    ),
    AttemptOutcome.ATTESTED: (
        "compensation_attested",
        "evidence",
        gettext_lazy("%(who)s vouched that it is undone: %(why)s"),
    ),
}
_SETTLED = (CompensationState.NONE, CompensationState.COMPENSATED)
_ENDINGS: dict[str, Any] = {
    AttemptOutcome.WITHDRAWN: gettext_lazy("The undo was withdrawn before it started."),
    AttemptOutcome.ABANDONED: gettext_lazy("The undo was given up. What was done stays as it is."),
    AttemptOutcome.ATTESTED: gettext_lazy("Somebody vouched, with evidence, that it is undone."),
}
_STANDINGS: dict[str, Any] = {
    CompensationState.COMPENSATING: gettext_lazy("A program is undoing this."),
    CompensationState.COMPENSATED: gettext_lazy(
        "It has been undone. What was decided stays on record as it was."
    ),
    CompensationState.COMPENSATION_FAULTED: gettext_lazy(
        "The last attempt did not undo it. Somebody has to decide."
    ),
    CompensationState.NONE: gettext_lazy("What was done stays as it is."),
}
