"""The base of every API view: authenticate, then read in the tenant's scope or call a verb."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, cast

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import is_valid_path
from django.utils.cache import patch_vary_headers
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import override

from accounts.acting import ActingUser, Authority, authority_of
from json_values.reader import unstorable
from ledger.errors import Invalid
from ledger.tenancy import reading_scope, tenant_scope
from verbs.body_size import LEAST
from verbs.input import invalid
from web import etag, pagination
from web.authentication import Credential
from web.error_pages import API_PREFIX
from web.membership import MemberRequest
from web.nul import check_query
from web.pagination import NEWEST_FIRST, Page
from web.parsers import check_length


class SlashToleranceMiddleware:
    """Reads `/api/v1/work-items/` as `/api/v1/work-items`: no API address ends in a slash.

    A redirect would do for GET, but a client that follows one turns its POST into a GET.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Drop the slash where only the address without it is one of ours."""
        path = request.path_info
        if path.startswith(API_PREFIX) and path.endswith("/") and not is_valid_path(path):
            bare = path.rstrip("/")
            if is_valid_path(bare):
                request.path_info = bare
        return self._get_response(request)


class TenantAPIView(APIView):
    """A view of one tenant's things.

    GET and HEAD run inside the tenant's scope. Unsafe methods run outside any transaction, because
    a verb is durable and opens its own: they read inside `self.scope()`.
    """

    metadata_class = None
    # The name of a stricter limit for POSTs, see web.rate_limits.
    rate_limit: ClassVar[str] = ""
    # Unsafe methods hand the versions in `If-Match: "v<version>"` to the verb. For OpenAPI only.
    honours_if_match: ClassVar[bool] = False
    # They hand on what a required If-Match names (`etag.named_digests`). For OpenAPI only.
    requires_if_match: ClassVar[bool] = False
    # Without an Idempotency-Key the verb is refused, at its step of 428. For OpenAPI only.
    requires_key: ClassVar[bool] = False
    # What GET reads may not be there yet (409). For OpenAPI only.
    may_be_early: ClassVar[bool] = False
    # GET answers a page of a list. For OpenAPI only.
    paginated: ClassVar[bool] = False

    @classmethod
    def largest_body(cls, _method: str) -> int:
        """Return how many bytes of a body a method reads; a longer one is refused (413)."""
        return LEAST

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
        """Authenticate, say on the Django request who acts, and see that query and body can be
        read."""
        super().initial(request, *args, **kwargs)
        django_request = cast("MemberRequest", request._request)  # noqa: SLF001  -- DRF's wrapper
        django_request.acting_user = self.acting_user
        check_query(django_request)
        check_length(django_request)

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
            with reading_scope(self.acting_user.tenant_id):
                return cast("Response", handler(request, *args, **kwargs))
        return cast("Response", handler(request, *args, **kwargs))

    def detail(self, body: Mapping[str, Any], *, version: int | str) -> Response:
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
        among: QuerySet[Any] | None = None,
    ) -> Response:
        """Answer a GET of a list with one page; `render` gets the page's rows at once.

        `among`, and how a page can be short: see `pagination.cut`.
        """
        found = pagination.page_of(self.request, rows, order=order, among=among)
        return Response({**self.links(found), "results": render(found.rows)})

    def links(self, page: Page[Any]) -> dict[str, str | None]:
        """Return `next` and `previous` of a page."""
        return {
            name: None if url is None else self.request.build_absolute_uri(url)
            for name, url in pagination.links(self.request, page).items()
        }

    def sent(self) -> Any:
        """Return the parsed body, or the Invalid that says why there is none to work with."""
        try:
            body = self.request.data
        except Invalid as error:
            return error
        found = unstorable(body)
        return invalid(found) if found else body
