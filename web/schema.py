"""What every operation has in common, said once for the OpenAPI document."""

from __future__ import annotations

import re
from typing import Any

from drf_spectacular.contrib.pydantic import PydanticExtension
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers
from typing_extensions import override

from json_values.characters import WITHOUT_NUL
from ledger.vocabulary import KINDS, SUBJECT_TYPES
from web.idempotency import KEY_PATTERN
from web.pagination import DEFAULT_LIMIT, LONGEST_PAGE

PAGE_PARAMETERS = (
    OpenApiParameter(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": LONGEST_PAGE, "default": DEFAULT_LIMIT},
        description="Rows per page.",
    ),
    OpenApiParameter("cursor", str, description="From another page's `next` or `previous`."),
)
_VERSIONS = r'^(\*|"v[0-9]{1,9}"( *, *"v[0-9]{1,9}")*)$'
_DIGESTS = r'^"[0-9a-f]{64}"( *, *"[0-9a-f]{64}")*$'
_SENTENCE_END = re.compile(r"\.(?:\s|\Z)")
_NARROWED = {"enum", "format", "pattern"}
_ANY = (401, 403, 404, 406, 429, 503)
_ACTING = (400, 409, 411, 412, 413, 415, 422)
_WORDS = {
    400: "The body could not be parsed.",
    401: "No credentials, or invalid ones.",
    403: "Role or relation is missing.",
    404: "There is no such thing for this member.",
    406: "The answer cannot be given in the asked form.",
    409: "Its present state does not allow this.",
    411: "The body came without its length.",
    412: "It changed since it was read.",
    413: "The body is longer than this operation reads.",
    415: "The body is in a form that is not read here.",
    422: "The input breaks a rule; `errors` names each.",
    428: "A precondition is missing.",
    429: "Too many requests; wait as Retry-After says.",
    503: "The database, or jq, did not answer; nothing was changed. Wait as Retry-After says.",
}


class FieldErrorSchema(serializers.Serializer[Any]):
    """One broken rule of one field."""

    pointer = serializers.CharField(help_text="JSON pointer into the body.")
    message = serializers.CharField()
    code = serializers.CharField()
    line = serializers.IntegerField(
        required=False, help_text="Where it stands in a text that was sent, such as a definition."
    )
    column = serializers.IntegerField(required=False)


class ProblemSchema(serializers.Serializer[Any]):
    """An error, as RFC 9457 says."""

    type = serializers.CharField(help_text="Stable reference; its description is served there.")
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField()
    detail = serializers.CharField()
    errors = FieldErrorSchema(many=True)  # type: ignore[assignment]  # a field of that name
    request_id = serializers.CharField()
    left_out = serializers.BooleanField(
        required=False, help_text="True: there are more errors, or items of lists, than are named."
    )
    current_status = serializers.CharField(required=False)
    available_actions = serializers.ListField(child=serializers.DictField(), required=False)


class ActionSchema(serializers.Serializer[Any]):
    """What may be done with a thing now, or why not."""

    action = serializers.CharField()
    allowed = serializers.BooleanField()
    reason = serializers.CharField(allow_null=True)


class SubjectSchema(serializers.Serializer[Any]):
    """What an entry is about."""

    type = serializers.ChoiceField(choices=sorted(SUBJECT_TYPES))
    id = serializers.UUIDField()


class EntryLinkSchema(serializers.Serializer[Any]):
    """A link to an entry that cannot be re-pointed."""

    id = serializers.UUIDField()
    hash = serializers.CharField(help_text="SHA-256, hexadecimal.")


