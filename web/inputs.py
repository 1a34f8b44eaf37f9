"""What an operation is given: a strict input schema, and the values a verb is called with.

A broken body may not be refused before the verb has said 404, 403, 412 or 409 (that order is
public). So parsing collects what is wrong in one `Invalid`, and the verb, called with it, raises it
at its own step of checking input.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.utils.dateparse import parse_datetime
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from typing_extensions import override

from ledger.errors import FieldError, Invalid
from web.problems import field_errors


class StrictSerializer(serializers.Serializer[Any]):
    """A schema that refuses members it does not know (`unknown_field`). Parses; writes nothing.

    Strict about types too: a number is no text, and a moment names its time zone.
    """

    @override
    def to_internal_value(self, data: Any) -> Any:
        """Return the validated members. Raises ValidationError for broken or unknown ones."""
        found = self._refused(data) if isinstance(data, Mapping) else {}
        try:
            value = super().to_internal_value(data)
        except ValidationError as error:
            if isinstance(error.detail, dict):
                raise ValidationError({**error.detail, **found}) from None
            raise
        if found:
            raise ValidationError(found)
        return value

    def _refused(self, data: Mapping[Any, Any]) -> dict[str, Any]:
        known = {name: field for name, field in self.fields.items() if not field.read_only}
        found: dict[str, Any] = {}
        for name, value in data.items():
            if name not in known:
                found[str(name)] = _error(f"There is no field {str(name)!r} here.", "unknown_field")
            elif wrong := _mistyped(known[name], value):
                found[name] = wrong
        return found


def _error(message: str, code: str = "invalid") -> list[serializers.ErrorDetail]:
    return [serializers.ErrorDetail(message, code=code)]


def _mistyped(field: Any, value: Any) -> list[Any] | dict[Any, Any]:
    """Return what is wrong with a value that DRF would turn into another type without a word."""
    found: list[Any] | dict[Any, Any] = []
    match field:
        case serializers.CharField() if isinstance(value, bool | int | float):
            found = _error("Must be a text.")
        case serializers.BooleanField() if not isinstance(value, bool | None):
            found = _error("Must be true or false.")
        case serializers.DateTimeField() if isinstance(value, str) and _is_naive(value):
            found = _error("Needs a time zone, as in 2030-01-31T12:00:00Z.")
        case serializers.ListField() if isinstance(value, list):
            found = _inside(field.child, enumerate(value))
        case serializers.DictField() if isinstance(value, Mapping):
            found = _inside(field.child, value.items())
    return found


def _inside(child: Any, pairs: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    found = ((name, _mistyped(child, each)) for name, each in pairs)
    return {name: wrong for name, wrong in found if wrong}


def _is_naive(text: str) -> bool:
    try:
        moment = parse_datetime(text)
    except ValueError:
        return False
    return moment is not None and moment.tzinfo is None


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

    Without a schema the body must be empty. `data` may be the Invalid that reading the body ended
    in. Of a broken body every member that the schema declares is there and reads as None, so that
    a verb can always be called.
    """
    serializer = (schema or StrictSerializer)(data={} if isinstance(data, Invalid) else data)
    if serializer.is_valid() and not isinstance(data, Invalid):
        return Given(dict(serializer.validated_data))
    declared = {name: None for name, field in serializer.fields.items() if not field.read_only}
    if isinstance(data, Invalid):
        return Given(declared, invalid=data)
    return Given(declared, invalid=invalid(list(field_errors(serializer.errors))))


def invalid(found: list[FieldError]) -> Invalid:
    """Return one refusal for all broken fields; its code is theirs when they agree."""
    codes = {each.code for each in found}
    code = codes.pop() if codes == {"unknown_field"} else "invalid"
    where = found[0].pointer or "the body"
    return Invalid(f"{where}: {found[0].message}", code=code, errors=found)
