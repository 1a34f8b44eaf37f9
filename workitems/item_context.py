"""From rows to what the templates of one work item show. Reads only; runs in the tenant's scope."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable
from typing import Any

from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from accounts.acting import Authority
from compensation.actions.approval_needed import needs_agreement
from compensation.words import (
    OUTCOME_HINTS,
    OUTCOME_QUESTIONS,
    REVERSIBILITIES,
    basis_words,
)
from governance.approval_context import approvals_about
from ledger.clock import now
from verbs.subject import Description, describe, subject_of
from verbs.words import said
from web.entries import ledger_url
from web.kept_text import kept_texts
from web.labels import label_of
from web.timeline import folded
from web.values import NOBODY, Reader, phrase, reader_of
from web.verb_pages import Refused, buttons
from workitems import selectors
from workitems.answer_form import AnswerForm
from workitems.around.around_context import sections
from workitems.around.around_reading import Around
from workitems.around.progress_form import ProgressForm, progress
from workitems.item_history import history, lines_of
from workitems.item_limits import (
    deadlines_ahead,
    looking_on,
    people_agreeing,
    people_note,
    shut_out,
    who_agrees,
)
from workitems.item_sources import shown_payload, sources_of
from workitems.lifecycle import (
    FOR_ASSIGNEE,
    OPEN,
    WORKING,
    Kind,
    Priority,
    Status,
)
from workitems.models import WorkItem
from workitems.outcome_standing import standings
from workitems.permissions import as_assignee, is_anybodys
from workitems.selectors import Shown
from workitems.then_and_now import Declared, after_each_outcome, declared, now_rows, then_rows
from workitems.undo_context import RUN, compensation_panel, refs_of, undos_of
from workitems.undo_trail import trail
from workitems.words import DELEGATION_ANSWERS, REVIEW_HINTS, on_hold, said_outcome

CASE = "case"


def detail(
    item: WorkItem,
    near: Around,
    authority: Authority,
    *,
    form: AnswerForm | None = None,
    conflict: str = "",
    again: bool = False,
    refused: Refused | None = None,
    told: ProgressForm | None = None,
) -> dict[str, Any]:
    """Return the context of `workitems/detail.html`; `again`: with an empty answer, and what was
    typed beside it; `told`: how far it is, as it could not be taken."""
    facts_of = subject_of(item.subject_type).facts([item])
    attempts = facts_of[item.id].attempts
    entries, undos = history(item), undos_of(item, attempts)
    # Everybody whom the page names is read at once, and so is everything that it links.
    beside = [each for each in undos.values() if isinstance(each, WorkItem)]
    actors = selectors.actors_of([item, *beside], {item.id: attempts}) | near.authors()
    links = describe(item.tenant_id, [*_subjects(item), *refs_of(attempts), *near.related(item.id)])
    known = declared(item, links)
    acted = {actor for entry in entries for actor in entry.people}
    reader = _reader(item, known, authority, actors | acted | authority.absent_ids)
    [shown] = selectors.show([item], authority, facts=facts_of, named=reader.actors)
    kept = []
    if form is None and near.draft and answers(item, authority):
        form = AnswerForm(item, rows=near.draft)
    if form is not None and (again or not answers(item, authority)):
        # Nobody can send it any more; what was typed is there to be copied.
        kept, form = kept_texts(form), None
    said_progress = progress(item, near, authority, told)
    if told is not None and said_progress["form"] is None:
        kept += kept_texts(told)
    answer = _answer(item, authority, form)
    actions = _buttons(shown, answered=answer is not None)
    return {
        "crumbs": [*crumbs(item)[:-1], {"label": item.title, "url": ""}],
        "item": {**facts(shown, authority.actor_id, reader), "payload_schema": known.payload},
        "agreeing": who_agrees(item, reader),
        "reader": reader,
        "lede": lede(shown, authority),
        "stands_in": stands_in(shown),
        "run": _link(links, RUN, item.run_id),
        "trail": trail(item, with_me=as_assignee(item, authority) is not None),
        "case": _link(links, CASE, item.case_id),
        "undo": _undo(shown, authority, links, known),
        "answer": answer,
        "actions": actions,
        "can_act": any(each["allowed"] for each in actions),
        "compensation": compensation_panel(shown, entries, undos, links),
        "approvals": _approvals(item),
        "conflict": conflict,
        "kept": kept,
        "progress": said_progress,
        "around": sections(near, shown, authority, links=links, refused=refused),
        "history": folded(lines_of(shown, entries, links)),
        "sources": [link for kind, id_ in sources_of(item) if (link := _link(links, kind, id_))],
        "chain_url": reverse("workitems:causal-chain", args=[item.id]),
        "ledger_url": ledger_url(item.subject_type, item.id),
    }


def _approvals(item: WorkItem) -> list[dict[str, Any]]:
    """Return the approvals of its undo; nothing is read where that never needs one."""
    if not needs_agreement(item):
        return []
    return approvals_about(item.tenant_id, item.subject_type, item.id, item.title)


def _buttons(shown: Shown, *, answered: bool) -> list[dict[str, Any]]:
    """Return what can be done, the primary button first.

    That an undo task cannot itself be undone is worth saying once it is finished.
    """
    item = shown.item
    offers = [
        each for each in shown.actions if each.action != "compensate" or item.status not in OPEN
    ]
    found = buttons(subject_of(item.subject_type), item, offers)
    found.sort(key=lambda each: _PLACES.get(each["tone"], 1))
    for each in found if answered else ():
        # One primary button on a page: the answer's.
        each["tone"] = "" if each["tone"] == "primary" else each["tone"]
    return found


#: What is for good stands last, what comes next stands first.
_PLACES = {"primary": 0, "danger": 2}


def crumbs(item: WorkItem) -> list[dict[str, str]]:
    """Return the way from the inbox to an item."""
    return [
        {"label": _("Inbox"), "url": reverse("workitems:inbox")},
        {"label": item.title, "url": reverse("workitems:detail", args=[item.id])},
    ]


def _reader(
    item: WorkItem, known: Declared, authority: Authority, actors: Iterable[uuid.UUID | None]
) -> Reader:
    """Return who reads the page, with `actors` and the people whom the item's values name."""
    own = [(item.payload, known.payload), (item.resolution, item.resolution_schema)]
    return reader_of(
        item.tenant_id,
        authority.actor_id,
        known.snapshot,
        {"user": [*people_agreeing(item), *item.people_missing]},
        actors=actors,
        under=[*own, *known.under],
    )


