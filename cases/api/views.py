"""The endpoints of cases and their definitions. Most verbs are served from the catalogue."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import IO, Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from typing_extensions import override

from accounts.errors import MalformedBody
from cases import actions, past_state, selectors
from cases.api import case_shapes, context_shapes
from cases.case_progress import progress_read
from cases.definitions.parser import MAX_SOURCE_BYTES
from cases.definitions.published_schema import published_schema
from cases.lifecycle import CaseStatus
from json_values.pointers import FieldError
from ledger.errors import Invalid
from ledger.selectors import all_entries, open_entries
from verbs.input import invalid
from verbs.shell import Verb
from web.api import TenantAPIView
from web.entries import represent_entries
from web.parsers import StrictJSONParser, bound_of, read_bounded
from web.schema import EntrySchema, page_schema
from web.verb_api import VerbAPIView
from workitems.api.item_json import ChainSchema, chain_page
from workitems.chain import chain_of_case

_MOST = 2**53
_AT = OpenApiParameter(
    "at", {"type": "integer", "minimum": 0, "maximum": _MOST},
    description="A `completion_seq`: the case once that completion had been taken in, and before"
    " anything followed from it. 0: as it was opened; beyond the newest: after that.",
)  # fmt: skip
_BODY = {"application/yaml": OpenApiTypes.STR, "application/json": OpenApiTypes.OBJECT}


class Cases(TenantAPIView):
    """All cases of the tenant."""

    paginated = True

    @extend_schema(
        responses=page_schema(case_shapes.CaseSchema, "CasePage"),
        parameters=[
            OpenApiParameter("status", str, enum=CaseStatus.values),
            OpenApiParameter("definition", str, description="namespace/name"),
            OpenApiParameter("number", str, description="As people call it, such as L-2026-118."),
        ],
    )
    def get(self, request: Request) -> Response:
        """List them, newest first."""
        tenant_id = self.acting_user.tenant_id
        rows = _filtered(tenant_id, request.query_params)
        among = selectors.cases(tenant_id) if "definition" in request.query_params else None
        return self.page(rows, lambda page: case_shapes.cases(page, self.authority), among=among)


def _filtered(tenant_id: uuid.UUID, query: Mapping[str, str]) -> QuerySet[Any]:
    """Return the cases a list asks for: `status`, `definition` (namespace/name),
    `number`."""
    rows: QuerySet[Any] = selectors.cases(tenant_id)
    if "status" in query:
        if query["status"] not in CaseStatus.values:
            known = ", ".join(CaseStatus.values)
            raise Invalid.field("status", f"status: must be one of {known}")
        rows = rows.filter(status=query["status"])
    if "number" in query:
        rows = rows.filter(number=query["number"])
    if "definition" in query:
        namespace, _, name = query["definition"].partition("/")
        ids = [row.id for row in selectors.versions(tenant_id, namespace, name)]
        rows = rows.filter(definition_id__in=ids) if ids else rows.none()
    return rows


class CaseDetail(TenantAPIView):
    """One case."""

    @extend_schema(responses=case_shapes.CaseDetailSchema)
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """Read it, with how far it is."""
        row = selectors.case(self.acting_user.tenant_id, id)
        [shape] = case_shapes.cases([row], self.authority)
        progress = progress_read(row.tenant_id, row.id).to_json()
        return self.detail({**shape, "progress": progress}, version=row.version)


class CasePlanItems(TenantAPIView):
    """What a case's bindings became."""

    paginated = True

    @extend_schema(
        responses=page_schema(case_shapes.PlanItemSchema, "PlanItemPage"), parameters=[_AT]
    )
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """List them, in the order in which they were opened; with `at`, as they were."""
        case = selectors.case(self.acting_user.tenant_id, id)
        at = _completion(request)
        if at is None:
            items = selectors.plan_items(case.tenant_id, case.id)
            return self.page(items, case_shapes.plan_items, order=selectors.AS_OPENED)
        moment = past_state.moment_of(case, at)

        def shown(page: list[Any]) -> list[Any]:
            return case_shapes.plan_items(past_state.as_they_were(page, moment))

        return self.page(past_state.items_at(case, moment), shown, order=selectors.AS_OPENED)


class CaseContext(TenantAPIView):
    """What a case's steps read and write."""

    @extend_schema(responses=context_shapes.ContextSchema, parameters=[_AT])
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """Read it; with `at`, as it was. Undo removes no key: `invalidated` names those of undone
        work."""
        row = selectors.case(self.acting_user.tenant_id, id)
        at = _completion(request)
        if at is not None:
            return Response(context_shapes.past_context(past_state.context_at(row, at)))
        return self.detail(context_shapes.context(row), version=row.version)


def _completion(request: Request) -> int | None:
    """Return the completion that `at` names, if it does. Raises Invalid."""
    said = request.GET.get("at")
    if said is None:
        return None
    if not (said.isascii() and said.isdigit()) or int(said[:20]) > _MOST:
        raise Invalid.field("at", "at: the number of a completion, from 0 on.", code="number")
    return int(said)


