"""Every error under /api/ as `application/problem+json` (RFC 9457), and what its `type` leads to.

Codes of the domain are those of the refusal classes: the class is the description. What HTTP itself
refuses is listed here.
"""

from __future__ import annotations

import dataclasses
import http
import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, InternalError, OperationalError
from django.http import Http404, HttpRequest, JsonResponse, UnreadablePostError
from django.urls import reverse
from django.views.decorators.http import require_safe
from django_fsm import TransitionNotAllowed
from rest_framework import exceptions as drf
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.errors import MalformedBody
from json_values.pointers import MAX_ERRORS, FieldError, shortened
from ledger import errors
from ledger.dispatch.consumer_registry import Trouble
from ledger.errors import MAX_DETAIL, Refusal
from ledger.faults import sqlstate_of
from web.request_id import request_id

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 1
# Of a list beside the errors, such as what makes two plans differ.
MAX_LISTED = 40

_STATUS_OF_REFUSAL: tuple[tuple[type[Refusal], int], ...] = (
    (errors.NotFound, 404),
    (errors.NotPermitted, 403),
    (errors.PreconditionRequired, 428),
    (errors.Stale, 412),
    (errors.Conflict, 409),
    (MalformedBody, 400),
    (errors.Invalid, 422),
)
# Read-only for now (a standby, a full disk, maintenance); a transaction that waited too long.
_PASSING = frozenset({"25006", "25P03", "25P04"})
# By DRF's name of an error: our code; the others are called the same.
_RENAMED = {"parse_error": "malformed_request", "permission_denied": "not_permitted"}


@dataclasses.dataclass(frozen=True, slots=True)
class ProblemType:
    """What a code means. `detail` is the sentence used when there is nothing more exact to say."""

    code: str
    description: str
    detail: str = ""


_OF_HTTP = (
    ProblemType("malformed_json", "The body could not be parsed as strict JSON."),
    ProblemType("malformed_request", "Address, query or headers could not be read."),
    ProblemType("unknown_field", "The body has a member that this operation does not know."),
    ProblemType("not_authenticated", "The request carries no credentials."),
    ProblemType("invalid_token", "The token is unknown, expired, or its member is not active."),
    ProblemType("csrf_failed", "A browser's request carried no valid CSRF token."),
    ProblemType("no_membership", "The user belongs to no organisation."),
    ProblemType("method_not_allowed", "This address does not know that method."),
    ProblemType("not_acceptable", "The answer cannot be given in the asked form."),
    ProblemType("length_required", "The body was sent in chunks, without its Content-Length."),
    ProblemType("too_large", "The body is longer than the server reads."),
    ProblemType("unsupported_media_type", "The body is in a form this operation does not read."),
    ProblemType("idempotency_key_required", "This operation needs an Idempotency-Key."),
    ProblemType("idempotency_key_invalid", "The Idempotency-Key breaks a rule."),
    ProblemType("idempotency_key_reused", "The key was used before for another request."),
    ProblemType("invalid_cursor", "The cursor is not one that this list gave out."),
    ProblemType("invalid_limit", "The limit is not a number from 1 to 200."),
    ProblemType("throttled", "Too many requests; wait as Retry-After says."),
    ProblemType(
        "unavailable", "The database, or jq, did not answer; nothing was changed. Try again."
    ),
    ProblemType(
        "internal_error", "A fault of ours. What was done is recorded whole or not at all."
    ),
)


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
        """Return the members of the answer. Members of `extra` never hide a standard one.

        Nothing that was sent makes it long: the first errors are named, and `left_out` says that
        there are more of them, or more in a list of `extra`.
        """
        extra = _first_of_each(self.extra)
        left_out = len(self.errors) > MAX_ERRORS or extra != self.extra
        return {
            **extra,
            **({"left_out": True} if left_out else {}),
            "type": uri(self.code),
            "title": http.HTTPStatus(self.status).phrase,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            "errors": [each.to_json() for each in self.errors[:MAX_ERRORS]],
            "request_id": request_id(request),
        }


def _first_of_each(value: Any) -> Any:
    """Return `value` with the first items of its lists."""
    if isinstance(value, Mapping):
        return {name: _first_of_each(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_first_of_each(each) for each in value[:MAX_LISTED])
    return value


_UNAVAILABLE = Problem(
    503,
    "unavailable",
    "The database did not answer. Nothing was changed; try again.",
    headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
)
_TROUBLE = dataclasses.replace(
    _UNAVAILABLE,
    detail="A part of this system did not answer. Nothing was changed; try again.",
)
_OF_OTHERS: tuple[tuple[type[Exception], Problem], ...] = (
    (Http404, Problem(404, "not_found", str(errors.NotFound.default_detail))),
    (
        DjangoPermissionDenied,
        Problem(403, "not_permitted", str(errors.NotPermitted.default_detail)),
    ),
    (RequestDataTooBig, Problem(413, "too_large", "The body is too large.")),
    (SuspiciousOperation, Problem(400, "malformed_request", "The request could not be read.")),
    # The client went away, or took too long: nobody hears this, and it is no fault of ours.
    (UnreadablePostError, Problem(400, "malformed_request", "The body did not arrive whole.")),
    (OperationalError, _UNAVAILABLE),
    (InterfaceError, _UNAVAILABLE),
    # Such as jq: who undoes a step by hand needs it as the engine does.
    (Trouble, _TROUBLE),
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
        json_dumps_params={"ensure_ascii": False},
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
    for kind, problem in _OF_OTHERS:
        if isinstance(error, kind):
            return problem
    return _UNAVAILABLE if _will_pass(error) else None


def _will_pass(error: BaseException) -> bool:
    """Whether the database refused for a reason of its own that does not last, though the driver
    counts it among faults of ours."""
    return isinstance(error, InternalError) and sqlstate_of(error) in _PASSING


def _of_drf(error: drf.APIException) -> Problem:
    code = str(getattr(error.detail, "code", error.default_code))
    headers: dict[str, str] = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = str(challenge)
    if (wait := getattr(error, "wait", None)) is not None:
        headers["Retry-After"] = str(max(1, int(wait)))
    return Problem(
        error.status_code,
        _RENAMED.get(code, code),
        shortened(str(error.detail), MAX_DETAIL),
        headers=headers,
    )


def known() -> dict[str, ProblemType]:
    """Return every described problem type by code."""
    found = {each.code: each for each in _OF_HTTP}
    for refusal in _subclasses(Refusal):
        code = refusal.default_code
        if code not in found:
            found[code] = ProblemType(
                code, inspect.getdoc(refusal) or "", str(refusal.default_detail)
            )
    return found


def uri(code: str) -> str:
    """Return the `type` of a problem: a relative reference to its description."""
    return reverse("api-problem", kwargs={"code": code})


def _subclasses(of: type[Refusal]) -> Iterator[type[Refusal]]:
    for each in of.__subclasses__():
        yield each
        yield from _subclasses(each)


@require_safe
def problem_type(request: HttpRequest, code: str) -> JsonResponse:
    """Describe one problem type to anybody; no tenant is involved."""
    found = known().get(code)
    if found is None:
        return answer(Problem(404, "not_found", f"There is no problem type {code!r}."), request)
    return JsonResponse(
        {"type": uri(code), "code": code, "description": found.description, "detail": found.detail}
    )
