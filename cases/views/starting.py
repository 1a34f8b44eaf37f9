"""Starting a case."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from cases import actions, selectors
from cases.definitions import CompiledDefinition
from cases.forms import Kind, StartForm
from cases.versions import default_of
from cases.views.staying import staying
from compensation.views.operator_pages import OperatorPage, crumb
from ledger.tenancy import tenant_scope
from verbs.call import Call
from web.schema_fields import ADD_ROW

MOST_KINDS = 100


class StartCase(OperatorPage):
    """Choose a definition, say what is known, start."""

    fills_in = actions.open_case.input

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the form of the kind that `?definition=` chooses, with `?json=1` for one who writes
        JSON; without a choice the kinds there are."""
        chosen, as_json = request.GET.get("definition", ""), request.GET.get("json") == "1"
        return self._page(self._form(chosen, as_json=as_json))

    def post(self, request: HttpRequest) -> HttpResponse:
        """Open the case and show it."""
        sent = request.POST.dict()
        with tenant_scope(self.acting_user.tenant_id):
            if ADD_ROW in sent:
                # Shown as it was sent, with room for more; nothing is judged or done.
                return self._page(self._form(sent.get("definition", ""), rows=sent))
            form = self._form(sent.get("definition", ""), data=sent)
            if not form.is_valid():
                self._say_the_rest(form)
                return self._page(form, status=422)
        return self.perform(
            lambda: actions.open_case(call=Call(self.acting_user), **form.body),
            to=lambda case: reverse("cases:detail", args=[case.id]),
            message=_("The case has started. Its first tasks open in a moment."),
            form=form,
            again=lambda: self._page(form),
        )

    def _say_the_rest(self, form: StartForm) -> None:
        """Say of a broken form also what the verb would have against the rest of it."""
        if "definition" in form.cleaned_data:
            form.refuse(actions.fault_of_opening(form.body, self.acting_user))

    def _asks(self, chosen: str) -> CompiledDefinition | None:
        """Return the definition that a choice names, None where it names none."""
        key, _space, version = chosen.partition(" ")
        rows = selectors.versions(self.acting_user.tenant_id, *_named(key))
        row = next((each for each in rows if each.version == version), None)
        return None if row is None else selectors.compiled_of(row.tenant_id, row.id)

    def _form(self, chosen: str, **sent: Any) -> StartForm:
        tenant_id = self.acting_user.tenant_id
        kinds = selectors.kinds(tenant_id, MOST_KINDS)
        # One that is asked for by its address is offered beside the newest kinds.
        key, _space, version = chosen.partition(" ")
        if key not in kinds and (asked := selectors.versions(tenant_id, *_named(key))):
            kinds[key] = asked
        first = chosen
        if key in kinds and not version:
            first = str(default_of(kinds[key]))
        elif not chosen and len(kinds) == 1:
            first = str(default_of(*kinds.values()))
        found = _kinds(tenant_id, kinds.values())
        known = {"definition": first} if any(each.value == first for each in found) else {}
        return StartForm(kinds=found, asks=self._asks, initial=known, **sent)

    def _page(self, form: StartForm, *, status: int = 200) -> HttpResponse:
        """Show what there is to start, and the form of what is chosen."""
        context = {
            "crumbs": [crumb(_("Cases"), reverse("cases:list")), crumb(_("Start a case"))],
            "form": form,
            "staying": staying(form.definition) if form.definition is not None else {},
            "url": reverse("cases:start"),
            "cancel_url": reverse("cases:list"),
            "json_url": start_url(form.chosen, json=1),
            "definitions_url": reverse("cases:definitions"),
        }
        return self.render("cases/start.html", context, status=status)


def _named(key: str) -> tuple[str, str]:
    namespace, _slash, name = key.partition("/")
    return namespace, name


def kind_of(value: str, label: str, hint: str = "") -> Kind:
    """Return a kind to choose, with the page of its form."""
    return Kind(value, label, hint, start_url(value))


def start_url(chosen: str, **more: Any) -> str:
    """Return the page that starts a case of a version."""
    return f"{reverse('cases:start')}?{urlencode({'definition': chosen, **more})}"


def _kinds(tenant_id: uuid.UUID, found: Iterable[Sequence[Any]]) -> list[Kind]:
    """Return every version of each definition to choose from, the one that is meant first."""
    listed = [(default_of(rows), rows) for rows in found]
    summaries = selectors.summaries(tenant_id, [meant.id for meant, _rows in listed])
    kinds = []
    for meant, rows in listed:
        hint = " · ".join(part for part in (meant.version, summaries[meant.id]) if part)
        kinds.append(kind_of(str(meant), meant.title or meant.name, hint))
        for row in rows:
            if row is not meant:
                words = {"title": row.title or row.name, "version": row.version}
                kinds.append(kind_of(str(row), _("%(title)s, version %(version)s") % words))
    return kinds
