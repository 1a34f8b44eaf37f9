"""Addresses of the API of cases and their definitions, below `/api/v1/`."""

from __future__ import annotations

from django.urls import URLPattern, path

from cases.actions.hold import CASE
from cases.api import views
from cases.api.undo_figures_api import UndoFiguresView
from web.verb_api import verb_paths

app_name = "cases-api"
_VERSION = "case-definitions/<str:namespace>/<str:name>/<str:version>"

urlpatterns: list[URLPattern] = [
    path("case-definitions", views.Definitions.as_view(), name="definitions"),
    path("case-definitions/validate", views.DefinitionValidate.as_view(), name="validate"),
    path("case-definitions/schema", views.DefinitionSchemaView.as_view(), name="schema"),
    path(_VERSION, views.DefinitionDetail.as_view(), name="definition"),
    path(f"{_VERSION}/graph", views.DefinitionGraph.as_view(), name="graph"),
    path("undo-figures", UndoFiguresView.as_view(), name="undo-figures"),
    *verb_paths(CASE, collection=views.Cases, detail=views.CaseDetail),
    path("cases/<uuid:id>/plan-items", views.CasePlanItems.as_view(), name="plan-items"),
    path("cases/<uuid:id>/context", views.CaseContext.as_view(), name="context"),
    path("cases/<uuid:id>/timeline", views.CaseTimeline.as_view(), name="timeline"),
    path("cases/<uuid:id>/history", views.CaseHistory.as_view(), name="history"),
    path("cases/<uuid:id>/causal-chain", views.CaseChain.as_view(), name="causal-chain"),
]