class CaseTimeline(TenantAPIView):
    """The ledger entries of a case and all its parts."""

    paginated = True

    @extend_schema(responses=page_schema(EntrySchema, "CaseTimelinePage"))
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """List them, newest first."""
        case = selectors.case(self.acting_user.tenant_id, id)
        rows = all_entries(case.tenant_id).filter(case_id=case.id)
        return self.page(rows, _entries, order=("-at", "-id"))


class CaseHistory(TenantAPIView):
    """The ledger entries of the case itself."""

    paginated = True

    @extend_schema(responses=page_schema(EntrySchema, "CaseHistoryPage"))
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """List them, newest first."""
        case = selectors.case(self.acting_user.tenant_id, id)
        rows = all_entries(case.tenant_id).filter(subject_type="case", subject_id=case.id)
        return self.page(rows, _entries, order=("-subject_seq",))


def _entries(page: Sequence[Any]) -> list[dict[str, Any]]:
    return represent_entries(open_entries(page))


class CaseChain(TenantAPIView):
    """What led to what in a case, and what reverses what."""

    paginated = True

    @extend_schema(responses=ChainSchema)
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """Read a page of the causal chain, with the arrows that begin at its nodes."""
        case = selectors.case(self.acting_user.tenant_id, id)
        return chain_page(self, chain_of_case(case.tenant_id, case.id))


class YamlText(BaseParser):
    """Reads `application/yaml` as text; the compiler parses it and names lines."""

    media_type = "application/yaml"

    @override
    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the text. Raises MalformedBody when it is not UTF-8 or holds NUL."""
        wrong = "The body contains NUL."
        try:
            text = read_bounded(stream, bound_of(parser_context)).decode("utf-8-sig")
            if "\x00" not in text:
                return text
        except UnicodeDecodeError as error:
            wrong = f"The body is not UTF-8: {error.reason}."
        raise MalformedBody(wrong, code="malformed_request")


#: The names of YAML: the present one and two older ones.
_YAML = ("application/yaml", "application/x-yaml", "text/yaml")
PARSERS = [
    *(type("YamlText", (YamlText,), {"media_type": each}) for each in _YAML),
    StrictJSONParser,
]


class _SourceBody(VerbAPIView):
    """The whole body is a definition: YAML text, or the same as a JSON object."""

    parser_classes = PARSERS
    rate_limit = "definitions"

    @classmethod
    @override
    def largest_body(cls, _method: str) -> int:
        """Return how long a definition may be, however it is written."""
        return MAX_SOURCE_BYTES

    @override
    def sent(self) -> Any:
        """Return the body under the name that the verb has for it."""
        body = super().sent()
        if isinstance(body, str | Mapping):
            return {"source": body}
        broken = FieldError("", "must be a case definition", "invalid")
        return body if isinstance(body, Invalid) else invalid([broken])


class Definitions(_SourceBody):
    """All deployed versions of case definitions."""

    verbs: ClassVar[Mapping[str, Verb[Any]]] = {"post": actions.deploy_definition}
    paginated = True

    @extend_schema(responses=page_schema(case_shapes.DefinitionSchema, "DefinitionPage"))
    def get(self, request: Request) -> Response:
        """List them, newest first."""
        return self.page(selectors.definitions(self.acting_user.tenant_id), case_shapes.definitions)

    @extend_schema(request=_BODY, responses={201: case_shapes.DeployedSchema})
    def post(self, request: Request) -> Response:
        """Deploy a version. A deployed version never changes; the same content again is no news."""
        return self.perform(self.verbs["post"])


class DefinitionValidate(_SourceBody):
    """A definition, checked without storing it."""

    @extend_schema(request=_BODY, responses=case_shapes.ValidationSchema)
    def post(self, request: Request) -> Response:
        """Check it. Errors come as a problem whose `errors` name line and pointer."""
        body = self.sent()
        if isinstance(body, Invalid):
            raise body
        with self.scope():
            _ = self.authority
        compiled = actions.check_apart(body["source"])
        with self.scope():
            warnings = actions.warnings_of(self.acting_user.tenant_id, compiled)
        return Response(case_shapes.validation(compiled, warnings))


class DefinitionSchemaView(TenantAPIView):
    """What a definition looks like, for editors and for programs that write one."""

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """Read the JSON Schema (draft 2020-12) of definitions. What only compiling finds, such as
        an expression that does not parse, it lets pass: `validate` says that."""
        with self.scope():
            _ = self.authority
        return Response(published_schema())


class DefinitionDetail(TenantAPIView):
    """One deployed version."""

    @extend_schema(responses=case_shapes.DefinitionDetailSchema)
    def get(self, request: Request, namespace: str, name: str, version: str) -> Response:
        """Read it, with source and compiled form."""
        row = selectors.definition(self.acting_user.tenant_id, namespace, name, version)
        return self.detail(case_shapes.definition(row), version=1)


class DefinitionGraph(TenantAPIView):
    """What undoes what in one deployed version."""

    @extend_schema(responses=case_shapes.GraphSchema)
    def get(self, request: Request, namespace: str, name: str, version: str) -> Response:
        """Read its bindings, the undo of each, and the gaps."""
        row = selectors.definition(self.acting_user.tenant_id, namespace, name, version)
        return Response(case_shapes.graph(selectors.compiled(row)))
