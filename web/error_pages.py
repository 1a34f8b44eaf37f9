"""What nobody caught: a problem under /api/, a page with words elsewhere."""

from __future__ import annotations

import sys
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from ledger.errors import Refusal
from web.problems import Problem, answer, of_refusal, problem_of
from web.request_id import request_id

API_PREFIX = "/api/"
_INTERNAL = Problem(500, "internal_error", "Something broke on our side. Quote the request_id.")
_FORBIDDEN = Problem(403, "not_permitted", "You may not do this.")
_MALFORMED = Problem(400, "malformed_request", "The request could not be read.")
_PAGES = {
    400: "400",
    403: "403",
    404: "404",
    405: "405",
    409: "409",
    412: "409",
    422: "400",
    428: "400",
    413: "413",
    429: "429",
}


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 400 (or 413)."""
    return respond(request, problem_of(exception) or _MALFORMED)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 403."""
    return respond(request, _of_status(HTTPStatus.FORBIDDEN, exception) or _FORBIDDEN)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001  -- Django's
    """Answer 404. What was looked for stays unsaid."""
    return respond(request, Problem(404, "not_found", "There is no such thing."))


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500, or 503 when the database or jq did not answer. Reads nothing stored."""
    problem = _of_status(HTTPStatus.SERVICE_UNAVAILABLE, sys.exc_info()[1]) or _INTERNAL
    if request.path_info.startswith(API_PREFIX):
        return answer(problem, request)
    context = {"request_id": request_id(request)}
    # Without a request no context processor runs: the fault may be theirs.
    response = render(None, "500.html", context, status=problem.status)
    for name, value in problem.headers.items():
        response.headers[name] = value
    return response


def refusal_page(
    request: HttpRequest, refusal: Refusal, *, back_url: str = "/", kind: str = ""
) -> HttpResponse:
    """Answer a refused page request with a page that says why; `kind` of thing it was about, whose
    status is then said in words."""
    problem = of_refusal(refusal)
    detail = "" if problem.status == HTTPStatus.NOT_FOUND else _why(refusal)
    context = {
        "detail": detail,
        "back_url": back_url,
        "current_status": refusal.extra.get("current_status", ""),
        "kind": kind,
        "request_id": request_id(request),
    }
    return render(request, f"errors/{_PAGES[problem.status]}.html", context, status=problem.status)


def _why(refusal: Refusal) -> str:
    """Return why, but for the states of the API: the page says the present one in words."""
    ruled_out = refusal.code == "illegal_state" and "current_status" in refusal.extra
    return "" if ruled_out else refusal.detail


def _of_status(status: int, error: BaseException | None) -> Problem | None:
    """Return the problem an error means, if that is of this status."""
    found = None if error is None else problem_of(error)
    return found if found is not None and found.status == status else None


def respond(request: HttpRequest, problem: Problem) -> HttpResponse:
    """Answer with a problem: under /api/ as one, elsewhere as a page."""
    if request.path_info.startswith(API_PREFIX):
        return answer(problem, request)
    page = _PAGES.get(problem.status, "400")
    context = {"request_id": request_id(request)}
    # What is refused at the door is not looked up any further: no context processor runs.
    shown = None if problem.status == HTTPStatus.TOO_MANY_REQUESTS else request
    response = render(shown, f"{page}.html", context, status=problem.status)
    for name, value in problem.headers.items():
        response.headers[name] = value
    return response
