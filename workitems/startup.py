"""What the app registers at start with the apps below."""

from __future__ import annotations

import dataclasses
import uuid

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.roles import DECIDING_ROLES, OPERATING_ROLES
from compensation.actions.approved_undo import GOVERNED as MAY_WAIT
from compensation.actions.previewing import declare_plan_verb
from compensation.api.approval_answers import may_ask_first
from compensation.api.shapes import PLAN_RESULT
from compensation.ways import register_performer
from compensation.words import UNDO_VERBS
from ledger.dispatch.consumer_registry import register_consumer, register_source
from ledger.erasure.personal_data import declare
from ledger.erasure.retention import declare_at_rest
from ledger.verify import register_guarded
from verbs import subject
from verbs.subject import Description, Named, ResultShape, Subject
from web import decisions, live, nav, search
from workitems import item_context, waiting, watched, words, work_search
from workitems.actions import choreography, influence
from workitems.actions.item_opening import prepare_undo_task
from workitems.actions.item_templates import TEMPLATE
from workitems.actions.work_left_behind import LEFT_BEHIND
from workitems.api.around_json import ADDED, RESULTS
from workitems.api.filter_json import SavedFilterSchema, represent_filters
from workitems.api.item_json import (
    CompensationAnswerSchema,
    SpawnedSchema,
    WorkItemSchema,
    represent_compensation,
    represent_many,
    represent_spawned,
)
from workitems.api.schedule_api import ScheduleSchema, represent_schedules
from workitems.api.template_api import MADE, TemplateSchema, represent_templates
from workitems.around import around_words
from workitems.around.addition_kinds import KINDS
from workitems.around.additions import subject_for
from workitems.due_rows import SOURCES
from workitems.finding.saved_filters import FILTER_SUBJECT
from workitems.models import WorkItem, WorkItemTemplate
from workitems.personal import TABLES
from workitems.schedules.schedule_reading import SCHEDULE_SUBJECT
from workitems.subject import WORK_ITEM

SHOWN_FILTER = dataclasses.replace(
    FILTER_SUBJECT, shape=represent_filters, schema=SavedFilterSchema, pages="workitems"
)
SHOWN_SCHEDULE = dataclasses.replace(
    SCHEDULE_SUBJECT,
    shape=represent_schedules,
    schema=ScheduleSchema,
    pages="workitems:schedule",
)
# Verbs of undoing answer with the item and with what undoes it.
_UNDOING = ResultShape(
    shape=represent_compensation,
    schema=CompensationAnswerSchema,
    tag=lambda answer: int(answer.original.version),
)
# Of what is spawned: the item's version is what the answer's ETag names.
SPAWNED = ResultShape(
    shape=represent_spawned, schema=SpawnedSchema, tag=lambda done: int(done.item.version)
)
# What pages and API add: the domain's own module knows neither.
SHOWN = dataclasses.replace(
    WORK_ITEM,
    shape=represent_many,
    schema=WorkItemSchema,
    results={
        **dict.fromkeys(UNDO_VERBS, _UNDOING),
        **dict.fromkeys(MAY_WAIT, may_ask_first(_UNDOING)),
        "compensation-plan": PLAN_RESULT,
        "spawn": SPAWNED,
        **RESULTS,
    },
    pages="workitems",
    crumbs=item_context.crumbs,
    page_facts=item_context.page_facts,
)


def _template_called(id_: uuid.UUID, name: str) -> Description:
    return Description(name, reverse("workitems:template", args=[id_]), icon="file-text")


def _declare_kept() -> None:
    """Say what is kept about people, and when a task is at rest: until then what entries about it
    keep stays."""
    declare(*TABLES)
    declare_at_rest(
        "work_item",
        "workitems_workitem",
        "COMPLETED REJECTED FAULTED CANCELLED OBSOLETE EXPIRED ESCALATED COMPENSATED",
    )


def register() -> None:
    """Make work items known and undoable, and people able to undo."""
    _declare_kept()
    subject.register(SHOWN)
    subject.register(SHOWN_FILTER)
    subject.register(SHOWN_SCHEDULE)
    subject.register(
        Subject(
            subject_type=TEMPLATE,
            model=WorkItemTemplate,
            route="work-item-templates/<uuid:id>",
            shape=represent_templates,
            schema=TemplateSchema,
            versioned=None,
            named=Named(WorkItemTemplate, ("name",), _template_called),
            results={"instantiate": MADE},
            pages="workitems:template",
        )
    )
    for kind in KINDS:
        subject.register(
            dataclasses.replace(subject_for(kind), results={"remove": ADDED[kind.one]})
        )
    declare_plan_verb(WorkItem.subject_type)
    register_performer("human", prepare_undo_task)
    register_guarded("workitems_workitem", WorkItem.subject_type)
    register_consumer(choreography.CONSUMER)
    register_consumer(influence.CONSUMER)
    register_consumer(LEFT_BEHIND)
    for source in SOURCES:
        register_source(source)
    search.register("work", work_search.work_called, order=20)
    search.register("people", work_search.people_called, order=30)
    decisions.register(waiting.FAILED_ALONE)
    decisions.register_told(waiting.told)
    words.register()
    around_words.register()
    live.register(*watched.PAGES)
    live.register_counted(decisions.ENTRY, watched.decisions)
    live.register_counted("inbox", watched.waits, beside=[decisions.ENTRY])
    nav.register(
        nav.NavEntry(
            "inbox", _("Inbox"), "inbox", "workitems:inbox", order=10, below=("/work-items/",)
        )
    )
    nav.register(
        nav.NavEntry(
            "decisions", _("Decisions"), "scale", "workitems:decisions", order=15,
            roles=DECIDING_ROLES,
        )
    )  # fmt: skip
    nav.register(
        nav.NavEntry("templates", _("Templates"), "file-text", "workitems:templates", order=30)
    )
    nav.register(
        nav.NavEntry(
            "schedules", _("Schedules"), "clock", "workitems:schedules", order=31,
            roles=OPERATING_ROLES,
        )
    )  # fmt: skip
