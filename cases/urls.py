"""Addresses of the pages of cases, definitions, plans and rollbacks."""

from __future__ import annotations

from django.urls import path

from cases.views.case import CancelCase, CasePage, CloseCase, ResumeCase, SuspendCase
from cases.views.chains import CaseChain, CaseChainDot, CaseChainSvg
from cases.views.definitions import DefinitionList, DefinitionPage
from cases.views.listing import CaseList
from cases.views.plans import PlanExecute, PlanPage, PlanScope
from cases.views.rollback import RollbackCase, RollbackExecution, RollbackWorkItem
from cases.views.runs import PauseRun, ResumeRun, RunList, RunPage
from cases.views.starting import StartCase
from cases.views.steps import DECISIONS, DecideStep, StepPage

app_name = "cases"
_CASE, _RUN, _PLAN = (
    "cases/<uuid:id>/",
    "compensation-runs/<uuid:id>/",
    "compensation-plans/<uuid:id>/",
)

urlpatterns = [
    path("cases/", CaseList.as_view(), name="list"),
    path("cases/new/", StartCase.as_view(), name="start"),
    path("cases/definitions/", DefinitionList.as_view(), name="definitions"),
    path(
        "cases/definitions/<str:namespace>/<str:name>/<str:version>/",
        DefinitionPage.as_view(),
        name="definition",
    ),
    path(_CASE, CasePage.as_view(), name="detail"),
    path(f"{_CASE}suspend/", SuspendCase.as_view(), name="suspend"),
    path(f"{_CASE}resume/", ResumeCase.as_view(), name="resume"),
    path(f"{_CASE}cancel/", CancelCase.as_view(), name="cancel"),
    path(f"{_CASE}close/", CloseCase.as_view(), name="close"),
    path(f"{_CASE}causal-chain/", CaseChain.as_view(), name="chain"),
    path(f"{_CASE}causal-chain.svg", CaseChainSvg.as_view(), name="chain-svg"),
    path(f"{_CASE}causal-chain.dot", CaseChainDot.as_view(), name="chain-dot"),
    path(f"{_CASE}rollback/", RollbackCase.as_view(), name="rollback"),
    path("work-items/<uuid:id>/rollback/", RollbackWorkItem.as_view(), name="rollback-work-item"),
    path("executions/<uuid:id>/rollback/", RollbackExecution.as_view(), name="rollback-execution"),
    path(_PLAN, PlanPage.as_view(), name="plan"),
    path(f"{_PLAN}scope/", PlanScope.as_view(), name="plan-scope"),
    path(f"{_PLAN}execute/", PlanExecute.as_view(), name="plan-execute"),
    path("compensation-runs/", RunList.as_view(), name="runs"),
    path(_RUN, RunPage.as_view(), name="run"),
    path(f"{_RUN}pause/", PauseRun.as_view(), name="run-pause"),
    path(f"{_RUN}resume/", ResumeRun.as_view(), name="run-resume"),
    path(f"{_RUN}steps/<int:n>/", StepPage.as_view(), name="run-step"),
    *(
        path(
            f"{_RUN}steps/<int:n>/{action}/",
            DecideStep.as_view(action=action),
            name=f"run-step-{action}",
        )
        for action in DECISIONS
    ),
]
