"""Starting a case."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from cases import actions, selectors
from cases.forms import StartForm
from compensation.views.operator_pages import OperatorPage, crumb
from ledger.tenancy import tenant_scope
from verbs.call import Call

MOST_KINDS = 100


class StartCase(OperatorPage):
    """Choose a definition, say what is known, start."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the form; `?definition=` chooses one."""
        return self._page(None, request.GET.get("definition", ""))

    def post(self, request: HttpRequest) -> HttpResponse:
        """Open the case and show it."""
        with tenant_scope(self.acting_user.tenant_id):
            form = self._form(request.POST, "")
            if not form.is_valid():
                return self._page(form, request.POST.get("definition", ""), status=422)
        key, _space, version = form.cleaned_data["definition"].partition(" ")
        return self.perform(
            lambda: actions.open_case(
                call=Call(self.acting_user),
                definition=key,
                version=version,
                context=form.cleaned_data["context"],
                title=form.cleaned_data["title"] or None,
            ),
            to=lambda case: reverse("cases:detail", args=[case.id]),
            message=_("The case has started. Its first tasks open in a moment."),
            form=form,
            again=lambda: self._page(form, request.POST.get("definition", "")),
        )

    def _form(self, data: Mapping[str, Any] | None, chosen: str) -> StartForm:
        choices = [(str(row), row.title or row.name) for row in newest()]
        known = {value for value, _label in choices}
        # An older version may be asked for by its address.
        if chosen and chosen not in known and _exists(chosen):
            choices.append((chosen, chosen))
        first = chosen or (choices[0][0] if len(choices) == 1 else "")
        return StartForm(data, definitions=choices, initial={"definition": first})

    def _page(self, form: StartForm | None, chosen: str, *, status: int = 200) -> HttpResponse:
        asked = form or self._form(None, chosen)
        rows = newest()
        context = {
            "crumbs": [crumb(_("Cases"), reverse("cases:list")), crumb(_("Start a case"))],
            "form": asked,
            "hints": {str(row): selectors.compiled(row).summary for row in rows},
            "url": self.request.path,
            "cancel_url": reverse("cases:list"),
            "chosen": None,
            "nothing": not rows,
            "definitions_url": reverse("cases:definitions"),
        }
        return self.render("cases/start.html", context, status=status)


def newest() -> list[Any]:
    """Return the newest version of each definition, in the order of deployment."""
    found: dict[str, Any] = {}
    for row in selectors.definitions()[:MOST_KINDS]:
        found.setdefault(row.key, row)
    return list(found.values())


def _exists(chosen: str) -> bool:
    key, _space, version = chosen.partition(" ")
    namespace, _slash, name = key.partition("/")
    rows = selectors.definitions().filter(namespace=namespace, name=name, version=version)
    return rows.exists()
