"""Files of an item: attached by a form on its page, and given out one by one."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from typing_extensions import override

from ledger.errors import Invalid, NotFound, Refusal
from verbs.call import Call
from web.form_size import FORM_BYTES
from web.pages import MemberPage
from web.problems import status_of
from web.upload_parser import body_of
from web.verb_pages import Refused, conflict_words, said_of
from web.way_back import carried
from workitems.around import around_reading
from workitems.around.additions import ADD
from workitems.around.attach_form import AttachForm
from workitems.around.download import as_download
from workitems.around.files import MAX_BYTES
from workitems.subject import WORK_ITEM
from workitems.views.item import show

KIND = WORK_ITEM.subject_type


class Attach(MemberPage):
    """A file for an item."""

    takes_file = True
    keeps_forms = False
    http_method_names = ["post", "options"]

    @classmethod
    @override
    def largest_form(cls) -> int:
        """Return how many bytes a form with a file may have."""
        return FORM_BYTES + MAX_BYTES

    def post(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Attach it."""
        verb, form = ADD["attachment"], AttachForm(request.POST, request.FILES)
        broken = None if form.is_valid() else Invalid(_("Please look at this again"))
        body = body_of(form.cleaned_data.get("file")) if broken is None else {}
        try:
            verb.perform([id], Call(self.acting_user, broken=broken), body)
        except NotFound:
            raise
        except Refusal as refusal:
            if not form.errors:
                form.add_error(
                    "file", refusal.errors[0].message if refusal.errors else refusal.detail
                )
            said = "" if isinstance(refusal, Invalid) else conflict_words(refusal, KIND)
            status = status_of(refusal)
            return show(
                self,
                id,
                conflict=said,
                status=status,
                refused=Refused([id], said, status, verb, form),
            )
        messages.success(request, str(said_of(verb).done))
        return self.go(carried(request, reverse("workitems:detail", args=[id])))


class Download(MemberPage):
    """One file, to be saved."""

    def get(self, request: HttpRequest, id: uuid.UUID, attachment: uuid.UUID) -> HttpResponse:
        """Give it out."""
        tenant_id = self.acting_user.tenant_id
        return as_download(around_reading.attachment(tenant_id, id, attachment))
