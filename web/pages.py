"""The base of every HTML page: a signed-in member, the tenant's scope, refusals in words.

A page is a form first and htmx second: every POST answers with a redirect when it worked and with
the same page, a status and a sentence when it did not.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any, ClassVar, TypeVar, cast

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.db.models import QuerySet
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotModified
from django.http import HttpResponseRedirect as Redirect
from django.shortcuts import render as render_page
from django.utils.cache import patch_vary_headers
from django.utils.functional import Promise, SimpleLazyObject
from django.utils.translation import gettext as _
from django.views import View
from django_fsm import TransitionNotAllowed
from django_htmx.http import HttpResponseClientRedirect
from typing_extensions import override

from accounts.acting import ActingUser, Authority, authority_of
from accounts.models import User
from accounts.selectors import Place
from ledger.clock import now
from ledger.errors import Conflict, NotFound, Refusal
from ledger.tenancy import reading_scope, tenant_scope
from verbs.body_size import largest_body
from verbs.input import Input, Nothing
from web import etag, kept_form_pages, kept_forms, live, pagination
from web.error_pages import refusal_page
from web.form_size import FORM_BYTES
from web.membership import MemberRequest, place_of
from web.only_post import page_of
from web.pagination import NEWEST_FIRST, Page
from web.problems import illegal_move, status_of
from web.rate_limits import refused, wait_of
from web.schema_form import SchemaForm

Result = TypeVar("Result")
SAFE = {"GET", "HEAD", "OPTIONS"}


class MemberPage(View):
    """A page of one tenant's things.

    GET runs inside the tenant's scope, rendering included. POST runs outside any transaction: verbs
    are durable and open their own. Signed out: the login page, and back. Signed in without a
    membership: a page that says so.
    """

    request: MemberRequest
    # The name of a stricter limit for POSTs, see web.rate_limits: one with the API's of that name.
    rate_limit: ClassVar[str] = ""
    # Whether what was typed into its form waits for its author when the session was over.
    keeps_forms: ClassVar[bool] = True
    # Whether its form has a file; of any other page a file that is sent is passed over.
    takes_file: ClassVar[bool] = False
    # What its longest form asks for.
    fills_in: ClassVar[type[Input]] = Nothing

    @classmethod
    def largest_form(cls) -> int:
        """Return how many bytes of a form it reads; a longer one is refused (413)."""
        return FORM_BYTES if cls.fills_in is Nothing else FORM_BYTES + largest_body(cls.fills_in)

    @property
    def place(self) -> Place:
        """The tenant and roles of this request."""
        found = place_of(self.request)
        if found is None:
            raise TypeError("a page is only run for a member")
        return found

    @property
    def acting_user(self) -> ActingUser:
        """Who acts, in which tenant."""
        return self.place.acting

    @functools.cached_property
    def authority(self) -> Authority:
        """What the member may do now, read with what the page carries (`web.live`); in a POST, one
        statement in the tenant's scope, once per request."""
        carried = getattr(self.request, "live", None)
        known: Authority | None = carried.authority if carried else None
        return authority_of(self.acting_user) if known is None else known

    @property
    def is_fragment(self) -> bool:
        """Whether htmx asks for a part of the page."""
        htmx = getattr(self.request, "htmx", None)
        return bool(htmx) and not getattr(htmx, "boosted", False)

    @override
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Run the page; what is refused becomes a page that says why."""
        if not isinstance(request.user, User):
            return self._to_login(request)
        if place_of(request) is None:
            return render_page(request, "web/no_membership.html", status=403)
        turned_away = self._turned_away(request) if request.method == "POST" else None
        if turned_away is not None:
            return turned_away
        try:
            response = self._run(request, *args, **kwargs)
        except Refusal as refusal:
            self.request.live = None
            response = refusal_page(request, refusal)
        except TransitionNotAllowed as error:
            response = refusal_page(request, illegal_move(error))
        patch_vary_headers(response, ("Cookie", "HX-Request"))
        if not response.has_header("Cache-Control"):
            response.headers["Cache-Control"] = "private, no-cache"
        return response

    def _turned_away(self, request: HttpRequest) -> HttpResponse | None:
        """Return the answer to a form that is not carried out, whatever it says."""
        if kept_forms.written_elsewhere(request):
            return self._not_here(request)
        # Whatever comes of it, what was typed there before is replaced.
        kept_forms.drop(request, request.path_info)
        wait = wait_of((self.rate_limit, str(request.user.pk))) if self.rate_limit else 0
        return refused(request, wait) if wait else None

    def _not_here(self, request: HttpRequest) -> HttpResponse:
        """Answer a form of a page that was made in another organisation: it is not carried out in
        this one, whatever it would mean here, and its text waits where it was written."""
        kept_forms.keep(request)
        why = _(
            "This page was made for another organisation than %(here)s, in which you are now."
            " Nothing was done. Change back to it, and what you wrote is on its page again."
        )
        refusal = Conflict(why % {"here": self.place.tenant_name}, code="other_organisation")
        return refusal_page(request, refusal, back_url=page_of(request.path_info))

    def _to_login(self, request: HttpRequest) -> HttpResponse:
        if live.is_poll(request):
            # What somebody is writing there must not be taken from under their hands.
            return HttpResponse(status=HTTPStatus.UNAUTHORIZED)
        htmx = getattr(request, "htmx", None)
        if request.method not in SAFE:
            kept_forms.keep(request)
            if self.takes_file:
                # A session keeps no files.
                messages.warning(
                    request, _("Your session was over, so the file was not sent. Choose it again.")
                )
            target = redirect_to_login(kept_form_pages.page_for(request))
            return HttpResponseClientRedirect(target.url) if htmx else target
        if not htmx:
            return redirect_to_login(request.get_full_path())
        # The whole page goes to the login form, not the part that was asked for; and back to it.
        target = redirect_to_login(htmx.current_url_abs_path or "/")
        return HttpResponseClientRedirect(target.url)

    def _run(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method not in SAFE:
            return super().dispatch(request, *args, **kwargs)
        with reading_scope(self.acting_user.tenant_id):
            self.request.in_scope = True
            try:
                at, carried = now(), live.live_of(request)
                self.request.live = carried or SimpleLazyObject(lambda: live.frame_of(request))
                if carried is None and live.is_poll(request):
                    carried = self.request.live
                if carried and self._is_known(carried, at):
                    response: HttpResponseBase = HttpResponseNotModified()
                elif carried and carried.frame and not carried.listing:
                    response = render_page(request, "base.html")
                else:
                    response = rendered(super().dispatch(request, *args, **kwargs))
            finally:
                # What says why it failed is shown outside.
                self.request.in_scope = False
        if carried and (carried.is_poll or not live.says_something_once(request)):
            response.headers["ETag"] = etag.tag(live.entity_tag(request, carried, at))
        return response

    def _is_known(self, carried: live.Live, at: datetime) -> bool:
        """Whether the browser has this page as it would be made now. `*` names none."""
        request = self.request
        if carried.is_poll or request.headers.get("If-None-Match", "*").strip() == "*":
            return False
        tag = live.entity_tag(request, carried, at)
        return etag.not_modified(request, tag) and not live.says_something_once(request)

    def scope(self) -> contextlib.AbstractContextManager[None]:
        """Open the tenant's scope, for what a GET, which has it open, and a POST both show."""
        safe = self.request.method in SAFE
        return contextlib.nullcontext() if safe else tenant_scope(self.acting_user.tenant_id)

    def render(
        self, template: str, context: Mapping[str, Any] | None = None, *, status: int = 200
    ) -> HttpResponse:
        """Return a rendered template. In a POST it opens the tenant's scope for it.

        A form that could not be taken because its session was over has its text again.
        """
        shown = dict(context or {})
        if self.request.method in SAFE:
            if kept_forms.put_back(self.request, shown):
                messages.info(self.request, _("What you wrote is here again. It was not sent yet."))
            elif left := kept_form_pages.left_over(self.request):
                shown["kept"] = [*left, *shown.get("kept", [])]
            return render_page(self.request, template, shown, status=status)
        # Of what stands in for the page at its address only the frame is renewed.
        shown["live"] = live.after_form(
            self.request, self.acting_user, page_of(self.request.path_info),
            frame=bool(shown.get("in_place")),
        )  # fmt: skip
        with tenant_scope(self.acting_user.tenant_id):
            return render_page(self.request, template, shown, status=status)

    def perform(
        self,
        verb: Callable[[], Result],
        *,
        to: str | Callable[[Result], str],
        message: str | Promise | None = None,
        form: BaseForm | None = None,
        again: Callable[[], HttpResponse] | None = None,
    ) -> HttpResponse:
        """Call a verb; go to `to` with `message`, or show the page again with what was refused.

        A refusal becomes errors of `form`'s fields where it names them, else a message. `again`
        shows the page (by default: this view's GET); its answer gets the refusal's status.
        NotFound becomes the page for a missing thing.
        """
        try:
            result = verb()
        except NotFound:
            raise
        except Refusal as refusal:
            return self.refused(refusal, form=form, again=again)
        if message is not None:
            messages.success(self.request, str(message))
        return self.go(to(result) if callable(to) else to)

    def refused(
        self,
        refusal: Refusal,
        *,
        form: BaseForm | None = None,
        again: Callable[[], HttpResponse] | None = None,
    ) -> HttpResponse:
        """Show the page again with a refusal's words and status; those of a form that is broken in
        itself are its own."""
        if form is None or not (form.errors or add_refusal(form, refusal)):
            messages.error(self.request, refusal.detail)
        if again is None and not hasattr(self, "get"):
            return refusal_page(self.request, refusal, back_url=self.request.path)
        with tenant_scope(self.acting_user.tenant_id):
            if again is not None:
                response: HttpResponseBase = rendered(again())
            else:
                show = getattr(self, "get")  # noqa: B009  -- `View` does not declare it
                response = rendered(show(self.request, *self.args, **self.kwargs))
        response.status_code = status_of(refusal)
        return cast("HttpResponse", response)

    def go(self, url: str) -> HttpResponse:
        """Send the browser to a page of ours (htmx: the whole page goes there)."""
        if getattr(self.request, "htmx", None):
            return HttpResponseClientRedirect(url)
        response = Redirect(url)
        response.status_code = 303
        return response

    def posted_version(self) -> int | None:
        """Return the version the form was made from (hidden field `version`), None without it.

        Text that is no version gives one that no row has: the verb answers 412.
        """
        text = self.request.POST.get("version", "")
        if not text:
            return None
        well_formed = text.isascii() and text.isdigit() and len(text) < 10  # noqa: PLR2004  -- fits an int
        return int(text) if well_formed else etag.NO_SUCH_VERSION

    def page(
        self,
        rows: QuerySet[Any],
        *,
        order: Sequence[str] = NEWEST_FIRST,
        among: QuerySet[Any] | None = None,
        beside: QuerySet[Any] | None = None,
        above: Sequence[QuerySet[Any]] = (),
    ) -> tuple[Page[Any], dict[str, Any]]:
        """Return the page of `rows` asked for and `pagination` of components/pagination.html.

        `among`, `beside`, `above`, and how a page can be short: see `pagination.cut`.
        """
        found = pagination.page_of(
            self.request, rows, order=order, among=among, beside=beside, above=above
        )
        links = pagination.links(self.request, found)
        return found, {**links, "partial": found.partial}


def pagination_in_order(request: HttpRequest, page: Page[Any]) -> dict[str, Any]:
    """Return `pagination` of components/pagination.html for a list that is not newest first."""
    return {**pagination.links(request, page), "in_order": True}


def rendered(response: HttpResponseBase) -> HttpResponseBase:
    """Render a lazy template response now, while the tenant's scope is open."""
    render = getattr(response, "render", None)
    if callable(render):
        render()
    return response


def add_refusal(form: BaseForm, refusal: Refusal) -> bool:
    """Put a refusal's field errors on the form's fields; False if it names none of them.

    The field of `/resolution/lines/0` is `resolution.lines.0`, else `resolution.lines`, else
    `resolution`. A form made from a schema knows better.
    """
    if isinstance(form, SchemaForm):
        return form.refuse(refusal)
    put = False
    for each in refusal.errors:
        path = each.pointer.strip("/").split("/")
        for length in range(len(path), 0, -1):
            name = ".".join(path[:length])
            if name in form.fields:
                form.add_error(name, each.message)
                put = True
                break
    return put
