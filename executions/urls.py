"""Addresses of the pages of executions."""

from __future__ import annotations

from django.urls import URLPattern, path

from compensation.views.operator_pages import shown_again_by
from executions.views import ON_PAGE, ExecutionList, ExecutionPage
from web.verb_pages import verb_page_paths

app_name = "executions"
_EXECUTION = "executions/<uuid:id>/"

urlpatterns: list[URLPattern] = [
    path("executions/", ExecutionList.as_view(), name="list"),
    path(_EXECUTION, ExecutionPage.as_view(), name="detail"),
    *verb_page_paths(
        "execution", _EXECUTION, show_refused=shown_again_by(ExecutionPage), on_page=ON_PAGE
    ),
]
