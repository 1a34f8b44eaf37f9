"""What an operation is given: a strict input schema, and the values a verb is called with.

A broken body may not be refused before the verb has said 404, 403, 412 or 409 (that order is
public). So parsing collects what is wrong in one `Invalid`, and the verb, called with it, raises it
at its own step of checking input.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from typing_extensions import override

from accounts.http.problems import field_errors
from ledger.errors import FieldError, Invalid


class StrictSerializer(serializers.Serializer[Any]):
    """A schema that refuses members it does not know (`unknown_field`). Parses; writes nothing."""

    @override
    def to_internal_value(self, data: Any) -> Any:
        """Return the validated members. Raises ValidationError for broken or unknown ones."""
        found: dict[str, Any] = {}
        if isinstance(data, Mapping):
            known = {name for name, field in self.fields.items() if not field.read_only}
            for name in data:
                if name not in known:
                    found[str(name)] = [
                        serializers.ErrorDetail(
                            f"There is no field {str(name)!r} here.", code="unknown_field"
                        )
                    ]
        try:
            value = super().to_internal_value(data)
        except ValidationError as error:
            if isinstance(error.detail, dict):
                raise ValidationError({**error.detail, **found}) from None
            raise
        if found:
            raise ValidationError(found)
        return value


@dataclasses.dataclass(frozen=True, slots=True)
class Given(Mapping[str, Any]):
    """The body's members. Reads as None throughout when the body broke a rule (`invalid`)."""

    members: Mapping[str, Any]
    invalid: Invalid | None = None

    @override
    def __getitem__(self, name: str) -> Any:
        """Return one member. Of a broken body every member is None."""
        return None if self.invalid is not None else self.members[name]

    @override
    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of the members."""
        return iter(self.members)

    @override
    def __len__(self) -> int:
        """Return how many members there are."""
        return len(self.members)


def parse(schema: type[serializers.Serializer[Any]] | None, data: Any) -> Given:
    """Return the members of `data` by `schema`; what is wrong is in `invalid`, nothing is raised.

    Without a schema the body must be empty. Of a broken body the required members are named.
    """
    if schema is None:
        schema = StrictSerializer
    serializer = schema(data=data)
    if serializer.is_valid():
        return Given(dict(serializer.validated_data))
    required = {name: None for name, field in serializer.fields.items() if field.required}
    return Given(required, invalid=invalid(list(field_errors(serializer.errors))))


def invalid(found: list[FieldError]) -> Invalid:
    """Return one refusal for all broken fields; its code is theirs when they agree."""
    codes = {each.code for each in found}
    code = codes.pop() if codes == {"unknown_field"} else "invalid"
    where = found[0].pointer or "the body"
    return Invalid(f"{where}: {found[0].message}", code=code, errors=found)
