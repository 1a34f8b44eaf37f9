"""Keeping an answer half written. The button is on the item's own page, beside "Complete"."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from ledger.errors import NotFound, Refusal
from ledger.tenancy import tenant_scope
from verbs.call import Call
from web.pages import MemberPage
from web.problems import status_of
from web.verb_pages import conflict_words
from web.way_back import carried
from workitems import actions, selectors
from workitems.answer_form import AnswerForm
from workitems.around.drafts import save_draft
from workitems.subject import WORK_ITEM
from workitems.views.item import show

KIND = WORK_ITEM.subject_type

# What belongs to the sending and not to the answer.
_NOT_OF_IT = frozenset({"csrfmiddlewaretoken", "version", "written_by", "then"})


class SaveDraft(MemberPage):
    """What was filled in so far; nothing of it is judged."""

    fills_in = actions.complete.input
    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Keep it."""
        said = {name: str(value) for name, value in request.POST.items() if name not in _NOT_OF_IT}
        form = {name: value for name, value in said.items() if value}
        try:
            save_draft(id, call=Call(self.acting_user), form=form)
        except NotFound:
            raise
        except Refusal as refusal:
            with tenant_scope(self.acting_user.tenant_id):
                item = selectors.get(self.acting_user.tenant_id, id)
            typed = AnswerForm(item, rows=said)
            return show(
                self,
                id,
                form=typed,
                conflict=conflict_words(refusal, KIND),
                status=status_of(refusal),
            )
        messages.success(request, _("Your draft is saved. Only you see it."))
        return self.go(carried(request, reverse("workitems:detail", args=[id])))
