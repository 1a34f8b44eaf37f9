"""What work items, and what stands around them, keep about people."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Sequence
from typing import Final

from ledger.erasure.personal_data import Beside, Personal
from workitems.around import files
from workitems.around.addition_tables import Attachment

_LEASE: Final = "queue due_at leased_until lease_token troubled_since"
_ADDED: Final = "id tenant_id item_id created_at removed_at"
_BY: Final = "created_by_id removed_by_id"
_OF_ITEM: Final = ("'work_item'", "t.item_id")
_CASE_OF_ITEM: Final = (
    "(SELECT i.case_id FROM workitems_workitem i WHERE i.tenant_id = t.tenant_id"
    " AND i.id = t.item_id)"
)
_AN_INSTANCE: Final = (
    "(SELECT i.{} FROM workitems_workitem i WHERE i.tenant_id = t.tenant_id"
    " AND i.one_of_id = t.id ORDER BY i.id LIMIT 1)"
)
_AUTHORS: Final = "t.created_by_id = %(actor)s"


def _naming(
    tenant_id: uuid.UUID, ids: Sequence[uuid.UUID], names: Callable[[str], bool]
) -> Collection[uuid.UUID]:
    """Of attachments, those that are text and name somebody: what others put together cannot be
    looked into."""
    rows = Attachment.objects.filter(tenant_id=tenant_id, id__in=list(ids))
    return [row.id for row in rows if names(files.readable(row))]


def _remove(tenant_id: uuid.UUID, ids: Sequence[uuid.UUID]) -> None:
    for row in Attachment.objects.filter(tenant_id=tenant_id, id__in=list(ids)):
        files.forget_file(row)


TABLES: Final = (
    Personal(table="workitems_listener", no="id tenant_id item_id type"),
    Personal(table="workitems_eventreaction", no="id tenant_id item_id entry_id outcome"),
    # Who used a result is a thing here: a case, an item or an execution.
    Personal(
        table="workitems_usedresult",
        no="id tenant_id user_type user_id source_type source_id round review_id",
    ),
    Personal(
        table="workitems_derivation",
        no="id tenant_id item_id source_type source_id round review_id",
    ),
    Personal(table="workitems_stakeholder", no="id tenant_id item_id", actors="actor_id"),
    Personal(
        table="workitems_note",
        kind="notes",
        no=_ADDED,
        actors=_BY,
        said="text",
        about=_OF_ITEM,
        case=_CASE_OF_ITEM,
        theirs=_AUTHORS,
    ),
    Personal(
        table="workitems_label",
        kind="labels",
        no=_ADDED,
        actors=_BY,
        mentions="name",
        about=_OF_ITEM,
        case=_CASE_OF_ITEM,
    ),
    Personal(
        table="workitems_link",
        kind="links",
        no=_ADDED,
        actors=_BY,
        mentions="url title",
        about=_OF_ITEM,
        case=_CASE_OF_ITEM,
    ),
    Personal(
        table="workitems_relation",
        no=f"{_ADDED} type target_type target_id enforced spawned",
        actors=_BY,
    ),
    Personal(
        table="workitems_progress",
        kind="progress",
        no="id tenant_id item_id dimension shape round reported_at",
        actors="reported_by_id",
        mentions="value",
        about=_OF_ITEM,
        case=_CASE_OF_ITEM,
    ),
    Personal(
        table="workitems_draft",
        kind="drafts",
        key="item_id",
        no="item_id tenant_id saved_at",
        actors="actor_id",
        mentions="form",
        about=_OF_ITEM,
        case=_CASE_OF_ITEM,
        theirs="t.actor_id = %(actor)s",
        removed="theirs",
    ),
    Personal(
        table="workitems_attachment",
        kind="attachments",
        no=f"{_ADDED} content_type size sha256",
        actors=_BY,
        said="name",
        about=_OF_ITEM,
        case=_CASE_OF_ITEM,
        theirs=_AUTHORS,
        beside=Beside(_naming, _remove),
    ),
    # Words of titles, descriptions and notes: the database writes them anew with these.
    Personal(table="workitems_itemtext", no="item_id tenant_id words"),
    Personal(
        table="workitems_savedfilter",
        kind="filters",
        no="id tenant_id version shared created_at ended_at",
        actors="owner_id",
        mentions="name filter",
        followed="filter",
        theirs="(t.owner_id = %(actor)s AND NOT t.shared)",
        removed="theirs",
    ),
    Personal(
        table="workitems_instancegroup",
        kind="instances",
        no="id tenant_id instances required on_met state decided_at",
        # Those of its items that count.
        mentions="outcomes",
        about=("'work_item'", _AN_INSTANCE.format("id")),
        case=_AN_INSTANCE.format("case_id"),
        followed="outcomes",
    ),
    Personal(
        table="workitems_workitemtemplate",
        kind="templates",
        no="id tenant_id version created_at ended_at",
        actors="created_by_id",
        mentions="name content",
        followed="content",
    ),
    Personal(
        table="workitems_schedule",
        kind="schedules",
        no=f"id tenant_id version template_id cron zone active created_at ended_at last_at"
        f" last_item_id {_LEASE}",
        actors="created_by_id",
        mentions="name values last_problem",
        followed="values",
    ),
    Personal(
        table="workitems_workitem",
        kind="work items",
        no="compensation_state compensation_round reversibility case_id binding completion_seq"
        " undoes_type undoes_id run_id id tenant_id version kind status priority offered_to"
        " excluded_groups required_skills not_completed_by forwarded held_from held_until"
        " skippable one_of_id has_parts deadlines derived_from tainted compensates_id created_at"
        " due_at started_at completed_at ended_at",
        actors="assignee_id owner_id stakeholders excluded created_by_id completed_by_id",
        mentions="policy remote compensation title people_missing delegations template payload"
        " outcome resolution form compensate_on ended_reason permitted_outcomes outcome_rules"
        " resolution_schema",
        about=("'work_item'", "t.id"),
        also_about=(("'compensation_run'", "t.run_id"),),
        case="t.case_id",
        followed="policy remote compensation form compensate_on permitted_outcomes outcome_rules"
        " resolution_schema",
        # Of its template it keeps the name, as that says it.
        keyed="delegations template",
        things="outcome",
    ),
    Personal(table="workitems_candidategroup", no="id tenant_id work_item_id name waiting"),
    Personal(
        table="workitems_candidateuser",
        kind="candidates",
        no="id tenant_id work_item_id waiting",
        actors="actor_id",
        about=("'work_item'", "t.work_item_id"),
        case="(SELECT i.case_id FROM workitems_workitem i WHERE i.tenant_id = t.tenant_id"
        " AND i.id = t.work_item_id)",
        theirs="t.actor_id = %(actor)s",
        removed="theirs",
    ),
    Personal(table="workitems_holdend", no=f"item_id tenant_id {_LEASE}"),
    Personal(table="workitems_deadline", no=f"id tenant_id item_id name {_LEASE}"),
)
