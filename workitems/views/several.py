"""One thing done to several tasks of a list at once: to each by itself, with its own result.

Its form stands below the list and is sent to the list's own address, which shows it again with what
was ticked and typed where nothing could be done.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, ngettext_lazy

from accounts.roles import OPERATING_ROLES
from ledger.errors import Invalid, Refusal
from ledger.tenancy import tenant_scope
from verbs import catalogue
from verbs.call import Call
from verbs.subject import Description, describe
from verbs.words import said_of
from web.bulk_api import MOST
from web.one_by_one import one_by_one
from web.pages import MemberPage, add_refusal
from web.values import phrase
from web.verb_forms import chosen_from
from web.verb_pages import why_refused
from web.way_back import BACK
from workitems.subject import WORK_ITEM

KIND = WORK_ITEM.subject_type
#: What can be done to several, by verb: the member that is asked for beside, and whether it is for
#: operators.
VERBS: Mapping[str, tuple[str, bool]] = {
    "claim": ("", False),
    "release": ("", False),
    "assign": ("assignee", True),
    "cancel": ("reason", True),
}
_MISSING: Mapping[str, str | Promise] = {
    "assignee": gettext_lazy("Nothing was done: name who shall have them."),
    "reason": gettext_lazy("Nothing was done: say why they are cancelled."),
}
#: What is said of those to which it was done.
_DONE = {
    "claim": ngettext_lazy("%(n)d task is yours now.", "%(n)d tasks are yours now.", "n"),
    "release": ngettext_lazy("%(n)d task is given back.", "%(n)d tasks are given back.", "n"),
    "assign": ngettext_lazy(
        "%(n)d task is given to somebody else.", "%(n)d tasks are given to somebody else.", "n"
    ),
    "cancel": ngettext_lazy("%(n)d task is cancelled.", "%(n)d tasks are cancelled.", "n"),
}
_LEFT = ngettext_lazy(
    "%(n)d task was left as it was, because a part of this system did not answer. Try again.",
    "%(n)d tasks were left as they were, because a part of this system did not answer. Try again.",
    "n",
)
#: Of so many that were refused it is said why, one by one.
TOLD = 10


class SeveralForm(forms.Form):
    """What is ticked, and what is said beside a verb. What must be said is the verb's to judge."""

    ids = forms.Field(required=False, widget=forms.MultipleHiddenInput)
    assignee = forms.CharField(
        label=gettext_lazy("Who shall have them"), required=False, widget=chosen_from("assignee")
    )
    reason = forms.CharField(label=gettext_lazy("Why they are cancelled"), required=False)

    def __init__(self, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, auto_id="several_%s")
        self.fields["assignee"].widget.attrs["placeholder"] = _("Username")
        self.fields["reason"].widget.attrs["placeholder"] = _("Reason")

    @property
    def ticked(self) -> list[uuid.UUID]:
        """Return the ids of what is ticked, each once; what is no id was on no page of ours."""
        given: Any = self["ids"].value() or []
        found = []
        for text in [given] if isinstance(given, str) else given:
            try:
                found.append(uuid.UUID(text))
            except ValueError:
                continue
        return list(dict.fromkeys(found))

    def beside(self, verb: str) -> dict[str, str]:
        """Return what was said beside a verb, as that takes it."""
        asks, _for_operators = VERBS[verb]
        said = self.cleaned_data[asks] if asks else ""
        return {asks: said} if said else {}

    def fault(self, verb: str) -> Invalid | None:
        """Return why nothing can be done with what was sent."""
        if verb not in VERBS:
            return Invalid(_("Nothing was done: choose what to do."))
        if not self.ticked:
            return Invalid(_("Nothing was done: tick the tasks first."))
        if len(self.ticked) > MOST:
            return Invalid(_("Nothing was done: tick at most %(n)d.") % {"n": MOST})
        asks, _for_operators = VERBS[verb]
        if asks and not self.beside(verb):
            return Invalid.field(f"/{asks}", str(_MISSING[asks]))
        return None


def offered(page: MemberPage, form: SeveralForm | None) -> dict[str, Any]:
    """Return `several` of `workitems/inbox.html`: where it is sent, and what may be done."""
    operates = not OPERATING_ROLES.isdisjoint(page.place.roles)
    form = form or SeveralForm()
    return {
        "url": page.request.get_full_path(),
        "form": form,
        "verbs": [
            {"name": name, "label": words.label, "tone": words.tone, "field": asks and form[asks]}
            for name, (asks, for_operators) in VERBS.items()
            if operates or not for_operators
            for words in [said_of(KIND, name)]
        ],
    }


def do(page: MemberPage, form: SeveralForm) -> Refusal | None:
    """Do what was asked to each of the ticked tasks, and say of each that was refused why. Return
    why nothing could be done, if so; the form says it where it is about what was typed."""
    form.full_clean()
    verb = page.request.POST.get("verb", "")
    fault = form.fault(verb)
    if fault is not None:
        if not add_refusal(form, fault):
            form.add_error(None, fault.detail)
        return fault
    asked = catalogue.find(KIND, verb)
    results = one_by_one(
        form.ticked, lambda id_: asked.perform([id_], Call(page.acting_user), form.beside(verb))
    )
    refused = results.refused
    if results.done:
        messages.success(page.request, str(_DONE[verb] % {"n": len(results.done)}))
        if results.left:
            messages.error(page.request, str(_LEFT % {"n": len(results.left)}))
        _tell(page, refused)
        return None
    why = next((each for each in refused.values() if isinstance(each, Invalid)), None)
    of_field = why is not None and add_refusal(form, why)
    _tell(
        page,
        {
            id_: each
            for id_, each in refused.items()
            if not (of_field and isinstance(each, Invalid))
        },
    )
    return why or next(iter(refused.values()))


def _tell(page: MemberPage, refused: Mapping[uuid.UUID, Refusal]) -> None:
    """Say of each that was refused why, and how many more there are."""
    if not refused:
        return
    with tenant_scope(page.acting_user.tenant_id):
        known = describe(page.acting_user.tenant_id, [(KIND, id_) for id_ in refused])
    back = urlencode({BACK: page.request.get_full_path()})
    for id_, refusal in [*refused.items()][:TOLD]:
        text = phrase(
            _("%(what)s was left as it is: %(why)s"), what=_link(known[KIND, id_], back),
            why=why_refused(refusal, KIND),
        )  # fmt: skip
        messages.warning(page.request, text)
    more = len(refused) - TOLD
    if more > 0:
        rest = ngettext("%(n)d more stays as it is.", "%(n)d more stay as they are.", more)
        messages.warning(page.request, rest % {"n": more})


def _link(found: Description, back: str) -> Any:
    if not found.url:
        return found.title
    return format_html('<a href="{}?{}">{}</a>', found.url, back, found.title)
