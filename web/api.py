"""The base of every API view: authenticate, then read in the tenant's scope or call a verb."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar, cast

from django.db import IntegrityError
from django.db.models import QuerySet
from django.http import HttpResponseBase
from django.utils.cache import patch_vary_headers
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView
from typing_extensions import override

from accounts.acting import ActingUser, Authority, authority_of
from ledger.errors import Invalid, Refusal, Stale
from ledger.tenancy import tenant_scope
from web import etag, idempotency, inputs, pagination, parsers
from web.authentication import Credential
from web.cursors import NEWEST_FIRST
from web.idempotency import Answer, Key, KeyTaken
from web.inputs import Given
from web.membership import MemberRequest

Row = TypeVar("Row")
Schema = type[Serializer[Any]]


@dataclasses.dataclass(frozen=True, slots=True)
class _Call:
    """What a verb will be called with."""

    arguments: dict[str, Any]
    key: Key | None
    # What `If-Match` allows; empty where the verb does not ask.
    versions: list[int | None]

    def of(self, verb: Callable[..., Row], *subject: Any, **fixed: Any) -> Row:
        """Call it, once for each version that `If-Match` allows, until one is the present one."""
        if not self.versions:
            return verb(*subject, **self.arguments, **fixed)
        *others, last = self.versions
        for version in others:
            with contextlib.suppress(Stale):
                return verb(*subject, **self.arguments, **fixed, expected_version=version)
        return verb(*subject, **self.arguments, **fixed, expected_version=last)


@dataclasses.dataclass(frozen=True, slots=True)
class _Shape(Generic[Row]):
    """How a verb's result becomes an answer."""

    render: Callable[[Row], Any]
    status: int | Callable[[Row], int]
    location: Callable[[Row], str] | None
    etag_of: Callable[[Row], int | str] | None

    def answer(self, row: Row) -> Answer:
        headers = {}
        version = self.etag_of(row) if self.etag_of else getattr(row, "version", None)
        if version is not None:
            headers["ETag"] = etag.tag(version)
        if self.location is not None:
            headers["Location"] = self.location(row)
        status = self.status(row) if callable(self.status) else self.status
        return Answer(status, idempotency.plain(self.render(row)), headers)


class _Keeper(Generic[Row]):
    """Renders the answer inside the verb's transaction and keeps it under the key."""

    def __init__(self, shape: _Shape[Row], key: Key | None) -> None:
        self.shape = shape
        self.key = key
        self.answer: Answer | None = None

    def remember(self, row: Row) -> None:
        self.answer = self.shape.answer(row)
        if self.key is not None:
            self.key.keep(self.answer)


