"""The keys by which members sign: the list, of all or of one member, and registering one."""

from __future__ import annotations

import base64
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.selectors import people_of
from accounts.signature_keys import keys_of
from people.key_verbs import KEY, register_key
from verbs.call import Call
from verbs.catalogue import offers_of
from verbs.subject import subject_of
from web.pages import MemberPage
from web.values import person_words
from web.verb_forms import VerbForm, form_of
from web.verb_pages import buttons

UNPROCESSABLE = 422


class SignatureKeys(MemberPage):
    """Keys of the organisation, or of one `member`, newest first, and a form to register one."""

    fills_in = register_key.input

    def get(self, _request: HttpRequest) -> HttpResponse:
        """Show them."""
        return self._show(form_of(register_key)())

    def post(self, request: HttpRequest) -> HttpResponse:
        """Register one."""
        form = form_of(register_key)(request.POST)
        if not form.is_valid():
            return self._show(form, status=UNPROCESSABLE)
        return self.perform(
            lambda: register_key(call=Call(self.acting_user), **form.body()),
            to=reverse("people:signature-keys"),
            message=_("The key is registered."),
            form=form,
            again=lambda: self._show(form),
        )

    def _show(self, form: VerbForm, status: int = 200) -> HttpResponse:
        member = self.request.GET.get("member", "")
        with self.scope():
            page, pagination = self.page(keys_of(self.acting_user.tenant_id, member))
            context = {
                "crumbs": [
                    {"label": _("Settings"), "url": reverse("people:settings")},
                    {"label": _("Signature keys"), "url": ""},
                ],
                "rows": self._rows(page.rows),
                "pagination": pagination,
                "member": member,
                "form": form,
                "url": reverse("people:signature-keys"),
            }
            return self.render("people/signature_keys.html", context, status=status)

    def _rows(self, rows: list[Any]) -> list[dict[str, Any]]:
        named, me = people_of(rows, (row.actor_id for row in rows)), self.acting_user.actor_id
        subject = subject_of(KEY)
        offers = offers_of(subject, rows, self.authority)
        return [
            {
                "name": row.name,
                "person": person_words(named[row.actor_id], me),
                "public_key": base64.b64encode(bytes(row.public_key)).decode(),
                "since": row.created_at,
                "retired_at": row.retired_at,
                "compromised_since": row.compromised_since,
                "version": row.version,
                "actions": [
                    each
                    for each in buttons(subject, row, offers[row.id])
                    if each["allowed"] and not (each["action"] == "retire" and row.retired_at)
                ],
            }
            for row in rows
        ]
