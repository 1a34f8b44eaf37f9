"""The pages of batches: all of them, and one: its calls in order, its rollbacks, its timeline."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from typing_extensions import override

from compensation.lifecycle import PLAN_OPERATION
from compensation.views.operator_pages import OperatorPage, PageOfOne
from compensation.views.plan_request import ask_button
from executions.batch_context import BATCH, detail, filters, listed
from executions.batch_selectors import batches, get_batch
from executions.lifecycle import BatchStatus
from ledger.errors import Invalid
from verbs import catalogue
from verbs.subject import subject_of
from web.templatetags.amends import state_label
from web.verb_pages import Refused, button


class BatchList(OperatorPage):
    """Batches, newest first, by status; members see all of them."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show a page of them."""
        status = request.GET.get("status", "")
        if status and status not in BatchStatus.values:
            raise Invalid.field("status", _("status: there is no such status"))
        everything = batches(self.acting_user.tenant_id)
        rows = everything.filter(status=status) if status else everything
        found, pagination = self.page(rows, among=everything if status else None)
        label = state_label(status, BATCH) if status else ""
        context = {
            "chips": [{"label": label, "remove_url": "?"}] if status else [],
            "filters": filters(status),
            "clear_url": reverse("executions:batches"),
            "is_filtered": bool(status),
            "pagination": pagination,
            "rows": listed(found.rows),
        }
        return self.render("executions/batches.html", context)


class BatchPage(PageOfOne):
    """One batch."""

    def get(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Show it."""
        return self.show(id)

    @override
    def show(self, *key: Any, refused: Refused | None = None) -> HttpResponse:
        """Render it."""
        [id_] = key
        batch = get_batch(self.acting_user.tenant_id, id_)
        context = {**detail(batch), "actions": self._buttons(batch)}
        return self.render("executions/batch.html", context)

    def _buttons(self, batch: Any) -> list[dict[str, Any]]:
        """Return every verb as a button, rolling back first."""
        offers = catalogue.offers_of(subject_of(BATCH), [batch], self.rights)[batch.id]
        return [
            ask_button((BATCH, batch.id), each)
            if each.action == PLAN_OPERATION.name
            else button(catalogue.find(BATCH, each.action), [batch.id], each)
            for each in sorted(offers, key=lambda each: each.action != PLAN_OPERATION.name)
        ]
