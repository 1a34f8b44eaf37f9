"""The pages that say why there is no other page: what is refused, too much, too often or broken."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from ledger.errors import Conflict
from tests.browser.long_around import Texts
from tests.browser.visits import Visit
from tests.world import World
from web.error_pages import refusal_page, respond, server_error
from web.problems import Problem
from web.views import csrf_failure

#: Where they are shown: what its view answers is lent.
_VIEW = "web.search_page.SearchPage.get"
#: Whoever reads is led elsewhere, and sees none of what is said of methods.
_LED: dict[str, object] = {"web.only_post._READING": frozenset()}
_AT_THE_DOOR = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.TOO_MANY_REQUESTS,
)


def refusal_pages(world: World, texts: Texts) -> dict[str, Visit]:
    """Return a visit to each."""

    def visit(status: int, answer: Callable[[HttpRequest], HttpResponse]) -> Visit:
        def lent(_page: object, request: HttpRequest) -> HttpResponse:
            return answer(request)

        return Visit(world.analyst, reverse("search"), status=status, lent={_VIEW: lent, **_LED})

    def at_the_door(status: int) -> Visit:
        return visit(status, lambda request: respond(request, Problem(status, "code", texts.words)))

    why = f"{texts.words} {texts.unbroken} {texts.rtl}"
    refused = Conflict(why, extra={"current_status": "COMPENSATING"})
    return {
        **{f"refused, {status}": at_the_door(status) for status in _AT_THE_DOOR},
        "refused, 409": visit(
            HTTPStatus.CONFLICT, lambda request: refusal_page(request, refused, kind="work_item")
        ),
        "refused, 500": visit(HTTPStatus.INTERNAL_SERVER_ERROR, server_error),
        "refused, a form without its token": visit(HTTPStatus.FORBIDDEN, csrf_failure),
        "refused, of no organisation": visit(
            HTTPStatus.FORBIDDEN,
            lambda request: render(request, "web/no_membership.html", status=403),
        ),
    }