def facts(shown: Shown, me: uuid.UUID | None = None, reader: Reader = NOBODY) -> dict[str, Any]:
    """Return `item` of the template, for the actor who reads it."""
    item = shown.item
    payload = shown_payload(item)
    description = payload.pop("description", "") if item.kind != Kind.COMPENSATION else ""
    if not isinstance(description, str):
        payload, description = shown_payload(item), ""
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
        "assignee": shown.name(item.assignee_id, me),
        "candidates": candidates(shown, groups_only=item.assignee_id is not None),
        "people_note": people_note(item, reader) if item.status in OPEN else "",
        "created_at": item.created_at,
        "due_at": item.due_at if item.status in OPEN else None,
        "overdue": is_overdue(item),
        "completed_at": item.completed_at,
        "completed_by": _finisher(shown, me),
        "outcome": item.outcome or (_("Done") if item.completed_at else ""),
        "outcome_label": said_outcome(item, item.outcome),
        "outcome_reason": item.ended_reason if item.completed_at else "",
        "resolution": item.resolution,
        "resolution_schema": item.resolution_schema,
        "reversibility_label": said(REVERSIBILITIES, item.reversibility)
        if item.reversibility in REVERSIBILITIES and item.kind != Kind.COMPENSATION
        else "",
        "listens": ", ".join(each["type"] for each in item.compensate_on),
        "tainted": item.tainted,
        "deadlines": deadlines_ahead(item),
        "owner": shown.name(item.owner_id, me),
        "looking_on": looking_on(shown, me),
        "shut_out": shut_out(shown, me),
        "skills": ", ".join(label_of(each) for each in item.required_skills),
        "handed_on": [_handed_on(shown, each, me) for each in item.delegations],
    }


def _finisher(shown: Shown, me: uuid.UUID | None, *, inside: bool = False) -> SafeString:
    """Return who completed it, and for whom where they stood in for somebody."""
    item, who = shown.item, shown.name(shown.item.completed_by_id, me, inside=inside)
    if not who or item.assignee_id in {None, item.completed_by_id}:
        return who
    return phrase(
        _("%(who)s for %(absent)s"), who=who, absent=shown.name(item.assignee_id, me, inside=True)
    )


