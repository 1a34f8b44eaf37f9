"""What the app registers at start: runs, plans and steps as kinds of things, and who hears news."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from operator import attrgetter
from typing import Any

from django.utils.translation import gettext_lazy as _

from compensation import foreign_request_subject, foreign_request_words, watched, words
from compensation.actions import foreign_requests_carried, nested_news, run_stopping, undo_check
from compensation.actions.approved_undo import GOVERNED
from compensation.actions.following import handle
from compensation.actions.plan_execution import PLAN, find_plan
from compensation.actions.run_entries import run_envelope
from compensation.actions.run_verbs import RUN, locked_run
from compensation.actions.step_verbs import STEP, locked_step, step_facts
from compensation.actions.waiting_runs import GOVERNED as GOVERNED_RUNS
from compensation.actions.waiting_runs import requester, run_facts
from compensation.api import shapes
from compensation.events import ENGINE_LANE, NESTED_RUNS, RUNS, UNDO
from compensation.events import RUN as RUN_NEWS
from compensation.kept_for_runs import IN_OPEN_RUN, RUNS_AT_REST
from compensation.models import CompensationPlan, CompensationRun, CompensationStep
from compensation.personal import TABLES, undone_inside
from compensation.run_context import runs_named_after
from compensation.subject import is_undoable, whole_subjects
from compensation.undecided import FAILED_STEPS, STOPPED_RUNS
from governance.actions.asked_of_itself import approving
from governance.governed import register_governed
from ledger.dispatch.consumer_registry import (
    Announced,
    Consumer,
    Event,
    register_consumer,
    register_source,
)
from ledger.erasure.personal_data import declare, declare_inside
from ledger.erasure.retention import declare_at_rest, declare_kept
from ledger.verify import register_check, register_guarded
from verbs.subject import Subject
from verbs.subject import register as register_subject
from web import decisions, live, nav
from web.nav import NavEntry


def _read_runs(tenant_id: uuid.UUID, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Any]:
    return CompensationRun.objects.filter(tenant_id=tenant_id).in_bulk(list(ids))


RUN_SUBJECT = Subject(
    subject_type=RUN,
    model=CompensationRun,
    rank=80,
    route="compensation-runs/<uuid:id>",
    finished="compensation_completed",
    locked=locked_run,
    read=_read_runs,
    facts=run_facts,
    relations={"approver": approving, "requester": requester},
    named_after=runs_named_after,
    shape=shapes.runs,
    schema=shapes.RunSchema,
    envelope=run_envelope,
    pages="compensation:run",
)
STEP_SUBJECT = Subject(
    subject_type=STEP,
    model=CompensationStep,
    rank=90,
    route="compensation-runs/<uuid:id>/steps/<int:n>",
    locked=locked_step,
    facts=step_facts,
    # A decision is addressed by run and number, answered with the run, and leads back to it.
    named_after=runs_named_after,
    shape=shapes.runs,
    schema=shapes.RunSchema,
    versioned=attrgetter("run"),
    pages="compensation:run-step",
)
PLAN_SUBJECT = Subject(
    subject_type=PLAN,
    model=CompensationPlan,
    route="compensation-plans/<uuid:id>",
    locked=find_plan,
    results={"execute": shapes.RUN_RESULT},
)


#: What `verify_ledger` asks of steps, whose entries have the run as their subject: the first that
#: is not where the last entry about it left it, or about which there is none.
STEPS_AS_RECORDED = """
SELECT e.id, format(
    'step %s of run %s is %s at version %s, but its last entry left it %s at version %s',
    s.n, s.run_id, s.status, s.version, coalesce(e.status, 'unknown'), coalesce(e.version, '0'))
