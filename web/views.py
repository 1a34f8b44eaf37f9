"""Signing in and out, choosing a tenant, and where `/` leads."""

from __future__ import annotations

import uuid
from http import HTTPStatus
from typing import Any, cast

from axes.helpers import get_cool_off
from django import forms
from django.contrib import messages
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView as DjangoLoginView
from django.contrib.auth.views import LogoutView as DjangoLogoutView
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from typing_extensions import override

from accounts.selectors import username_of
from ledger.clock import now
from web import kept_form_pages, kept_forms
from web.membership import MemberRequest, bind, choose
from web.pages import MemberPage

HOME = "/inbox/"
# A stranger's form: a name, a password, where to go afterwards.
LOGIN_BYTES = 16 * 1024


class LoginForm(AuthenticationForm):
    """Username and password."""

    username = forms.CharField(
        max_length=150,
        widget=forms.TextInput(
            attrs={"autofocus": True, "autocomplete": "username", "autocapitalize": "none"}
        ),
    )


class SwitchTenantForm(forms.Form):
    """Which of one's own tenants to act in."""

    tenant = forms.UUIDField()


class LoginView(DjangoLoginView):
    """The login page. A signed-in visitor may sign in as someone else."""

    form_class = LoginForm
    template_name = "registration/login.html"
    http_method_names = ["get", "head", "post"]

    @override
    def get_initial(self) -> dict[str, Any]:
        """Return the name of whoever wrote the form that waits."""
        found = kept_forms.waiting(self.request)
        if found is None:
            return super().get_initial()
        return {**super().get_initial(), "username": username_of(uuid.UUID(found.user_id))}

    @override
    def get_context_data(self, **more: Any) -> dict[str, Any]:
        return super().get_context_data(
            **more, text_waits=kept_forms.waiting(self.request) is not None
        )

    @override
    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Sign in; a form that waits goes on in its tenant, and is nobody else's."""
        found = kept_forms.waiting(self.request)
        response = super().form_valid(form)
        if found is None:
            return response
        self.request.session.set_expiry(None)
        request = cast("MemberRequest", self.request)
        bind(request)
        if found.user_id != str(request.user.pk) or not choose(request, uuid.UUID(found.tenant_id)):
            kept_forms.drop(request)
        return response

    @classmethod
    def largest_form(cls) -> int:
        """Return how many bytes of a form it reads; a longer one is refused (413)."""
        return LOGIN_BYTES


class LogoutView(DjangoLogoutView):
    """Ends the session (POST only) and shows the login page."""

    http_method_names = ["post"]


@method_decorator(never_cache, name="dispatch")
class SwitchTenantView(MemberPage):
    """Chooses which of one's own tenants the session acts in."""

    http_method_names = ["post"]
    keeps_forms = False

    def post(self, request: HttpRequest) -> HttpResponse:
        """Switch and go to the inbox: what was on the page belongs to the former tenant."""
        form = SwitchTenantForm(request.POST)
        chosen = form.is_valid() and choose(
            cast("MemberRequest", request), form.cleaned_data["tenant"]
        )
        if not chosen:
            messages.error(request, _("You belong to no such organisation."))
        return self.go(HOME)


@require_safe
def home(request: HttpRequest) -> HttpResponseRedirect:
    """Lead a member to the inbox and everyone else to the login page."""
    return redirect(HOME if request.user.is_authenticated else "web:login")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form that was made before its reader signed in anew, or that is not ours.

    It is not acted on. What a member typed is shown to that member again, to be sent once more.
    """
    if kept_forms.keep(request):
        if not request.user.is_authenticated:
            return redirect_to_login(kept_form_pages.page_for(request))
        if kept_forms.own(request) is not None:
            return redirect(kept_form_pages.page_for(request))
        kept_forms.drop(request)
    return render(request, "403_csrf.html", status=HTTPStatus.FORBIDDEN)


def locked_out(
    request: HttpRequest, _response: HttpResponseBase | None, credentials: dict[str, Any] | None
) -> HttpResponse:
    """Answer a login that too many wrong passwords have locked, with how long that lasts."""
    cool_off = get_cool_off(request)
    name = (credentials or {}).get("username", "")
    context = {
        "form": LoginForm(request, initial={"username": name}),
        "next": request.POST.get("next", ""),
        "locked_until": None if cool_off is None else now() + cool_off,
    }
    return render(request, "registration/login.html", context, status=HTTPStatus.TOO_MANY_REQUESTS)
