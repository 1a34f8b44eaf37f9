"""Who stands in for whom: the list, and naming a substitute."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import substitutions
from accounts.selectors import people_of
from people.substituting import SUBSTITUTION, substitute
from verbs.call import Call
from verbs.catalogue import offers_of
from verbs.subject import subject_of
from web.labels import label_of
from web.pages import MemberPage
from web.values import person_words
from web.verb_forms import VerbForm, form_of
from web.verb_pages import buttons

UNPROCESSABLE = 422


class Substitutions(MemberPage):
    """Who stands in for whom in the organisation, newest first, and a form to name somebody."""

    fills_in = substitute.input

    def get(self, _request: HttpRequest) -> HttpResponse:
        """Show them."""
        return self._show(form_of(substitute)())

    def post(self, request: HttpRequest) -> HttpResponse:
        """Name a substitute."""
        form = form_of(substitute)(request.POST)
        if not form.is_valid():
            return self._show(form, status=UNPROCESSABLE)
        return self.perform(
            lambda: substitute(call=Call(self.acting_user), **form.body()),
            to=reverse("people:substitutions"),
            message=_("The substitute is named."),
            form=form,
            again=lambda: self._show(form),
        )

    def _show(self, form: VerbForm, status: int = 200) -> HttpResponse:
        with self.scope():
            page, pagination = self.page(substitutions.substitutions(self.acting_user.tenant_id))
            context = {
                "crumbs": [
                    {"label": _("Settings"), "url": reverse("people:settings")},
                    {"label": _("Substitutes"), "url": ""},
                ],
                "rows": self._rows(page.rows),
                "pagination": pagination,
                "form": form,
                "url": reverse("people:substitutions"),
            }
            return self.render("people/substitutions.html", context, status=status)

    def _rows(self, rows: list[Any]) -> list[dict[str, Any]]:
        ids = (each for row in rows for each in (row.person_id, row.substitute_id))
        named, me = people_of(rows, ids), self.acting_user.actor_id
        subject = subject_of(SUBSTITUTION)
        offers = offers_of(subject, rows, self.authority)
        return [
            {
                "person": person_words(named[row.person_id], me),
                "substitute": person_words(named[row.substitute_id], me),
                "group": label_of(row.group_name) if row.group_name else "",
                "since": row.since,
                "until": row.ended_at or row.until,
                "stands": _stands(row),
                "version": row.version,
                "actions": [
                    each for each in buttons(subject, row, offers[row.id]) if each["allowed"]
                ]
                if not substitutions.is_over(row)
                else [],
            }
            for row in rows
        ]


def _stands(row: Any) -> str:
    if substitutions.is_over(row):
        return _("over")
    return _("in force") if substitutions.is_in_force(row) else _("not yet")
