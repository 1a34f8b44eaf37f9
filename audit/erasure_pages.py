"""The pages of erasing: what was asked for, what is held, and how one erasure goes."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.selectors import people
from audit.actions.erasing_people import ERASURE
from audit.actions.erasing_people import request as ask
from audit.actions.legal_holds import HOLD, place
from audit.erasures import STATES, check_may_read
from ledger.erasure.held_rows import holds
from ledger.erasure.requests import erasures, receipts
from ledger.errors import NotFound
from people.substituting import tenant_admin
from verbs.call import Call
from verbs.catalogue import offers_of
from verbs.subject import describe, subject_of
from web.pages import MemberPage
from web.values import person_words
from web.verb_forms import VerbForm, form_of
from web.verb_pages import buttons

UNPROCESSABLE = 422
_HOLDS_SHOWN = 50
# Both forms ask why.
_HOLD = "hold"


class ErasuresPage(MemberPage):
    """Who was asked to be erased, newest first, what is held, and forms to ask for either."""

    fills_in = ask.input

    def get(self, _request: HttpRequest) -> HttpResponse:
        """Show them."""
        return self._show()

    def post(self, request: HttpRequest) -> HttpResponse:
        """Ask for somebody to be erased: first it is counted; or hold something."""
        if "hold" in request.POST:
            return self._hold(request)
        form = form_of(ask)(request.POST)
        if not form.is_valid():
            return self._show(form, status=UNPROCESSABLE)
        return self.perform(
            lambda: ask(call=Call(self.acting_user), **form.body()),
            to=reverse("audit:erasures"),
            message=_("It is being counted what is kept about them."),
            form=form,
            again=lambda: self._show(form),
        )

    def _hold(self, request: HttpRequest) -> HttpResponse:
        form = form_of(place)(request.POST, prefix=_HOLD)
        if not form.is_valid():
            return self._show(hold_form=form, status=UNPROCESSABLE)
        return self.perform(
            lambda: place(call=Call(self.acting_user), **form.body()),
            to=reverse("audit:erasures"),
            message=_("It is held."),
            form=form,
            again=lambda: self._show(hold_form=form),
        )

    def _show(
        self,
        form: VerbForm | None = None,
        hold_form: VerbForm | None = None,
        status: int = 200,
    ) -> HttpResponse:
        tenant_id = self.acting_user.tenant_id
        with self.scope():
            check_may_read(self.authority)
            page, pagination = self.page(erasures(tenant_id), order=("-requested_at", "-id"))
            held = list(holds(tenant_id).order_by("-placed_at", "-id")[:_HOLDS_SHOWN])
            asks = not tenant_admin(None, self.authority, None)
            context = {
                "crumbs": [
                    {"label": _("Ledger"), "url": reverse("audit:entries")},
                    {"label": _("Erasures"), "url": ""},
                ],
                "rows": self._rows(page.rows),
                "retention_url": reverse("audit:retentions"),
                "holds": self._holds(held),
                "pagination": pagination,
                "form": (form or form_of(ask)()) if asks else None,
                "hold_form": (hold_form or form_of(place)(prefix=_HOLD)) if asks else None,
                "url": reverse("audit:erasures"),
            }
            return self.render("audit/erasures.html", context, status=status)

    def _rows(self, rows: list[Any]) -> list[dict[str, Any]]:
        ids = [each for row in rows for each in (row.actor_id, row.requested_by_id)]
        named = people(self.acting_user.tenant_id, ids)
        return [
            {
                "person": person_words(named[row.actor_id]),
                "url": reverse("audit:erasure", args=[row.id]),
                "state": STATES[row.state],
                "asked_by": person_words(named[row.requested_by_id]),
                "at": row.requested_at,
            }
            for row in rows
        ]

    def _holds(self, rows: list[Any]) -> list[dict[str, Any]]:
        things = describe(
            self.acting_user.tenant_id, [(row.subject_type, row.subject_id) for row in rows]
        )
        subject = subject_of(HOLD)
        offers = offers_of(subject, rows, self.authority)
        return [
            {
                "what": things[row.subject_type, row.subject_id],
                "reason": row.reason,
                "since": row.placed_at,
                "until": row.lifted_at,
                "version": row.version,
                "actions": [
                    each for each in buttons(subject, row, offers[row.id]) if each["allowed"]
                ],
            }
            for row in rows
        ]


class ErasurePage(MemberPage):
    """One erasure: what goes, what is kept, how far it has come, and the receipt."""

    def get(self, _request: HttpRequest, id: uuid.UUID) -> HttpResponse:  # noqa: A002  -- the address names it
        """Show it."""
        tenant_id = self.acting_user.tenant_id
        with self.scope():
            row = erasures(tenant_id).filter(id=id).first()
            if row is None:
                raise NotFound
            check_may_read(self.authority)
            named = people(tenant_id, [row.actor_id, row.requested_by_id, row.confirmed_by_id])
            subject = subject_of(ERASURE)
            offers = offers_of(subject, [row], self.authority)[row.id]
            receipt = receipts(tenant_id).filter(id=row.id).first()
            who = person_words(named[row.actor_id])
            context = {
                "crumbs": [
                    {"label": _("Ledger"), "url": reverse("audit:entries")},
                    {"label": _("Erasures"), "url": reverse("audit:erasures")},
                    {"label": who, "url": ""},
                ],
                "person": who,
                "row": row,
                "state": STATES[row.state],
                "asked_by": person_words(named[row.requested_by_id]),
                "confirmed_by": _person(named, row.confirmed_by_id),
                "counts": _counts(row),
                "receipt": receipt,
                "receipt_hash": "" if receipt is None else bytes(receipt.hash).hex(),
                "actions": [each for each in buttons(subject, row, offers) if each["allowed"]],
            }
            return self.render("audit/erasure.html", context)


def _person(named: Mapping[uuid.UUID, Any], actor_id: uuid.UUID | None) -> Any:
    return "" if actor_id is None else person_words(named[actor_id])


def _counts(row: Any) -> list[dict[str, Any]]:
    """Return by kind of row how many there were, how many are held, how many are gone."""
    kinds = sorted({*row.found, *row.kept, *row.erased})
    return [
        {
            "kind": kind,
            "found": row.found.get(kind, 0),
            "kept": row.kept.get(kind, 0),
            "erased": row.erased.get(kind, 0),
        }
        for kind in kinds
    ]
