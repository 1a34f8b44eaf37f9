"""The stable `type` of each error, with a page that says what it means.

Codes of the domain are those of the refusal classes: the class is the description. What HTTP itself
refuses is listed here.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator

from django.urls import reverse

from ledger.errors import Refusal


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
    ProblemType("too_large", "The body is longer than the server reads."),
    ProblemType("unsupported_media_type", "The body is in a form this operation does not read."),
    ProblemType("idempotency_key_required", "This operation needs an Idempotency-Key."),
    ProblemType("idempotency_key_invalid", "The Idempotency-Key breaks a rule."),
    ProblemType("idempotency_key_reused", "The key was used before for another request."),
    ProblemType("invalid_cursor", "The cursor is not one that this list gave out."),
    ProblemType("invalid_limit", "The limit is not a number from 1 to 200."),
    ProblemType("throttled", "Too many requests; wait as Retry-After says."),
    ProblemType("unavailable", "The database did not answer; nothing was changed. Try again."),
    ProblemType(
        "internal_error", "A fault of ours. What was done is recorded whole or not at all."
    ),
)


def known() -> dict[str, ProblemType]:
    """Return every described problem type by code."""
    found = {each.code: each for each in _OF_HTTP}
    for refusal in _subclasses(Refusal):
        code = refusal.default_code
        if code not in found:
            found[code] = ProblemType(code, inspect.getdoc(refusal) or "", refusal.default_detail)
    return found


def uri(code: str) -> str:
    """Return the `type` of a problem: a relative reference to its description."""
    return reverse("api-problem", kwargs={"code": code})


def _subclasses(of: type[Refusal]) -> Iterator[type[Refusal]]:
    for each in of.__subclasses__():
        yield each
        yield from _subclasses(each)
