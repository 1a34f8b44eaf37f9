"""Refusals. One class per kind of answer; each carries a stable code and a sentence for a person.

The HTTP layer maps the class to a status; the code is public (`409 already_compensated`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from json_values.limits import MAX_DEPTH, PAYLOAD_BYTES, beyond_limits
from json_values.pointers import MAX_GATHERED, FieldError, shortened

MAX_DETAIL = 1000


class Refusal(Exception):
    """A verb said no. Nothing was changed.

    `extra` holds further public members of the answer (`available_actions`, `run`, …). Of `errors`
    the first are kept, one more than is told; long names and values in the words are cut.
    """

    default_code = "refused"
    default_detail: str | Promise = gettext_lazy("The request was refused.")

    def __init__(
        self,
        detail: str | None = None,
        *,
        code: str | None = None,
        errors: Iterable[FieldError] = (),
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        self.code = code or self.default_code
        self.detail = shortened(str(detail or self.default_detail), MAX_DETAIL)
        self.errors = tuple(each.shortened() for each in itertools.islice(errors, MAX_GATHERED))
        self.extra = dict(extra or {})
        super().__init__(f"{self.code}: {self.detail}")

    @property
    def noted(self) -> dict[str, Any]:
        """The refusal as an entry keeps it: code, detail, and what was decided, by which rules."""
        decided = self.extra.get("decisions")
        return {
            "code": self.code,
            "detail": self.detail,
            **({"decisions": decided} if decided else {}),
        }

    @property
    def in_words(self) -> str:
        """The refusal as one sentence for a person, with the field it is about."""
        if not self.errors:
            return self.detail
        first = self.errors[0]
        return f"{self.detail} {first.pointer or '/'}: {first.message}"


class NotFound(Refusal):
    """There is no such thing for this person: absent, or in another tenant, or not to be read."""

    default_code = "not_found"
    default_detail = gettext_lazy("There is no such thing.")


class NotPermitted(Refusal):
    """The person may see it but may not do this: role or relation is missing."""

    default_code = "not_permitted"
    default_detail = gettext_lazy("You may not do this.")


class PreconditionRequired(Refusal):
    """The verb needs `If-Match` or `Idempotency-Key`."""

    default_code = "precondition_required"
    default_detail = gettext_lazy("This request needs a precondition.")


class Stale(Refusal):
    """What the person saw is not what is stored now."""

    default_code = "stale_version"
    default_detail = gettext_lazy("It changed since you read it. Read it again.")


class Conflict(Refusal):
    """The state does not allow it. Never a matter of permission."""

    default_code = "illegal_state"
    default_detail = gettext_lazy("Its present state does not allow this.")


class Invalid(Refusal):
    """The input breaks a rule; `errors` names each field and rule."""

    default_code = "invalid"
    default_detail = gettext_lazy("The input breaks a rule.")

    @classmethod
    def field(cls, pointer: str, message: str, *, code: str = "invalid") -> Invalid:
        """Return the refusal for one broken field."""
        return cls(message, code=code, errors=[FieldError(pointer, message, code)])


def check_json(
    value: Any, pointer: str, *, limit: int = PAYLOAD_BYTES, depth: int = MAX_DEPTH
) -> None:
    """Raise Invalid, naming `pointer`, when `value` breaks a bound of `json_values.limits`."""
    broken = beyond_limits(value, pointer, limit=limit, depth=depth)
    if broken is not None:
        raise Invalid(broken.message, code=broken.code, errors=[broken])
