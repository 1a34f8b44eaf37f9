"""Addresses of the API of plans and runs, below `/api/v1/`; plans of single pieces among them."""

from __future__ import annotations

from collections.abc import Iterable

from django.urls import URLPattern, path

from compensation.actions.foreign_request_verbs import REQUEST
from compensation.actions.plan_execution import PLAN
from compensation.actions.run_verbs import RUN
from compensation.actions.step_verbs import STEP
from compensation.api.foreign_request_views import ForeignRequestDetail, ForeignRequests
from compensation.api.views import PlanDetail, RunDetail, Runs
from compensation.selectors import preview_verbs
from web.verb_api import verb_paths, view_of

app_name = "compensation-api"


def plan_paths_of_pieces() -> list[URLPattern]:
    """Return where plans of single pieces of work are made; a whole serves its own with its
    verbs."""
    return [
        path(
            f"{verb.subject.route}/{verb.name}",
            view_of(f"{verb.subject_type}_{verb.operation.method}", [verb]).as_view(),
            name=f"{verb.subject_type.replace('_', '-')}-plan",
        )
        for verb in preview_verbs()
        if verb.no_route
    ]


def _named(patterns: Iterable[URLPattern], own: dict[str, str], others: str) -> list[URLPattern]:
    """Return addresses called as `own` says; the others begin with a word of their own."""
    return [
        path(str(each.pattern), each.callback, name=own.get(str(each.name), f"{others}{each.name}"))
        for each in patterns
    ]


urlpatterns: list[URLPattern] = [
    *plan_paths_of_pieces(),
    *_named(verb_paths(PLAN, detail=PlanDetail), {"detail": "plan"}, ""),
    *_named(
        verb_paths(RUN, collection=Runs, detail=RunDetail),
        {"list": "runs", "detail": "run"},
        "run-",
    ),
    *_named(verb_paths(STEP), {}, "step-"),
    *_named(
        verb_paths(REQUEST, collection=ForeignRequests, detail=ForeignRequestDetail),
        {"list": "requests", "detail": "request"},
        "request-",
    ),
]
