"""Addresses of the pages of plans and rollbacks."""

from __future__ import annotations

from django.urls import path

from compensation.actions.foreign_request_verbs import REQUEST
from compensation.actions.run_verbs import RUN
from compensation.actions.step_verbs import STEP
from compensation.selectors import preview_verbs
from compensation.views.foreign_request_pages import RequestList, RequestPage
from compensation.views.operator_pages import shown_again_by
from compensation.views.plan_request import AskForPlan, address_name
from compensation.views.preview import PlanExecute, PlanPage, PlanScope, PlanWords
from compensation.views.run_pages import RunList, RunPage
from compensation.views.step_decisions import ON_PAGE, StepPage
from web.verb_pages import verb_page_paths

app_name = "compensation"
_RUN, _PLAN = "compensation-runs/<uuid:id>/", "compensation-plans/<uuid:id>/"
_REQUEST = "compensation-requests/<uuid:id>/"
_STEP = f"{_RUN}steps/<int:n>/"

urlpatterns = [
    *(
        path(
            f"{verb.subject.route}/rollback/",
            AskForPlan.as_view(subject_type=verb.subject_type),
            name=address_name(verb.subject_type),
        )
        for verb in preview_verbs()
    ),
    path(_PLAN, PlanPage.as_view(), name="plan"),
    path(f"{_PLAN}scope/", PlanScope.as_view(), name="plan-scope"),
    path(f"{_PLAN}words/", PlanWords.as_view(), name="plan-words"),
    path(f"{_PLAN}execute/", PlanExecute.as_view(), name="plan-execute"),
    path("compensation-runs/", RunList.as_view(), name="runs"),
    path(_RUN, RunPage.as_view(), name="run"),
    *verb_page_paths(RUN, _RUN, show_refused=shown_again_by(RunPage)),
    path("compensation-requests/", RequestList.as_view(), name="requests"),
    path(_REQUEST, RequestPage.as_view(), name="request"),
    *verb_page_paths(REQUEST, _REQUEST),
    path(_STEP, StepPage.as_view(), name="run-step"),
    *verb_page_paths(STEP, _STEP, show_refused=shown_again_by(StepPage), on_page=ON_PAGE),
]
