"""Every error under /api/ as `application/problem+json` (RFC 9457)."""

from __future__ import annotations

import dataclasses
import http
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from django_fsm import TransitionNotAllowed
from rest_framework import exceptions as drf
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.errors import MalformedBody
from ledger import errors
from ledger.errors import FieldError, Refusal
from web.problem_types import uri
from web.request_id import request_id

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 1

_STATUS_OF_REFUSAL: tuple[tuple[type[Refusal], int], ...] = (
    (errors.NotFound, 404),
    (errors.NotPermitted, 403),
    (errors.PreconditionRequired, 428),
    (errors.Stale, 412),
    (errors.Conflict, 409),
    (MalformedBody, 400),
    (errors.Invalid, 422),
)
# What DRF raises, most special first. None: the code is the exception's own.
_OF_DRF: tuple[tuple[type[drf.APIException], str | None], ...] = (
    (drf.NotAuthenticated, "not_authenticated"),
    (drf.AuthenticationFailed, None),
    (drf.ParseError, None),
    (drf.PermissionDenied, None),
    (drf.NotFound, "not_found"),
    (drf.MethodNotAllowed, "method_not_allowed"),
    (drf.NotAcceptable, "not_acceptable"),
    (drf.UnsupportedMediaType, "unsupported_media_type"),
    (drf.Throttled, "throttled"),
)
_RENAMED = {"parse_error": "malformed_request", "permission_denied": "not_permitted"}


@dataclasses.dataclass(frozen=True, slots=True)
class Problem:
    """One error answer before it is rendered."""

    status: int
    code: str
    detail: str
    errors: Sequence[FieldError] = ()
    extra: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def body(self, request: HttpRequest | None) -> dict[str, Any]:
        """Return the members of the answer. Members of `extra` never hide a standard one."""
        return {
            **self.extra,
            "type": uri(self.code),
            "title": http.HTTPStatus(self.status).phrase,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            "errors": [dataclasses.asdict(each) for each in self.errors],
            "request_id": request_id(request),
        }


_UNAVAILABLE = Problem(
    503,
    "unavailable",
    "The database did not answer. Nothing was changed; try again.",
    headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
)
_OF_DJANGO: tuple[tuple[type[Exception], Problem], ...] = (
    (Http404, Problem(404, "not_found", errors.NotFound.default_detail)),
    (DjangoPermissionDenied, Problem(403, "not_permitted", errors.NotPermitted.default_detail)),
    (RequestDataTooBig, Problem(413, "too_large", "The body is too large.")),
    (SuspiciousOperation, Problem(400, "malformed_request", "The request could not be read.")),
    (OperationalError, _UNAVAILABLE),
    (InterfaceError, _UNAVAILABLE),
)


def status_of(refusal: Refusal) -> int:
    """Return the HTTP status that a refusal's class means."""
    for kind, status in _STATUS_OF_REFUSAL:
        if isinstance(refusal, kind):
            return status
    raise TypeError(f"{type(refusal).__name__} is no known kind of refusal")


def exception_handler(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """Turn what a view raised into a problem; None (a fault of ours) for the unknown."""
    problem = problem_of(error)
    if problem is None:
        return None
    request = context.get("request")
    django_request = request._request if isinstance(request, Request) else None  # noqa: SLF001  -- DRF
    return Response(
        problem.body(django_request),
        status=problem.status,
        headers=dict(problem.headers),
        content_type=CONTENT_TYPE,
    )


def answer(problem: Problem, request: HttpRequest) -> JsonResponse:
    """Return a problem as a plain Django response, for what no view caught."""
    return JsonResponse(
        problem.body(request),
        status=problem.status,
        headers=dict(problem.headers),
        content_type=CONTENT_TYPE,
    )


def of_refusal(refusal: Refusal) -> Problem:
    """Return the problem that a verb's refusal is answered with."""
    return Problem(status_of(refusal), refusal.code, refusal.detail, refusal.errors, refusal.extra)


def illegal_move(error: TransitionNotAllowed) -> errors.Conflict:
    """Return the refusal that a state machine's own no means, when a verb has not said it first.

    Nothing was changed: the exception has ended the verb's transaction.
    """
    status = str(getattr(error.object, "status", ""))
    return errors.Conflict(extra={"current_status": status} if status else {})


def problem_of(error: BaseException) -> Problem | None:
    """Return the problem an exception means, or None when it is a fault of ours."""
    if isinstance(error, Refusal):
        return of_refusal(error)
    if isinstance(error, TransitionNotAllowed):
        return of_refusal(illegal_move(error))
    if isinstance(error, drf.APIException):
        return _of_drf(error)
    for kind, problem in _OF_DJANGO:
        if isinstance(error, kind):
            return problem
    return None


def field_errors(detail: Any, pointer: str = "") -> Iterator[FieldError]:
    """Yield what DRF found wrong with an input, each with its JSON pointer."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            below = pointer if name == "non_field_errors" else f"{pointer}/{escape(str(name))}"
            yield from field_errors(inner, below)
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            if isinstance(inner, Mapping | list):
                yield from field_errors(inner, f"{pointer}/{index}")
            else:
                yield from field_errors(inner, pointer)
    else:
        yield FieldError(pointer, str(detail), str(getattr(detail, "code", "invalid")))


def escape(member: str) -> str:
    """Return a member name as one token of a JSON pointer (RFC 6901 §3)."""
    return member.replace("~", "~0").replace("/", "~1")


def _of_drf(error: drf.APIException) -> Problem:
    if isinstance(error, drf.ValidationError):
        found = list(field_errors(error.detail))
        return Problem(422, "invalid", found[0].message if found else "Invalid.", found)
    code = str(getattr(error.detail, "code", error.default_code))
    for kind, fixed in _OF_DRF:
        if isinstance(error, kind):
            code = fixed or _RENAMED.get(code, code)
            break
    headers: dict[str, str] = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = str(challenge)
    if (wait := getattr(error, "wait", None)) is not None:
        headers["Retry-After"] = str(max(1, int(wait)))
    return Problem(error.status_code, code, str(error.detail), headers=headers)
