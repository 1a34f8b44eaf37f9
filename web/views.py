"""Signing in and out, choosing a tenant, and where `/` leads."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, cast

from axes.helpers import get_cool_off
from django import forms
from django.contrib import messages
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView as DjangoLoginView
from django.contrib.auth.views import LogoutView as DjangoLogoutView
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from ledger.clock import now
from web.membership import MemberRequest, choose
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
