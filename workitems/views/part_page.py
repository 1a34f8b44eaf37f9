"""Opening a part of an item. The parts themselves are items, with pages of their own."""

from __future__ import annotations

import dataclasses
import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from ledger.errors import Invalid
from verbs.call import Call
from verbs.words import said_of
from web.pages import MemberPage
from workitems import selectors
from workitems.actions.spawning import ITEM, Spawned, spawn
from workitems.forms import PartForm
from workitems.item_context import crumbs

_PART = "/children/0"
UNPROCESSABLE = 422


class OpenPart(MemberPage):
    """A task that is part of another."""

    fills_in = spawn.input

    def get(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Ask what it is."""
        return self._show(id, PartForm())

    def post(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Open it."""
        form = PartForm(request.POST)
        if not form.is_valid():
            return self._show(id, form, UNPROCESSABLE)
        return self.perform(
            lambda: self._opened(id, form),
            to=lambda done: reverse("workitems:detail", args=[done.children[0].id]),
            message=said_of(ITEM, "spawn").done,
            form=form,
            again=lambda: self._show(id, form),
        )

    def _opened(self, item_id: uuid.UUID, form: PartForm) -> Spawned:
        """Open the part; what is wrong with it is said of the fields of the form."""
        try:
            done: Spawned = spawn(
                item_id, call=Call(self.acting_user), children=[form.body()],
                blocking=form.cleaned_data["blocking"],
            )  # fmt: skip
        except Invalid as refused:
            errors = [
                dataclasses.replace(each, pointer=each.pointer.removeprefix(_PART))
                for each in refused.errors
            ]
            raise Invalid(refused.detail, errors=errors) from refused
        return done

    def _show(self, item_id: uuid.UUID, form: PartForm, status: int = 200) -> HttpResponse:
        with self.scope():
            item = selectors.get_bare(self.acting_user.tenant_id, item_id)
            context: dict[str, Any] = {
                "crumbs": [*crumbs(item), {"label": _("Open a part"), "url": ""}],
                "whole": item.title,
                "form": form,
                "url": reverse("workitems:spawn", args=[item.id]),
                "cancel_url": reverse("workitems:detail", args=[item.id]),
            }
            return self.render("workitems/new.html", context, status=status)
