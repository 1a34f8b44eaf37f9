"""Addresses of the API of cases, below `/api/v1/`; plans for single items among them."""

from __future__ import annotations

from django.urls import URLPattern, path

from cases.api import cases, definitions, plans

app_name = "cases-api"
_VERSION = "case-definitions/<str:namespace>/<str:name>/<str:version>"

urlpatterns: list[URLPattern] = [
    path("case-definitions", definitions.Definitions.as_view(), name="definitions"),
    path("case-definitions/validate", definitions.DefinitionValidate.as_view(), name="validate"),
    path(_VERSION, definitions.DefinitionDetail.as_view(), name="definition"),
    path(f"{_VERSION}/graph", definitions.DefinitionGraph.as_view(), name="graph"),
    path("cases", cases.Cases.as_view(), name="list"),
    path("cases/<uuid:id>", cases.CaseDetail.as_view(), name="detail"),
    path("cases/<uuid:id>/plan-items", cases.CasePlanItems.as_view(), name="plan-items"),
    path("cases/<uuid:id>/context", cases.CaseContext.as_view(), name="context"),
    path("cases/<uuid:id>/timeline", cases.CaseTimeline.as_view(), name="timeline"),
    path("cases/<uuid:id>/history", cases.CaseHistory.as_view(), name="history"),
    path("cases/<uuid:id>/causal-chain", cases.CaseChain.as_view(), name="causal-chain"),
    *(
        path(f"cases/<uuid:id>/{name}", view.as_view(), name=name)
        for name, view in cases.ACTIONS.items()
    ),
    path("cases/<uuid:id>/compensation-plan", plans.CasePlan.as_view(), name="case-plan"),
    path(
        "work-items/<uuid:id>/compensation-plan",
        plans.WorkItemPlan.as_view(),
        name="work-item-plan",
    ),
    path(
        "executions/<uuid:id>/compensation-plan",
        plans.ExecutionPlan.as_view(),
        name="execution-plan",
    ),
    path("compensation-plans/<uuid:id>", plans.PlanDetail.as_view(), name="plan"),
    path("compensation-plans/<uuid:id>/execute", plans.PlanExecute.as_view(), name="execute"),
    path("compensation-runs", plans.Runs.as_view(), name="runs"),
    path("compensation-runs/<uuid:id>", plans.RunDetail.as_view(), name="run"),
    *(
        path(f"compensation-runs/<uuid:id>/{name}", view.as_view(), name=f"run-{name}")
        for name, view in plans.RUN_ACTIONS.items()
    ),
    *(
        path(
            f"compensation-runs/<uuid:id>/steps/<int:n>/{name}", view.as_view(), name=f"step-{name}"
        )
        for name, view in plans.STEP_ACTIONS.items()
    ),
]
