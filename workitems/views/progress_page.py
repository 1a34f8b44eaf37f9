"""Saying how far an item is. The form is on the item's own page."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from ledger.errors import Invalid, NotFound, Refusal
from ledger.tenancy import tenant_scope
from verbs.call import Call
from web.pages import MemberPage
from web.problems import status_of
from web.verb_pages import conflict_words
from web.way_back import carried
from workitems import selectors
from workitems.around.progress_form import ProgressForm, dimension_of
from workitems.around.progress_reports import progress_of, report_progress
from workitems.subject import WORK_ITEM
from workitems.views.item import show

KIND = WORK_ITEM.subject_type


class Report(MemberPage):
    """How far it is, in the shape in which that was told before."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Keep it."""
        tenant_id = self.acting_user.tenant_id
        with tenant_scope(tenant_id):
            item = selectors.get(tenant_id, id)
            before = progress_of(tenant_id, id)[dimension_of(item)]
        form = ProgressForm(item, before, request.POST)
        broken = None if form.is_valid() else Invalid(_("Please look at this again"))
        try:
            report_progress(
                id, call=Call(self.acting_user, broken=broken), **({} if broken else form.body())
            )
        except NotFound:
            raise
        except Refusal as refusal:
            return self._refused(id, form, refusal)
        messages.success(request, _("Said how far it is."))
        return self.go(carried(request, reverse("workitems:detail", args=[id])))

    def _refused(self, item_id: uuid.UUID, form: ProgressForm, refusal: Refusal) -> HttpResponse:
        """Show the page with what was said still in its form, or beside it where that is over."""
        conflict = ""
        if not isinstance(refusal, Invalid):
            conflict = conflict_words(refusal, KIND)
        elif not form.errors:
            form.add_error("done", refusal.errors[0].message if refusal.errors else refusal.detail)
        return show(self, item_id, told=form, conflict=conflict, status=status_of(refusal))