def _handed_on(shown: Shown, each: dict[str, str], me: uuid.UUID | None) -> SafeString:
    """Return who handed it to whom, and what became of that."""
    people_ = {name: shown.name(each[name] or None, me, inside=True) for name in ("from", "to")}
    return phrase(
        _("from %(giver)s to %(taker)s: %(answer)s"), giver=people_["from"], taker=people_["to"],
        answer=str(DELEGATION_ANSWERS[each["answer"]]),
    )  # fmt: skip


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


def candidates(shown: Shown, *, groups_only: bool = False) -> SafeString:
    """Return who may take an item: groups, then people; empty when anybody, or an operator, may."""
    groups = [label_of(name) for name in shown.item.groups_asked]
    users = () if groups_only else shown.item.people_asked
    names = [shown.name(actor) for actor in users]
    listed = [*sorted(groups), *sorted(name for name in names if name)]
    return format_html_join(", ", "{}", ((each,) for each in listed))


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

    def name(actor_id: uuid.UUID | None) -> SafeString:
        return shown.name(actor_id, authority.actor_id, inside=True)

    if item.status in FOR_ASSIGNEE:
        taken = item.status in WORKING
        stands = _("Assigned to %(name)s") if taken else _("Handed to %(name)s; no answer yet")
        return phrase(stands, name=name(item.assignee_id))
    if item.status == Status.PENDING:
        waits = phrase(_("Waits for %(names)s"), names=names or _("an operator"))
        return waits if names or not is_anybodys(item) else _("Anybody may take it")
    if item.status == Status.SUSPENDED:
        return on_hold(item.held_until)
    if item.completed_by_id is not None:
        who = _finisher(shown, authority.actor_id, inside=True)
        return phrase(_("Completed by %(name)s"), name=who)
    return item.ended_reason or str(Status(item.status).label)


def _subjects(item: WorkItem) -> list[tuple[str, uuid.UUID]]:
    wanted = [(RUN, item.run_id), (CASE, item.case_id), (item.undoes_type, item.undoes_id)]
    return [*((kind, id_) for kind, id_ in wanted if id_ is not None), *sources_of(item)]


def _link(
    links: dict[tuple[str, uuid.UUID], Description], kind: str, id_: uuid.UUID | None
) -> dict[str, Any] | None:
    if id_ is None:
        return None
    found = links[kind, id_]
    return {"label": found.title, "url": found.url} if found.url else None


def _undo(
    shown: Shown,
    authority: Authority,
    links: dict[tuple[str, uuid.UUID], Description],
    known: Declared,
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
        "completed_by": shown.name(done_by) or _("a program"),
        "by_you": done_by == str(authority.actor_id),
        "completed_at": dt.datetime.fromisoformat(at) if at else None,
        "reason": block["reason"],
        "basis": basis_words(block["regulatory_basis"]),
        "requested_by": shown.name(block["requested_by"], authority.actor_id, inside=True),
        "then": then_rows(known),
        "now": now_rows(item, block, known.payload),
        "after": after_each_outcome(found.title) if item.status in OPEN else None,
    }


def answers(item: WorkItem, authority: Authority) -> bool:
    """Whether somebody is to answer an item now, for themselves or for another."""
    return item.status in WORKING and as_assignee(item, authority) is not None


def stands_in(shown: Shown) -> str:
    """Return in whose place its reader may act on an item, as a sentence; "" for themselves."""
    absent = dict.fromkeys(each.absent_id for each in shown.actions if each.absent_id)
    names = format_html_join(", ", "{}", ((shown.name(actor),) for actor in absent))
    said = _("You stand in for %(names)s: what you do here is recorded with both your names.")
    return phrase(said, names=names) if absent else ""


def _answer(item: WorkItem, authority: Authority, form: AnswerForm | None) -> dict[str, Any] | None:
    """Return the form for whoever is to answer it now; answering begins it where need be."""
    if form is None and not answers(item, authority):
        return None
    form, standing = form or AnswerForm(item), standings(item)
    form.shut({name for name, each in standing.items() if each.allowed is False})
    return {
        "url": reverse("workitems:complete", args=[item.id]),
        "draft_url": reverse("workitems:draft", args=[item.id])
        if item.assignee_id == authority.actor_id
        else "",
        "form": form,
        "conditions": standing,
        "hints": REVIEW_HINTS if item.kind == Kind.REVIEW else OUTCOME_HINTS,
        "questions": {} if item.kind == Kind.REVIEW else OUTCOME_QUESTIONS,
    }
