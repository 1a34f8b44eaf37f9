"""The page on which an evidence pack that somebody has is checked; nothing of it is kept."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from typing_extensions import override

from audit.export.bounded_check import MAX_BYTES, Busy, Checked, check_pack
from ledger.selectors import entries_by_id
from ledger.tree.sealer import origin_of
from ledger.tree.standing import tree_standing
from web.entries import entry_url
from web.form_size import FORM_BYTES
from web.pages import MemberPage
from web.rate_limits import refused
from web.verb_forms import VerbForm

#: How soon somebody who finds another pack being looked at may try again, in seconds.
_AGAIN: Final = 5


class DropForm(VerbForm):
    """A pack from the reader's own machine."""

    file = forms.FileField(
        label=gettext_lazy("Evidence pack"),
        max_length=150,
        widget=forms.FileInput(attrs={"accept": ".zip,application/zip"}),
    )

    def __init__(self, data: Mapping[str, Any] | None = None, files: Any = None) -> None:
        super().__init__(data, files)
        said = _("The zip as it was exported, at most %(most)d MB.")
        self.fields["file"].help_text = said % {"most": MAX_BYTES // 1024**2}


class DropPage(MemberPage):
    """Every member may check a pack, whosever it is."""

    takes_file = True
    keeps_forms = False
    rate_limit = "packs"

    @classmethod
    @override
    def largest_form(cls) -> int:
        """Return how many bytes a form with a pack may have."""
        return FORM_BYTES + MAX_BYTES

    def get(self, _request: HttpRequest) -> HttpResponse:
        """Show the form."""
        return self._show(DropForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        """Say what the pack is."""
        form = DropForm(request.POST, request.FILES)
        if not form.is_valid():
            return self._show(form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
        tenant_id = self.acting_user.tenant_id
        file = form.cleaned_data["file"]
        with self.scope():
            tree = tree_standing(tenant_id)
        origin = origin_of(tenant_id) if tree is None else tree.origin
        try:
            found = check_pack(file.read(), origin)
        except Busy:
            return refused(request, _AGAIN)
        with self.scope():
            told = {"name": file.name, "url": _url(tenant_id, found), **_words(found)}
        return self._show(DropForm(), found=found, told=told)

    def _show(self, form: DropForm, *, status: int = HTTPStatus.OK, **result: Any) -> HttpResponse:
        context: dict[str, Any] = {
            "crumbs": [
                {"label": _("Ledger"), "url": reverse("audit:entries")},
                {"label": _("Check an evidence pack"), "url": ""},
            ],
            "form": form,
            "url": reverse("audit:check-export"),
            **result,
        }
        return self.render("audit/drop.html", context, status=status)


def _url(tenant_id: uuid.UUID, found: Checked) -> str:
    """Return where the entry is that something is wrong with, if it is one of ours."""
    try:
        entry = uuid.UUID(found.entry)
    except ValueError:
        return ""
    return entry_url(entry) if entries_by_id(tenant_id, [entry]) else ""


def _words(found: Checked) -> dict[str, str]:
    if found.outcome == "broken":
        what = _("Broken at entry %(entry)s") % {"entry": found.entry} if found.entry else ""
        return {"title": what or _("Broken"), "text": found.because, "tone": "bad"}
    if found.outcome == "unknown":
        text = _("It takes too long to check here.")
        if found.because == "size":
            text = _("There is more in it than is looked at here.")
        return {
            "title": _("Not checked"), "tone": "",
            "text": text + " " + _("Run the verify.py that is in it on a machine of yours."),
        }  # fmt: skip
    if found.signed_by == "unknown":
        text = _(
            "It bears the name of this ledger, and agrees with the key in it. Whether that key is"
            " ours cannot be known here, since this server has none to compare it with. Run the"
            " verify.py that is in it with --key and the key that you were told."
        )
        return {"title": _("Not known who signed it"), "text": text, "tone": ""}
    title = _("Valid")
    if found.erased:
        title = _("Valid, with %(n)s erased payloads") % {"n": found.erased}
    if found.gone:
        title = _("Valid, with %(n)s payloads that are gone") % {"n": found.gone}
    text = _("Our own key signed it.")
    if found.signed_by != "us":
        text = _(
            "It is another ledger's: whether the key in it is theirs is for you to know. Compare it"
            " with the one that they told you."
        )
    return {"title": title, "text": text, "tone": "done"}
