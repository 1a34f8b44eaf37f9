"""From rows to what the pages of batches say. Reads only; runs in the tenant's scope."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.selectors import people_of
from compensation.lifecycle import CompensationState
from compensation.models import CompensationRun
from compensation.news import cut, is_quiet, newest, told
from compensation.run_context import run_description
from compensation.selectors import runs_in
from compensation.sentences import few, humane, name_in, sentence, shown_in
from executions.batch_selectors import call_rows
from executions.batch_subject import NAMED as BATCHES
from executions.batch_subject import crumbs_of
from executions.lifecycle import DONE, BatchStatus
from executions.models import Batch, Execution
from executions.subject import NAMED as EXECUTIONS
from ledger.selectors import Entry, entries_of_case
from verbs.subject import Description, Ref
from web.entries import ledger_url
from web.templatetags.amends import state_label
from web.timeline import folded

BATCH = Batch.subject_type
NEWEST_LINES, OLDER_RUNS = 5, 10


def listed(rows: Sequence[Batch]) -> list[dict[str, Any]]:
    """Return `rows` of `executions/batches.html`: one query, however many they are."""
    named = people_of(rows, (row.requested_by_id for row in rows))
    return [
        {
            "id": row.id,
            "title": BATCHES.of(row).title,
            "url": BATCHES.of(row).url,
            "reason": row.reason,
            "status": str(row.status),
            "who": name_in(named, row.requested_by_id),
            "at": row.ended_at or row.created_at,
        }
        for row in rows
    ]


def filters(status: str) -> dict[str, Any]:
    labels = {"": _("Any")} | {value: state_label(value, BATCH) for value in BatchStatus.values}
    options = [
        {"value": value, "label": label, "selected": value == status}
        for value, label in labels.items()
    ]
    return {
        "action": reverse("executions:batches"),
        "fields": [{"name": "status", "label": _("State"), "type": "select", "options": options}],
        "hidden": [],
    }


def detail(batch: Batch) -> dict[str, Any]:
    """Return the context of `executions/batch.html` but its buttons: a constant number of queries,
    however many calls it has."""
    calls, runs = call_rows(batch), runs_in(batch.tenant_id, batch.id)
    entries = newest(
        each for each in entries_of_case(batch.tenant_id, batch.id) if not is_quiet(each)
    )
    described = _described(batch, calls, runs)
    timeline = _timeline(entries, described)
    named = people_of([batch], [batch.requested_by_id])
    return {
        "crumbs": [*crumbs_of(batch)[:-1], {"label": str(batch), "url": ""}],
        "batch": {
            "id": batch.id,
            "title": str(batch),
            "status": str(batch.status),
            "version": batch.version,
            "on_failure": batch.get_on_failure_display(),
            "reason": batch.reason,
            "requested_by": shown_in(named, batch.requested_by_id),
            "created_at": batch.created_at,
            "failed_at": batch.failed_at,
            "stopped_since": batch.stopped_since,
            "stopped_error": humane(batch.stopped_error),
        },
        "summary": _summary(batch, calls),
        "calls": [_call(row) for row in calls],
        "runs": [
            {
                "label": run.reason,
                "url": reverse("compensation:run", args=[run.id]),
                "status": run.status,
                "at": run.started_at,
            }
            for run in runs[:OLDER_RUNS]
        ],
        "ledger_url": ledger_url(BATCH, batch.id),
        "cut": cut(entries),
        **folded(timeline, NEWEST_LINES),
    }


def _summary(batch: Batch, calls: list[Execution]) -> str:
    """Return how far it is, as a sentence."""
    done = sum(row.status in DONE for row in calls)
    undone = sum(row.compensation_state == CompensationState.COMPENSATED for row in calls)
    said = ngettext("%(n)s of %(of)s call done", "%(n)s of %(of)s calls done", batch.size)
    parts = [said % {"n": few(done), "of": few(batch.size)}]
    if undone:
        parts.append(_("%(n)s of them undone") % {"n": few(undone)})
    if batch.failed_call is not None:
        parts.append(_("call %(n)d failed") % {"n": batch.failed_call + 1})
    return sentence(", ".join(parts)) + "."


def _call(row: Execution) -> dict[str, Any]:
    page = EXECUTIONS.of(row)
    undone = row.compensation_state != CompensationState.NONE
    return {
        "id": row.id,
        "title": page.title,
        "url": page.url,
        "status": str(row.compensation_state if undone else row.status),
        "kind": "compensation" if undone else "execution",
        "error": row.error,
        "at": row.ended_at or row.started_at,
    }


def _described(
    batch: Batch, calls: Iterable[Execution], runs: Iterable[CompensationRun]
) -> dict[Ref, Description]:
    found = {(row.subject_type, row.id): EXECUTIONS.of(row) for row in calls}
    found[BATCH, batch.id] = BATCHES.of(batch)
    for run in runs:
        about = found.get((run.about_type, run.about_id))
        what = about.title if about else str(batch)
        found["compensation_run", run.id] = run_description(run.id, str(run.status), what)
    return found


def _timeline(entries: list[Entry], described: Mapping[Ref, Description]) -> list[dict[str, Any]]:
    """Return its entries as a person would tell them on its own page: without its name. What undoes
    a call tells what the call's own entries tell."""
    names = {BATCH: _("this batch"), "compensation_run": _("the rollback")}
    itself = {ref: names[ref[0]] for ref in described if ref[0] in names}
    own = [each for each in entries if (each.subject_type, each.subject_id) in described]
    return told(own, described=described, itself=itself)
