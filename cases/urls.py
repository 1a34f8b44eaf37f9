"""Addresses of the pages of cases and definitions."""

from __future__ import annotations

from django.urls import path

from cases import actions
from cases.views.case import CancelCase, CasePage, CloseCase, SignalCase
from cases.views.chains import CaseChain, CaseChainDot, CaseChainSvg
from cases.views.definition_pages import DefinitionList, DefinitionPage
from cases.views.listing import CaseList
from cases.views.starting import StartCase
from cases.views.undo_figures_page import UndoFiguresPage
from compensation.views.operator_pages import shown_again_by
from web.verb_pages import page_of

app_name = "cases"
_CASE = "cases/<uuid:id>/"
_refused = shown_again_by(CasePage)

urlpatterns = [
    path("cases/", CaseList.as_view(), name="list"),
    path("cases/new/", StartCase.as_view(), name="start"),
    path("cases/definitions/", DefinitionList.as_view(), name="definitions"),
    path(
        "cases/definitions/<str:namespace>/<str:name>/<str:version>/",
        DefinitionPage.as_view(),
        name="definition",
    ),
    path("undo-figures/", UndoFiguresPage.as_view(), name="undo-figures"),
    path(_CASE, CasePage.as_view(), name="detail"),
    *(
        path(f"{_CASE}{verb.name}/", page_of(verb, _refused).as_view(), name=verb.name)
        for verb in (actions.suspend_case, actions.resume_case, actions.retry_case)
    ),
    path(f"{_CASE}cancel/", CancelCase.as_view(), name="cancel"),
    path(f"{_CASE}signal/", SignalCase.as_view(), name="signal"),
    path(f"{_CASE}close/", CloseCase.as_view(), name="close"),
    path(f"{_CASE}causal-chain/", CaseChain.as_view(), name="chain"),
    path(f"{_CASE}causal-chain.svg", CaseChainSvg.as_view(), name="chain-svg"),
    path(f"{_CASE}causal-chain.dot", CaseChainDot.as_view(), name="chain-dot"),
]