class TenantAPIView(APIView):
    """A view of one tenant's things.

    GET and HEAD run inside the tenant's scope. Unsafe methods run outside any transaction, because
    a verb is durable and opens its own: they call `act`, or read inside `self.scope()`.
    """

    metadata_class = None
    # Unsafe methods hand `If-Match: "v<version>"` to the verb as `expected_version`.
    honours_if_match: ClassVar[bool] = False
    # The view itself passes on an opaque, required If-Match (`etag.opaque_tag`). For OpenAPI only.
    requires_if_match: ClassVar[bool] = False
    # Without an Idempotency-Key the verb gets `unmet`, which it raises at its step of 428.
    requires_key: ClassVar[bool] = False
    # GET answers a page of a list. For OpenAPI only.
    paginated: ClassVar[bool] = False

    @property
    def acting_user(self) -> ActingUser:
        """Who calls, in which tenant."""
        credential = self.request.auth
        if not isinstance(credential, Credential) or credential.place is None:
            raise TypeError("acting_user is known after authentication")
        return credential.place.acting

    @functools.cached_property
    def authority(self) -> Authority:
        """What the caller may do now: one statement, in the tenant's scope, once per request."""
        return authority_of(self.acting_user)

    @contextlib.contextmanager
    def scope(self) -> Iterator[None]:
        """Open the tenant's scope, for reads of an unsafe method."""
        with tenant_scope(self.acting_user.tenant_id):
            yield

    @override
    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authenticate, then say on the Django request who acts."""
        super().initial(request, *args, **kwargs)
        django_request = cast("MemberRequest", request._request)  # noqa: SLF001  -- DRF's wrapper
        django_request.acting_user = self.acting_user

    @override
    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """As DRF's, with safe methods inside the tenant's scope."""
        self.args, self.kwargs = args, kwargs
        self.request = self.initialize_request(request, *args, **kwargs)
        self.headers = self.default_response_headers
        try:
            self.initial(self.request, *args, **kwargs)
            response = self._answer(self.request, *args, **kwargs)
        except Exception as error:  # noqa: BLE001  -- DRF's handler re-raises what it does not know
            response = self.handle_exception(error)
        self.response = self.finalize_response(self.request, response, *args, **kwargs)
        # The same address answers differently to different members.
        patch_vary_headers(self.response, ("Authorization", "Cookie"))
        if not self.response.has_header("Cache-Control"):
            self.response.headers["Cache-Control"] = "private, no-cache"
        return self.response

    def _answer(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        name = str(request.method).lower()
        # A made-up method must not reach an attribute of the view that happens to have its name.
        known = name in self.http_method_names
        handler = getattr(self, name if known else "", self.http_method_not_allowed)
        if request.method in SAFE_METHODS:
            with self.scope():
                return cast("Response", handler(request, *args, **kwargs))
        return cast("Response", handler(request, *args, **kwargs))

    def detail(self, body: Mapping[str, Any], *, version: int) -> Response:
        """Answer a GET of one thing with its ETag, or 304 if the caller has this version."""
        headers = {"ETag": etag.tag(version)}
        if etag.not_modified(self.request, version):
            return Response(status=304, headers=headers)
        return Response(body, headers=headers)

    def page(
        self,
        rows: QuerySet[Any],
        render: Callable[[list[Any]], list[Any]],
        *,
        order: Sequence[str] = NEWEST_FIRST,
    ) -> Response:
        """Answer a GET of a list with one page; `render` gets the page's rows at once."""
        found = pagination.page_of(self.request, rows, order=order)
        return Response(pagination.envelope(self.request, found, render))

    def given(self, schema: Schema) -> Given:
        """Return the checked body, for a POST that only reads. Raises Invalid."""
        found = inputs.parse(schema, self._body())
        if found.invalid is not None:
            raise found.invalid
        return found

    def act(
        self,
        verb: Callable[..., Row],
        *subject: Any,
        render: Callable[[Row], Any],
        schema: Schema | None = None,
        arguments: Callable[[Given], Mapping[str, Any]] | None = None,
        status: int | Callable[[Row], int] = 200,
        location: Callable[[Row], str] | None = None,
        etag_of: Callable[[Row], int | str] | None = None,
        **fixed: Any,
    ) -> Response:
        """Call a verb with the body's members and answer with what it returns.

        The verb gets `*subject`, the body's members by name (or what `arguments` makes of them,
        called in the tenant's scope), `fixed`, and: `acting_user`; `invalid` if body or key are
        broken (it raises that at its step of checking input; members then read as None);
        `expected_version` if `honours_if_match`; `unmet` if `requires_key` and there is none;
        `remember`, which renders the answer and keeps it under the Idempotency-Key inside the
        verb's transaction. `etag_of` defaults to the row's `version`; a text is a tag of its own.
        """
        call = self._call(schema, arguments)
        if call.key is not None and (first := call.key.first_answer()) is not None:
            return first.response(replayed=True)
        keeper = _Keeper(_Shape(render, status, location, etag_of), call.key)
        try:
            row = call.of(verb, *subject, **fixed, remember=keeper.remember)
        except (Refusal, IntegrityError, KeyTaken):
            # A twin of this request may have won the race: its answer is ours too.
            if call.key is not None and (first := call.key.first_answer()) is not None:
                return first.response(replayed=True)
            raise
        if keeper.answer is None:
            # The verb found nothing to do and remembered nothing.
            with self.scope():
                keeper.answer = keeper.shape.answer(row)
        return keeper.answer.response()

    def _body(self) -> Any:
        """Return the parsed body, or the Invalid that says why there is none to work with."""
        try:
            body = self.request.data
        except Invalid as error:
            return error
        found = parsers.unstorable(body)
        return inputs.invalid(found) if found else body

    def _call(
        self, schema: Schema | None, arguments: Callable[[Given], Mapping[str, Any]] | None
    ) -> _Call:
        body = self._body()
        given = inputs.parse(schema, body)
        key: Key | None = None
        broken_key: Invalid | None = None
        try:
            key = idempotency.key_of(
                self.request, self.acting_user, None if isinstance(body, Invalid) else body
            )
        except Invalid as error:
            broken_key = error
        invalid = given.invalid
        if arguments is None:
            members = dict(given)
        else:
            members, invalid = self._converted(arguments, given)
        door: dict[str, Any] = {
            "acting_user": self.acting_user,
            "invalid": broken_key or invalid,
        }
        versions = etag.expected_versions(self.request) if self.honours_if_match else []
        if self.requires_key:
            present = key is not None or broken_key is not None
            door["unmet"] = None if present else idempotency.missing()
        return _Call({**members, **door}, key, versions)

    def _converted(
        self, arguments: Callable[[Given], Mapping[str, Any]], given: Given
    ) -> tuple[dict[str, Any], Invalid | None]:
        with self.scope():
            try:
                return dict(arguments(given)), given.invalid
            except Invalid as error:
                return dict(arguments(Given(given.members, invalid=error))), error
