"""One's own settings: language, time zone, tokens."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import actions
from accounts.managed_people import tokens_of
from accounts.selectors import preferences_of
from ledger.errors import Refusal
from ledger.tenancy import tenant_scope
from people.forms import PreferencesForm, TokenForm
from people.token_verbs import make_token, revoke_token
from verbs.call import Call
from web.pages import MemberPage

CREATED, UNPROCESSABLE = 201, 422
_IDS = "new_%s"


class SettingsView(MemberPage):
    """What the pages of settings share: all of it is one page."""

    @property
    def user_id(self) -> uuid.UUID:
        """Whose settings they are."""
        found = self.acting_user.user_id
        if found is None:
            raise TypeError("a member of a page is a user")
        return found

    def show(
        self,
        *,
        form: PreferencesForm | None = None,
        token_form: TokenForm | None = None,
        made: str = "",
        status: int = 200,
    ) -> HttpResponse:
        """Render the page; `made` is a token that is seen this once."""
        with tenant_scope(self.acting_user.tenant_id):
            chosen = preferences_of(self.user_id)
            tokens = [
                {
                    "name": token.name or _("without a name"),
                    "key": token.token_key,
                    "created": token.created,
                    "expiry": token.expiry,
                    "revoke_url": reverse("people:token-revoke", args=[token.public_id]),
                }
                for token in tokens_of(self.acting_user)
            ]
            context = {
                "form": form or PreferencesForm(initial=chosen),
                "url": reverse("people:settings"),
                "new_token": {
                    "form": token_form or TokenForm(auto_id=_IDS),
                    "url": reverse("people:token-create"),
                },
                "tokens": tokens,
                "organisation": self.place.tenant_name,
                "made": made,
            }
            return self.render("people/settings.html", context, status=status)


class SettingsPage(SettingsView):
    """How pages speak to the reader, and with what programs act for them."""

    def get(self, _request: HttpRequest) -> HttpResponse:
        """Show them."""
        return self.show()

    def post(self, request: HttpRequest) -> HttpResponse:
        """Keep language and time zone."""
        form = PreferencesForm(request.POST)
        if not form.is_valid():
            return self.show(form=form, status=UNPROCESSABLE)
        return self.perform(
            lambda: actions.change_preferences(self.user_id, **form.cleaned_data),
            to=reverse("people:settings"),
            message=_("Your settings are kept."),
            form=form,
            again=lambda: self.show(form=form),
        )


class CreateToken(SettingsView):
    """A new token of one's own. It is shown in the answer and never again."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest) -> HttpResponse:
        """Make it."""
        form = TokenForm(request.POST, auto_id=_IDS)
        if not form.is_valid():
            return self.show(token_form=form, status=UNPROCESSABLE)
        try:
            name = form.cleaned_data["name"]
            token = make_token(call=Call(self.acting_user), name=name).text
        except Refusal as refusal:
            return self.refused(refusal, form=form, again=lambda: self.show(token_form=form))
        response = self.show(made=token, status=CREATED)
        response.headers["Cache-Control"] = "no-store"
        return response


class RevokeToken(SettingsView):
    """Ends one of one's own tokens."""

    http_method_names = ["post", "options"]

    def post(self, _request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """End it, and go back to the settings."""
        return self.perform(
            lambda: revoke_token(id, call=Call(self.acting_user)),
            to=reverse("people:settings"),
            message=_("Revoked. Whoever used it is shut out from now on."),
        )
