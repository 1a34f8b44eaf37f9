"""From rows to what the templates of one work item show. Reads only; runs in the tenant's scope."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from accounts.acting import Authority
from compensation.sentences import few_or_more, sentence
from compensation.words import (
    OUTCOME_HINTS,
    REVERSIBILITIES,
    STRATEGIES,
    basis_words,
    outcome_label,
)
from json_values.comparison import same
from ledger.clock import now
from ledger.selectors import entries_of
from verbs.subject import Description, describe, subject_of
from verbs.words import said
from web.counts import COUNTED, shown_count
from web.entries import ledger_url
from web.templatetags.amends import label_of
from web.timeline import timeline_of
from web.verb_pages import buttons
from workitems import selectors
from workitems.answer_form import AnswerForm
from workitems.lifecycle import OPEN, WORKING, Kind, OfferedTo, Priority, Status
from workitems.models import WorkItem
from workitems.permissions import is_anybodys
from workitems.selectors import Shown
from workitems.subject import describe_item
from workitems.undo_context import compensation_panel

RUN, CASE = "compensation_run", "case"


def detail(
    item: WorkItem, authority: Authority, *, form: AnswerForm | None = None, conflict: str = ""
) -> dict[str, Any]:
    """Return the context of `workitems/detail.html`."""
    [shown] = selectors.show([item], authority)
    links = describe(item.tenant_id, _subjects(item))
    answer = _answer(item, authority, form)
    actions = _buttons(shown)
    for action in actions:
        # One primary button on a page: the answer's.
        if answer is not None and action["tone"] == "primary":
            action["tone"] = ""
    return {
        "crumbs": [*crumbs(item)[:-1], {"label": item.title, "url": ""}],
        "item": facts(shown),
        "lede": lede(shown, authority),
        "run": _link(links, RUN, item.run_id),
        "case": _link(links, CASE, item.case_id),
        "undo": _undo(shown, authority, links),
        "answer": answer,
        "actions": actions,
        "compensation": compensation_panel(shown),
        "conflict": conflict,
        "history": timeline_of(
            _history(item),
            described={
                **links,
                (item.subject_type, item.id): describe_item(
                    item.id, item.title, str(item.status), item.kind
                ),
            },
            named=shown.people,
        ),
        "chain_url": reverse("workitems:causal-chain", args=[item.id]),
        "ledger_url": ledger_url(item.subject_type, item.id),
    }


def _buttons(shown: Shown) -> list[dict[str, Any]]:
    """Return what can be done, the primary button first.

    That an undo task cannot itself be undone is worth saying once it is finished.
    """
    item = shown.item
    offers = [
        each for each in shown.actions if each.action != "compensate" or item.status not in OPEN
    ]
    found = buttons(subject_of(item.subject_type), item, offers)
    return sorted(found, key=lambda each: each["tone"] != "primary")


def crumbs(item: WorkItem) -> list[dict[str, str]]:
    """Return the way from the inbox to an item."""
    return [
        {"label": _("Inbox"), "url": reverse("workitems:inbox")},
        {"label": item.title, "url": reverse("workitems:detail", args=[item.id])},
    ]


def facts(shown: Shown) -> dict[str, Any]:
    """Return `item` of the template."""
    item = shown.item
    payload = dict(item.payload)
    description = payload.pop("description", "") if item.kind != Kind.COMPENSATION else ""
    if not isinstance(description, str):
        payload, description = dict(item.payload), ""
    return {
        "id": item.id,
        "title": item.title,
        "status": str(item.status),
        "kind": item.kind,
        "compensation_state": item.compensation_state,
        "version": item.version,
        "priority_label": priority_words(item),
        "description": description,
        "payload": payload,
        "assignee": shown.username(item.assignee_id) or "",
        "candidates": candidates(shown, groups_only=item.assignee_id is not None),
        "people_note": people_note(item) if item.status in OPEN else "",
        "created_at": item.created_at,
        "due_at": item.due_at if item.status in OPEN else None,
        "overdue": is_overdue(item),
        "completed_at": item.completed_at,
        "completed_by": shown.username(item.completed_by_id) or "",
        "outcome": item.outcome or (_("Done") if item.completed_at else ""),
        "outcome_label": outcome_label(item.outcome),
        "resolution": item.resolution,
        "reversibility_label": said(REVERSIBILITIES, item.reversibility)
        if item.reversibility in REVERSIBILITIES and item.kind != Kind.COMPENSATION
        else "",
        "tainted": item.tainted,
    }


def page_facts(item: WorkItem) -> list[dict[str, Any]]:
    """Return what a verb that is asked for is about, in a few lines."""
    [shown] = selectors.with_people([item])
    found = facts(shown)
    rows = [{"label": _("With"), "value": found["assignee"] or found["candidates"]}]
    if found["completed_at"]:
        rows = [
            {"label": _("Completed by"), "value": found["completed_by"]},
            {"label": _("Outcome"), "value": found["outcome_label"]},
        ]
    return [row for row in rows if row["value"]]


def candidates(shown: Shown, *, groups_only: bool = False) -> str:
    """Return who may take an item: groups, then people; empty when anybody, or an operator, may."""
    groups = [row.name for row in shown.item.candidate_groups.all()]
    if groups_only:
        return ", ".join(sorted(groups))
    users = [shown.username(row.actor_id) for row in shown.item.candidate_users.all()]
    return ", ".join([*sorted(groups), *sorted(name for name in users if name)])


_REPLACED = {
    "original_actor_not_available": gettext_lazy("Who did the work is not here any more."),
    "assignee_not_available": gettext_lazy("Whom it was given to is not here any more."),
    "no_member_in_candidate_groups": gettext_lazy("No group it was meant for has a member."),
}


def people_note(item: WorkItem) -> str:
    """Return who was to do it and is not here, and who may instead; empty when all is as meant."""
    parts = []
    if item.people_missing:
        names = ", ".join(item.people_missing)
        parts.append(_("Not an active member here: %(names)s.") % {"names": names})
    replaced = (item.compensation or {}).get("replaced_performer")
    if replaced in _REPLACED:
        parts.append(str(_REPLACED[replaced]))
    if item.offered_to == OfferedTo.OPERATORS:
        parts.append(_("It waits for the operators instead."))
    return " ".join(parts)


def is_overdue(item: WorkItem) -> bool:
    """Whether an open item is past its due time."""
    return item.due_at is not None and item.status in OPEN and item.due_at < now()


def priority_words(item: WorkItem) -> str:
    """Return a priority that is worth saying; the middle one is not."""
    if item.priority == Priority.MEDIUM:
        return ""
    return _("%(level)s priority") % {"level": Priority(item.priority).label}


def lede(shown: Shown, authority: Authority) -> str:
    """Return where the item stands, as one sentence."""
    item, names = shown.item, candidates(shown)
    if item.status in WORKING:
        if item.assignee_id == authority.actor_id:
            return _("Assigned to you")
        return _("Assigned to %(name)s") % {"name": shown.username(item.assignee_id)}
    if item.status == Status.PENDING:
        waits = _("Waits for %(names)s") % {"names": names or _("an operator")}
        return waits if names or not is_anybodys(item) else _("Anybody may take it")
    if item.completed_by_id is not None:
        if item.completed_by_id == authority.actor_id:
            return _("Completed by you")
        return _("Completed by %(name)s") % {"name": shown.username(item.completed_by_id)}
    return item.ended_reason or str(Status(item.status).label)


def _subjects(item: WorkItem) -> list[tuple[str, uuid.UUID]]:
    wanted = [(RUN, item.run_id), (CASE, item.case_id), (item.undoes_type, item.undoes_id)]
    return [(kind, id_) for kind, id_ in wanted if id_ is not None]


def _link(
    links: dict[tuple[str, uuid.UUID], Description], kind: str, id_: uuid.UUID | None
) -> dict[str, Any] | None:
    if id_ is None:
        return None
    found = links[kind, id_]
    return {"label": found.title, "url": found.url} if found.url else None


def _undo(
    shown: Shown, authority: Authority, links: dict[tuple[str, uuid.UUID], Description]
) -> dict[str, Any] | None:
    """Return what an undo task is about: the original as it was, and what is asked now."""
    item = shown.item
    block = item.compensation
    if block is None or item.undoes_id is None:
        return None
    then = block["original_snapshot"]
    found = links[item.undoes_type, item.undoes_id]
    done_by = then.get("completed_by")
    at = then.get("completed_at")
    return {
        "original_title": found.title,
        "original_url": found.url,
        "completed_by": shown.username(done_by) or _("a program"),
        "by_you": done_by == str(authority.actor_id),
        "completed_at": dt.datetime.fromisoformat(at) if at else None,
        "reason": block["reason"],
        "basis": basis_words(block["regulatory_basis"]),
        "requested_by": shown.username(block["requested_by"]),
        "then": _then(then),
        "now": _now(item, block),
    }


def _then(snapshot: dict[str, Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    if snapshot.get("outcome"):
        rows.append({"label": _("Outcome"), "value": outcome_label(snapshot["outcome"])})
    for name, label in (
        ("resolution", _("Result")),
        ("output", _("Result")),
        ("payload", _("About")),
        ("input", _("About")),
    ):
        rows += _lines(label, snapshot.get(name))
    return rows or [{"label": _("Outcome"), "value": None}]


def _lines(label: str, value: Any) -> list[dict[str, Any]]:
    """Return one line for each member of an object, else one for the value; none for nothing."""
    if isinstance(value, dict):
        return [{"label": label_of(key), "value": inner} for key, inner in value.items()]
    return [] if value in (None, "", []) else [{"label": label, "value": value}]


def _now(item: WorkItem, block: dict[str, Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [
        {"label": _("Asked"), "value": said(STRATEGIES, block["strategy"])},
    ]
    if item.outcome:
        rows.append({"label": _("Outcome"), "value": outcome_label(item.outcome)})
    if block["attempt"] > 1:
        rows.append({"label": _("Attempt"), "value": block["attempt"]})
    if item.payload and not same(item.payload, block["original_snapshot"].get("payload")):
        rows += _lines(_("About"), item.payload)
    return rows


def _answer(item: WorkItem, authority: Authority, form: AnswerForm | None) -> dict[str, Any] | None:
    """Return the form for whoever is to answer it now; answering begins it where need be."""
    theirs = item.status in WORKING and item.assignee_id == authority.actor_id
    if form is None and not theirs:
        return None
    return {
        "url": reverse("workitems:complete", args=[item.id]),
        "form": form or AnswerForm(item),
        "hints": OUTCOME_HINTS,
    }


def _history(item: WorkItem) -> list[Any]:
    """Return the entries of an item; of an undo task also those of what it reverses."""
    found = entries_of(item.tenant_id, item.subject_type, item.id)
    if item.undoes_id is not None:
        found = [*entries_of(item.tenant_id, item.undoes_type, item.undoes_id), *found]
    return found


_WAITING = ngettext_lazy(
    "%(shown)s thing waits for you or your groups.",
    "%(shown)s things wait for you or your groups.",
    "n",
)
_DECISIONS = ngettext_lazy("%(shown)s needs your decision", "%(shown)s need your decision", "n")
_REVERSALS = ngettext_lazy(
    "%(shown)s reverses finished work", "%(shown)s reverse finished work", "n"
)
_LATE = ngettext_lazy("%(shown)s is overdue", "%(shown)s are overdue", "n")


def waiting_sentence(work: int, decisions: int, undo: int, late: int) -> str:
    """Return how much waits, in one sentence or two: "9 things wait for you or your groups. Three
    need your decision; two are overdue." Each number is at most `COUNTED`."""
    waiting = min(work + decisions, COUNTED)
    if waiting == 0:
        return ""
    first = str(_WAITING % {"n": waiting, "shown": shown_count(waiting)})
    parts = [
        str(words % {"n": n, "shown": few_or_more(n)})
        for words, n in ((_DECISIONS, decisions), (_REVERSALS, undo), (_LATE, late))
        if n
    ]
    return f"{first} {sentence('; '.join(parts))}." if parts else first
