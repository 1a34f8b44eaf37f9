"""Addresses of the pages of executions and batches."""

from __future__ import annotations

from django.urls import URLPattern, path

from compensation.views.operator_pages import shown_again_by
from executions import actions
from executions.views.batch import BatchList, BatchPage
from executions.views.execution import ON_PAGE, ExecutionList, ExecutionPage
from web.verb_pages import page_of, verb_page_paths

app_name = "executions"
_EXECUTION = "executions/<uuid:id>/"
_BATCH = "batches/<uuid:id>/"

urlpatterns: list[URLPattern] = [
    path("executions/", ExecutionList.as_view(), name="list"),
    path(_EXECUTION, ExecutionPage.as_view(), name="detail"),
    *verb_page_paths(
        "execution", _EXECUTION, show_refused=shown_again_by(ExecutionPage), on_page=ON_PAGE
    ),
    path("batches/", BatchList.as_view(), name="batches"),
    path(_BATCH, BatchPage.as_view(), name="batch"),
    path(
        f"{_BATCH}retry/",
        page_of(actions.retry_batch, shown_again_by(BatchPage)).as_view(),
        name="batch-retry",
    ),
]
