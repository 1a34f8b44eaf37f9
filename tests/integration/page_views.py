"""Two small pages over real tables, to try what every page stands on."""

from __future__ import annotations

import uuid

from django import forms
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import path
from django_fsm import TransitionNotAllowed

from accounts.acting import ActingUser
from accounts.models import Membership
from compensation.models import CompensationStep
from config import urls
from ledger.errors import Conflict, Invalid, NotFound, NotPermitted, Stale
from ledger.tenancy import set_tenant
from web.pages import MemberPage

handler400, handler403 = urls.handler400, urls.handler403
handler404, handler500 = urls.handler404, urls.handler500
REFUSALS = {
    "gone": NotFound(),
    "forbidden": NotPermitted("Only operators."),
    "stale": Stale(),
    "conflict": Conflict("Already taken."),
    "illegal": TransitionNotAllowed("no", object=CompensationStep(status="DONE"), method=None),
    "invalid": Invalid.field("/word", "word: say something else."),
}


class WordForm(forms.Form):
    """One word."""

    word = forms.CharField()


def speak(word: str, *, acting_user: ActingUser, expected_version: int | None) -> str:
    """Refuse the words that name a refusal."""
    with transaction.atomic(durable=True):
        set_tenant(acting_user.tenant_id)
        if expected_version not in {None, 1}:
            raise Stale
        if word in REFUSALS:
            raise REFUSALS[word]
    return word


class WordPage(MemberPage):
    """Shows members lazily, so that the scope must still be open while it renders."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the form."""
        return self._show(WordForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        """Say the word."""
        form = WordForm(request.POST)
        form.is_valid()
        word = form.cleaned_data["word"]
        return self.perform(
            lambda: speak(
                word, acting_user=self.acting_user, expected_version=self.posted_version()
            ),
            to=lambda said: f"/words/?said={said}",
            message="Said.",
            form=form,
            again=lambda: self._show(form),
        )

    def _show(self, form: WordForm) -> HttpResponse:
        engine = engines["django"]
        text = (
            "{% for m in members %}{{ m.id }} {% endfor %}{{ form.errors }}"
            "{% for message in messages %}<p>{{ message }}</p>{% endfor %}"
        )
        page = engine.from_string(text)
        context = {"members": Membership.objects.all(), "form": form}
        return HttpResponse(page.render(context, self.request))


class OneMember(MemberPage):
    """One member, or the page for a missing one."""

    def get(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Show the member."""
        if not Membership.objects.filter(id=id).exists():
            raise NotFound
        return HttpResponse(f"fragment: {self.is_fragment}")


def broken(request: HttpRequest) -> HttpResponse:
    """Break."""
    raise RuntimeError("a secret of ours")


class Act(MemberPage):
    """A button without a page of its own."""

    def post(self, request: HttpRequest, word: str) -> HttpResponse:
        """Say the word."""
        return self.perform(
            lambda: speak(word, acting_user=self.acting_user, expected_version=None), to="/words/"
        )


urlpatterns = [
    *urls.urlpatterns,
    path("words/", WordPage.as_view()),
    path("broken/", broken),
    path("words/<slug:word>/", Act.as_view()),
    path("members/<uuid:id>/", OneMember.as_view()),
]
