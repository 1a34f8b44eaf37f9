"""The page of retention: for how long what is kept, and setting it."""

from __future__ import annotations

import datetime as dt
from typing import Any, cast

from django.forms import ChoiceField
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from audit.actions.keeping_payloads import RETENTION, set_policy
from audit.erasures import check_may_read
from audit.retention_policies import kind_words
from ledger.durations import parse_duration
from ledger.erasure.retention import retentions
from people.substituting import tenant_admin
from verbs.call import Call
from verbs.catalogue import offers_of
from verbs.subject import subject_of
from web.pages import MemberPage
from web.templatetags.amends import span_words
from web.verb_forms import UNCHOSEN, VerbForm, form_of
from web.verb_pages import buttons

UNPROCESSABLE = 422


class RetentionsPage(MemberPage):
    """The policies of the organisation, newest first, and a form to set one."""

    fills_in = set_policy.input

    def get(self, _request: HttpRequest) -> HttpResponse:
        """Show them."""
        return self._show()

    def post(self, request: HttpRequest) -> HttpResponse:
        """Set one."""
        form = _form(request.POST)
        if not form.is_valid():
            return self._show(form, status=UNPROCESSABLE)
        return self.perform(
            lambda: set_policy(call=Call(self.acting_user), **form.body()),
            to=reverse("audit:retentions"),
            message=_("It is set. The first texts go in a day."),
            form=form,
            again=lambda: self._show(form),
        )

    def _show(self, form: VerbForm | None = None, status: int = 200) -> HttpResponse:
        with self.scope():
            check_may_read(self.authority)
            order = ("-set_at", "-id")
            page, pagination = self.page(retentions(self.acting_user.tenant_id), order=order)
            context = {
                "crumbs": [
                    {"label": _("Ledger"), "url": reverse("audit:entries")},
                    {"label": _("Retention"), "url": ""},
                ],
                "rows": self._rows(page.rows),
                "pagination": pagination,
                "form": None if tenant_admin(None, self.authority, None) else (
                    form or _form()
                ),
                "url": reverse("audit:retentions"),
            }  # fmt: skip
            return self.render("audit/retention.html", context, status=status)

    def _rows(self, rows: list[Any]) -> list[dict[str, Any]]:
        subject = subject_of(RETENTION)
        offers = offers_of(subject, rows, self.authority)
        return [
            {
                "kind": kind_words(row.kind),
                "keep": _span_words(row.keep),
                "pruned": row.pruned,
                "since": row.set_at,
                "until": row.ended_at,
                "next": row.due_at,
                "trouble": row.last_error,
                "version": row.version,
                "actions": [
                    each for each in buttons(subject, row, offers[row.id]) if each["allowed"]
                ],
            }
            for row in rows
        ]


def _form(*given: Any) -> VerbForm:
    """Return the form to set one. No kind is chosen beforehand: what is pruned does not come
    back."""
    form = form_of(set_policy)(*given)
    kind = form.fields["kind"]
    if isinstance(kind, ChoiceField):
        kind.choices = [("", UNCHOSEN), *cast("list[tuple[str, str]]", kind.choices)]
    return form


def _span_words(keep: str) -> str:
    """Return days in words; what is no whole number of them as it was said."""
    span = parse_duration(keep)
    return keep if span % dt.timedelta(days=1) else span_words(span)
