"""One thing done to several tasks of a list at once: to each by itself, with its own result."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, ngettext_lazy

from accounts.roles import OPERATING_ROLES
from ledger.errors import Refusal
from ledger.tenancy import tenant_scope
from verbs import catalogue
from verbs.call import Call
from verbs.subject import Description, describe
from verbs.words import said_of
from web.bulk_api import MOST
from web.pages import MemberPage
from web.values import phrase
from web.verb_pages import why_refused
from web.way_back import BACK, carried, way_back
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
_MISSING = {
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
#: Of so many that were refused it is said why, one by one.
TOLD = 10


def offered(page: MemberPage) -> dict[str, Any]:
    """Return `several` of `workitems/inbox.html`: where it is sent, and what may be done."""
    operates = not OPERATING_ROLES.isdisjoint(page.place.roles)
    url = reverse("workitems:several")
    here = page.request.get_full_path()
    return {
        "url": f"{url}?{urlencode({BACK: here})}",
        "verbs": [
            {"name": name, "label": words.label, "tone": words.tone, "asks": asks}
            for name, (asks, for_operators) in VERBS.items()
            if operates or not for_operators
            for words in [said_of(KIND, name)]
        ],
    }


class Several(MemberPage):
    """Does one verb to each of the ticked tasks, and says of each that was refused why."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest) -> HttpResponse:
        """Do it, and go back to the list."""
        name, ids = request.POST.get("verb", ""), _ids(request.POST.getlist("ids"))
        if name not in VERBS:
            messages.warning(request, _("Nothing was done: choose what to do."))
        elif not ids:
            messages.warning(request, _("Nothing was done: tick the tasks first."))
        elif len(ids) > MOST:
            messages.warning(request, _("Nothing was done: tick at most %(n)d.") % {"n": MOST})
        elif VERBS[name][0] and not self._said(name):
            messages.warning(request, str(_MISSING[VERBS[name][0]]))
        else:
            self._do(name, ids)
        return self.go(way_back(request) or reverse("workitems:inbox"))

    def _do(self, name: str, ids: Sequence[uuid.UUID]) -> None:
        verb, said = catalogue.find(KIND, name), self._said(name)
        refused: dict[uuid.UUID, Refusal] = {}
        for id_ in ids:
            try:
                verb.perform([id_], Call(self.acting_user), said)
            except Refusal as refusal:
                refused[id_] = refusal
        done = len(ids) - len(refused)
        if done:
            messages.success(self.request, str(_DONE[name] % {"n": done}))
        self._tell(refused)

    def _said(self, name: str) -> dict[str, str]:
        """Return what was said beside, as the verb takes it."""
        asks, _for_operators = VERBS[name]
        said = self.request.POST.get(asks, "").strip() if asks else ""
        return {asks: said} if said else {}

    def _tell(self, refused: Mapping[uuid.UUID, Refusal]) -> None:
        """Say of each that was refused why, and how many more there are."""
        if not refused:
            return
        with tenant_scope(self.acting_user.tenant_id):
            known = describe(self.acting_user.tenant_id, [(KIND, id_) for id_ in refused])
        for id_, refusal in [*refused.items()][:TOLD]:
            what = _link(carried(self.request, known[KIND, id_].url), known[KIND, id_])
            text = phrase(
                _("%(what)s was left as it is: %(why)s"), what=what, why=why_refused(refusal, KIND)
            )
            messages.warning(self.request, text)
        more = len(refused) - TOLD
        if more > 0:
            rest = ngettext("%(n)d more stays as it is.", "%(n)d more stay as they are.", more)
            messages.warning(self.request, rest % {"n": more})


def _link(url: str, found: Description) -> Any:
    return format_html('<a href="{}">{}</a>', url, found.title) if url else found.title


def _ids(given: Sequence[str]) -> list[uuid.UUID]:
    """Return the ids among what was sent, each once; what is no id was never on a page of ours."""
    found = []
    for text in given:
        try:
            found.append(uuid.UUID(text))
        except ValueError:
            continue
    return list(dict.fromkeys(found))
