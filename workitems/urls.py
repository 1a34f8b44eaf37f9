"""Addresses of the work item pages."""

from __future__ import annotations

from django.urls import URLPattern, path

from web.verb_pages import verb_page_paths
from workitems.around.addition_kinds import KINDS
from workitems.around.additions import ADD
from workitems.views import (
    attachment_page,
    chain_page,
    draft_page,
    filters_page,
    inbox,
    item,
    part_page,
    progress_page,
    queue_page,
    schedule_page,
    template_pages,
)

app_name = "workitems"

_ITEM = "work-items/<uuid:id>/"

urlpatterns: list[URLPattern] = [
    path("inbox/", inbox.Inbox.as_view(), name="inbox"),
    path("decisions/", queue_page.DecisionQueue.as_view(), name="decisions"),
    path("work-items/", inbox.AllWork.as_view(), name="all"),
    path("work-items/filters/", filters_page.Filters.as_view(), name="filters"),
    path("work-items/filters/<uuid:id>/end/", filters_page.End.as_view(), name="end-filter"),
    path("work-items/schedules/", schedule_page.Schedules.as_view(), name="schedules"),
    path(
        "work-items/schedules/<uuid:id>/edit/", schedule_page.Edit.as_view(), name="schedule-edit"
    ),
    *verb_page_paths("schedule", "work-items/schedules/<uuid:id>/"),
    path("work-items/templates/", template_pages.Templates.as_view(), name="templates"),
    path("work-items/templates/<uuid:id>/", template_pages.Template.as_view(), name="template"),
    path(
        "work-items/templates/<uuid:id>/new-version/",
        template_pages.NewVersion.as_view(),
        name="template-version",
    ),
    *verb_page_paths("work_item_template", "work-items/templates/<uuid:id>/"),
    path("work-items/new/", item.New.as_view(), name="new"),
    path(_ITEM, item.Detail.as_view(), name="detail"),
    path(f"{_ITEM}attach/", attachment_page.Attach.as_view(), name="attach"),
    path(
        f"{_ITEM}attachments/<uuid:attachment>/",
        attachment_page.Download.as_view(),
        name="attachment",
    ),
    path(f"{_ITEM}draft/", draft_page.SaveDraft.as_view(), name="draft"),
    path(f"{_ITEM}progress/", progress_page.Report.as_view(), name="progress"),
    path(f"{_ITEM}spawn/", part_page.OpenPart.as_view(), name="spawn"),
    path(f"{_ITEM}complete/", item.Complete.as_view(), name="complete"),
    *verb_page_paths(
        "work_item",
        _ITEM,
        show_refused=item.show_refused,
        on_page=[verb.name for verb in ADD.values()],
    ),
    *(
        each
        for kind in KINDS
        for each in verb_page_paths(
            kind.subject_type,
            f"{_ITEM}{kind.many}/<uuid:{kind.one}>/",
            show_refused=item.show_refused,
        )
    ),
    path(f"{_ITEM}causal-chain/", chain_page.ChainPage.as_view(), name="causal-chain"),
    path(f"{_ITEM}causal-chain.svg", chain_page.ChainSvg.as_view(), name="causal-chain-svg"),
    path(f"{_ITEM}causal-chain.dot", chain_page.ChainDot.as_view(), name="causal-chain-dot"),
]