FROM compensation_compensationstep s
LEFT JOIN (
    SELECT DISTINCT ON (tenant_id, subject_id, compensation ->> 'step')
           id, tenant_id, subject_id, compensation ->> 'step' AS n,
           compensation ->> 'step_status' AS status, compensation ->> 'step_version' AS version
    FROM ledger_ledgerentry
    WHERE subject_type = 'compensation_run' AND compensation ->> 'step' IS NOT NULL
    ORDER BY tenant_id, subject_id, compensation ->> 'step', subject_seq DESC) e
  ON e.tenant_id = s.tenant_id AND e.subject_id = s.run_id AND e.n = s.n::text
WHERE (e.status, e.version) IS DISTINCT FROM (s.status, s.version::text)
ORDER BY s.id LIMIT 1
"""


def _moves_a_run(event_type: str) -> bool:
    """Whether events of this type may move a run."""
    _amends, subject_type, action, _version = event_type.split(".")
    if subject_type == RUN:
        return action in RUN_NEWS
    return action in UNDO and is_undoable(subject_type)


def _stopped(event: Event, error: str) -> None:
    run_stopping.stopped(event, error)
    for subject in whole_subjects():
        subject.stopped(event, error)


def _carried_on(event: Event) -> None:
    run_stopping.goes_on(event)
    for subject in whole_subjects():
        subject.carried_on(event)


def _is_news(change: Announced) -> bool:
    """Whether an entry may change a run: not the beginning of an undo that a run began itself. Its
    own transaction has shown that on step and whole."""
    if change.action != "compensation_started" or change.subject_type == RUN:
        return True
    return not (change.compensation or {}).get("run")


# A dead task holds its own lane: a run never skips a step. It is shared with whoever follows a
# whole: what a piece has brought must be taken in before its undo is.
RUNS_CONSUMER = Consumer(
    name=RUNS,
    wants=_moves_a_run,
    matters=_is_news,
    handle=handle,
    holds=True,
    lane=ENGINE_LANE,
    stopped=_stopped,
    goes_on=_carried_on,
)


# Chosen by the entry of a run below itself, which names the lane too.
NESTED_RUNS_CONSUMER = Consumer(
    name=NESTED_RUNS,
    wants=lambda _type: False,
    handle=nested_news.hear,
    holds=True,
    lane=ENGINE_LANE,
    stopped=nested_news.stopped,
    goes_on=nested_news.carried_on,
)


def register() -> None:
    """Register."""
    declare(*TABLES)
    declare_at_rest("compensation_run", "compensation_compensationrun", RUNS_AT_REST)
    declare_at_rest(
        "compensation_request", "compensation_compensationrequest", "REFUSED DONE FAILED"
    )
    declare_kept(IN_OPEN_RUN)
    declare_inside(undone_inside)
    words.register()
    foreign_request_words.register()
    requests = foreign_request_subject
    for subject in (RUN_SUBJECT, STEP_SUBJECT, PLAN_SUBJECT, requests.REQUEST_SUBJECT):
        register_subject(subject)
    for action, verb in (GOVERNED | GOVERNED_RUNS).items():
        register_governed(action, verb)
    for source in (FAILED_STEPS, STOPPED_RUNS, requests.UNDECIDED):
        decisions.register(source)
    register_consumer(RUNS_CONSUMER)
    register_consumer(foreign_requests_carried.CONSUMER)
    register_consumer(NESTED_RUNS_CONSUMER)
    register_source(undo_check.SOURCE)
    register_guarded("compensation_compensationrun", RUN)
    register_guarded("compensation_compensationrequest", "compensation_request")
    register_check("compensation_compensationstep", STEPS_AS_RECORDED)
    live.register(*watched.PAGES, *requests.PAGES)
    live.register_counted("requests", requests.waits)
    live.register_counted("rollbacks", watched.under_way)
    nav.register(
        NavEntry(
            key="rollbacks", label=_("Rollbacks"), icon="undo-2", url_name="compensation:runs",
            order=40, tone="undo",
        )
    )  # fmt: skip
    label = _("Requests")
    nav.register(NavEntry("requests", label, "building-2", "compensation:requests", order=41))
