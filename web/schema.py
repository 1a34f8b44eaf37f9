"""What every operation has in common, said once for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers
from typing_extensions import override

from web.pagination import PARAMETERS

_READING = (401, 403, 404)
_ACTING = (400, 401, 403, 404, 409, 412, 415, 422)
_WORDS = {
    400: "The body could not be parsed.",
    401: "No credentials, or invalid ones.",
    403: "Role or relation is missing.",
    404: "There is no such thing for this member.",
    409: "Its present state does not allow this.",
    412: "It changed since it was read.",
    415: "The body is in a form that is not read here.",
    422: "The input breaks a rule; `errors` names each.",
    428: "A precondition is missing.",
}


class FieldErrorSchema(serializers.Serializer[Any]):
    """One broken rule of one field."""

    pointer = serializers.CharField(help_text="JSON pointer into the body.")
    message = serializers.CharField()
    code = serializers.CharField()


class ProblemSchema(serializers.Serializer[Any]):
    """An error, as RFC 9457 says."""

    type = serializers.CharField(help_text="Stable reference; its description is served there.")
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField()
    detail = serializers.CharField()
    errors = FieldErrorSchema(many=True)  # type: ignore[assignment]  # a field of that name
    request_id = serializers.CharField()
    current_status = serializers.CharField(required=False)
    available_actions = serializers.ListField(child=serializers.DictField(), required=False)


class ActionSchema(serializers.Serializer[Any]):
    """What may be done with a thing now, or why not."""

    action = serializers.CharField()
    allowed = serializers.BooleanField()
    reason = serializers.CharField(allow_null=True)


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """`Authorization: Bearer`."""

    target_class = "web.authentication.TokenAuthentication"
    name = "bearer"

    @override
    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        """Return the OpenAPI security scheme."""
        return {"type": "http", "scheme": "bearer"}


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """A signed-in browser."""

    target_class = "web.authentication.SessionAuthentication"
    name = "session"

    @override
    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        """Return the OpenAPI security scheme."""
        return {"type": "apiKey", "in": "cookie", "name": "sessionid"}


class AmendsAutoSchema(AutoSchema):
    """Adds the headers, page parameters and problem answers that views share."""

    @override
    def get_override_parameters(self) -> list[Any]:
        """Return Idempotency-Key, If-Match, limit and cursor where the view honours them."""
        found = list(super().get_override_parameters())
        if self.method == "POST":
            found.append(_header(
                "Idempotency-Key", "Same key and body: the first answer again.",
                required=getattr(self.view, "requires_key", False),
            ))  # fmt: skip
        required = getattr(self.view, "requires_if_match", False)
        if self.method != "GET" and (required or getattr(self.view, "honours_if_match", False)):
            what = "The digest in quotes." if required else 'The version you saw, as `"v3"`.'
            found.append(_header("If-Match", what, required=required))
        if self.method == "GET" and getattr(self.view, "paginated", False):
            found.extend(_query(each) for each in PARAMETERS)
        return found

    @override
    def get_operation_id(self) -> str:
        """Call the reading of a list `…_list`: its answer is an envelope, which looks like one."""
        name: str = super().get_operation_id()
        if self.method == "GET" and getattr(self.view, "paginated", False):
            return name.removesuffix("_retrieve").removesuffix("_list") + "_list"
        return name

    @override
    def get_tags(self) -> list[str]:
        """Group operations by the first part of their path."""
        return [self.path.removeprefix("/api/v1/").split("/")[0]]

    @override
    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        found: dict[str, Any] = super()._get_response_bodies(direction)
        for status in _READING if self.method == "GET" else _ACTING:
            self._add_problem(found, status)
        if getattr(self.view, "requires_key", False) or getattr(
            self.view, "requires_if_match", False
        ):
            self._add_problem(found, 428)
        return found

    def _add_problem(self, found: dict[str, Any], status: int) -> None:
        if str(status) not in found:
            found[str(status)] = self._get_response_for_code(  # type: ignore[no-untyped-call]  # DRF-spectacular
                OpenApiResponse(ProblemSchema, description=_WORDS[status]),
                str(status),
                media_types=["application/problem+json"],
            )


def page_schema(item: type[serializers.BaseSerializer[Any]], name: str) -> type[Any]:
    """Return the schema of a page of `item`, named `name` in the document."""
    return type(
        name,
        (serializers.Serializer,),
        {
            "__doc__": "One page of a list.",
            "next": serializers.URLField(allow_null=True),
            "previous": serializers.URLField(allow_null=True),
            "results": item(many=True),
        },
    )


def _header(name: str, description: str, *, required: bool) -> OpenApiParameter:
    return OpenApiParameter(
        name, str, OpenApiParameter.HEADER, description=description, required=required
    )


def _query(parameter: dict[str, Any]) -> OpenApiParameter:
    return OpenApiParameter(
        parameter["name"],
        parameter["schema"],
        OpenApiParameter.QUERY,
        description=parameter["description"],
    )