class EntrySchema(serializers.Serializer[Any]):
    """One entry of the ledger."""

    id = serializers.UUIDField()
    subject = SubjectSchema()
    subject_seq = serializers.IntegerField()
    subject_version = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=sorted(KINDS))
    action = serializers.CharField()
    to = serializers.CharField(allow_null=True)
    actor = serializers.CharField(allow_null=True)
    actor_type = serializers.CharField()
    actor_role = serializers.CharField()
    on_behalf_of = serializers.CharField(allow_null=True)
    reason = serializers.CharField(allow_null=True)
    caused_by = EntryLinkSchema(allow_null=True)
    original = EntryLinkSchema(allow_null=True)
    compensation = serializers.DictField(allow_null=True)
    correlation_id = serializers.UUIDField()
    case = serializers.UUIDField(allow_null=True)
    completion_seq = serializers.IntegerField(allow_null=True)
    at = serializers.DateTimeField()
    hash = serializers.CharField()
    previous_hash = serializers.CharField(allow_null=True)
    tree_index = serializers.IntegerField(allow_null=True)
    payloads = serializers.DictField(help_text="What can be erased, by name.")
    erased = serializers.ListField(child=serializers.CharField())
    erased_under = serializers.UUIDField(
        allow_null=True, help_text="The receipt of what is erased, if anything is."
    )
    erased_because = serializers.CharField(
        allow_null=True, help_text="`GDPR_17`: a person was erased. `RETENTION`: by its age."
    )

    @override
    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Return the fields; `from` is a word of Python and cannot be declared above."""
        fields: dict[str, serializers.Field[Any, Any, Any, Any]] = dict(super().get_fields())
        fields["from"] = serializers.CharField(allow_null=True)
        return fields


class InputSchemas(PydanticExtension):  # type: ignore[no-untyped-call]  # drf-spectacular
    """The input of a verb, as it is read.

    Its base describes what a model writes, and keeps silent about two models of one name, of which
    the document would show the last for both.
    """

    target_class = "verbs.input.Input"
    match_subclasses = True
    priority = 1

    @override
    def get_name(self, auto_schema: AutoSchema, direction: str) -> str:
        return str(self.target.__name__)

    @override
    def map_serializer(self, auto_schema: AutoSchema, direction: str) -> dict[str, Any]:
        """Return the JSON Schema of the model; those it refers to become components too."""
        schema = self.target.model_json_schema(
            ref_template="#/components/schemas/{model}", mode="validation"
        )
        for name, inner in schema.pop("$defs", {}).items():
            component = ResolvedComponent(  # type: ignore[no-untyped-call]  # drf-spectacular
                name, ResolvedComponent.SCHEMA, schema=inner, object=name
            )
            known = auto_schema.registry
            if component in known and known[component].schema != inner:
                raise ValueError(f"two models are called {name}, and only one would be described")
            known.register_on_missing(component)
        return dict(schema)


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """`Authorization: Bearer`."""

    target_class = "web.authentication.TokenAuthentication"
    name = "bearer"

    @override
    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer"}


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """A signed-in browser."""

    target_class = "web.authentication.SessionAuthentication"
    name = "session"

    @override
    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {"type": "apiKey", "in": "cookie", "name": "sessionid"}


class AmendsAutoSchema(AutoSchema):
    """Adds the headers, page parameters and problem answers that views share."""

    @override
    def get_override_parameters(self) -> list[Any]:
        """Return Idempotency-Key, If-Match, limit and cursor where the view honours them."""
        found = list(super().get_override_parameters())
        if self.method == "POST":
            required = getattr(self.view, "requires_key", False)
            what = "Same key and body: the first answer again."
            found.append(_header("Idempotency-Key", what, KEY_PATTERN, required=required))
        required = getattr(self.view, "requires_if_match", False)
        if self.method != "GET" and (required or getattr(self.view, "honours_if_match", False)):
            what = (
                "The digest in quotes, or a list of such."
                if required
                else 'The version you saw, as `"v3"`, or a list of such; `*` is any.'
            )
            pattern = _DIGESTS if required else _VERSIONS
            found.append(_header("If-Match", what, pattern, required=required))
        if self.method == "GET" and getattr(self.view, "paginated", False):
            found.extend(PAGE_PARAMETERS)
        return found

    @override
    def _get_parameters(self) -> list[dict[str, Any]]:
        """Return them; no text of a query may hold NUL (`web.nul`)."""
        found: list[dict[str, Any]] = super()._get_parameters()
        for each in found:
            schema = each["schema"]
            free = schema.get("type") == "string" and not schema.keys() & _NARROWED
            if each["in"] == "query" and free:
                schema["pattern"] = WITHOUT_NUL
        return found

    @override
    def get_operation_id(self) -> str:
        """Call the reading of a list `…_list`: its answer is an envelope, which looks like one."""
        name: str = super().get_operation_id()
        if self.method == "GET" and getattr(self.view, "paginated", False):
            return name.removesuffix("_retrieve").removesuffix("_list") + "_list"
        return name

    @override
    def get_summary(self) -> str:
        """Return one line: what it is about, by the path, and the first sentence about it."""
        said = _SENTENCE_END.split(self.get_description(), maxsplit=1)[0]
        return f"{_about(self.path, self.method)}: {said[:1].lower()}{said[1:]}"

    @override
    def get_tags(self) -> list[str]:
        """Group operations by the first part of their path."""
        return [self.path.removeprefix("/api/v1/").split("/")[0]]

    @override
    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        found: dict[str, Any] = super()._get_response_bodies(direction)
        own = _ACTING if self.method != "GET" else (422,) if self._takes_query else ()
        for status in sorted((*_ANY, *own)):
            self._add_problem(found, status)
        if self.method == "GET" and getattr(self.view, "may_be_early", False):
            self._add_problem(found, 409)
        if self.method != "GET" and (
            getattr(self.view, "requires_key", False)
            or getattr(self.view, "requires_if_match", False)
        ):
            self._add_problem(found, 428)
        return found

    @property
    def _takes_query(self) -> bool:
        """Whether a parameter of the query can be wrong."""
        return any(each["in"] == "query" for each in self._get_parameters())

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
            "__doc__": "One page of a list. Short or empty, it may still have a next one.",
            "next": serializers.URLField(allow_null=True),
            "previous": serializers.URLField(allow_null=True),
            "results": item(many=True),
        },
    )


def _about(path: str, method: str) -> str:
    """Return what an operation is about: "Case timeline" of `cases/{id}/timeline`.

    What follows the last key is a verb, or something of the thing that is read.
    """
    parts = path.removeprefix("/api/v1/").strip("/").split("/")
    keys = [at for at, part in enumerate(parts) if part.startswith("{")]
    last = keys[-1] if keys else 0
    nouns = [
        _singular(part) if at < last else part
        for at, part in enumerate(parts)
        if at not in keys and (at < last or method == "GET" or not keys)
    ]
    said = " ".join(nouns).replace("-", " ")
    return said[:1].upper() + said[1:]


def _singular(noun: str) -> str:
    if noun.endswith("ies"):
        return f"{noun[:-3]}y"
    return noun.removesuffix("es" if noun.endswith("ches") else "s")


def _header(name: str, description: str, pattern: str, *, required: bool) -> OpenApiParameter:
    return OpenApiParameter(
        name, {"type": "string", "pattern": pattern}, OpenApiParameter.HEADER,
        description=description, required=required,
    )  # fmt: skip
