"""Starting a case."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from cases import actions, selectors
from cases.definitions import CompiledDefinition
from cases.forms import StartForm
from cases.versions import default_of
from compensation.views.operator_pages import OperatorPage, crumb
from ledger.tenancy import tenant_scope
from verbs.call import Call

MOST_KINDS = 100


class StartCase(OperatorPage):
    """Choose a definition, say what is known, start."""

    fills_in = actions.open_case.input

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the form; `?definition=` chooses one."""
        return self._page(None, request.GET.get("definition", ""))

    def post(self, request: HttpRequest) -> HttpResponse:
        """Open the case and show it."""
        data = request.POST.copy()
        shown_for, asked = data.get("shown_for", ""), data.get("definition", "")
        # The fields are those of what is chosen now, whatever was shown before.
        data["shown_for"] = asked
        with tenant_scope(self.acting_user.tenant_id):
            form = self._form(data, asked)
            if not form.is_valid() or self._asks_for_others(form, shown_for):
                return self._page(form, "", status=422)
        key, _space, version = form.cleaned_data["definition"].partition(" ")
        return self.perform(
            lambda: actions.open_case(
                call=Call(self.acting_user),
                definition=key,
                version=version,
                context=form.known,
                title=form.cleaned_data["title"] or None,
            ),
            to=lambda case: reverse("cases:detail", args=[case.id]),
            message=_("The case has started. Its first tasks open in a moment."),
            form=form,
            again=lambda: self._page(form, ""),
        )

    def _asks_for_others(self, form: StartForm, shown: str) -> bool:
        """Whether the kind was changed after its fields were shown: then those of the new kind are
        shown first, or what was typed would be left out without a word."""
        asked = form.cleaned_data["definition"]
        if not shown or shown == asked:
            return False
        before, now = (self._asks(each) for each in (shown, asked))
        if not any(each is not None and each.input_fields for each in (before, now)):
            return False
        form.add_error(None, _("This kind asks for other things. Fill them in and start it."))
        return True

    def _asks(self, chosen: str) -> CompiledDefinition | None:
        """Return the definition that a choice names, None where it names none."""
        key, _space, version = chosen.partition(" ")
        rows = selectors.versions(self.acting_user.tenant_id, *_named(key)) if chosen else []
        row = next((each for each in rows if each.version == version), None)
        return None if row is None else selectors.compiled_of(row.tenant_id, row.id)

    def _form(self, data: Mapping[str, Any] | None, chosen: str) -> StartForm:
        tenant_id = self.acting_user.tenant_id
        kinds = selectors.kinds(tenant_id, MOST_KINDS)
        # One that is asked for by its address is offered beside the newest kinds.
        key, _space, version = chosen.partition(" ")
        if key not in kinds and (asked := selectors.versions(tenant_id, *_named(key))):
            kinds[key] = asked
        choices = [choice for rows in kinds.values() for choice in _choices(rows)]
        first = choices[0][0] if len(kinds) == 1 else ""
        if key in kinds:
            first = chosen if version else str(default_of(kinds[key]))
        hints = _hints(tenant_id, kinds.values())
        asks = self._asks(first if data is None else chosen)
        initial = {"definition": first}
        return StartForm(data, definitions=choices, hints=hints, asks=asks, initial=initial)

    def _page(self, form: StartForm | None, chosen: str, *, status: int = 200) -> HttpResponse:
        asked = form or self._form(None, chosen)
        context = {
            "crumbs": [crumb(_("Cases"), reverse("cases:list")), crumb(_("Start a case"))],
            "form": asked,
            "hints": asked.hints,
            "url": self.request.path,
            "cancel_url": reverse("cases:list"),
            "chosen": None,
            "nothing": not asked.hints,
            "definitions_url": reverse("cases:definitions"),
        }
        return self.render("cases/start.html", context, status=status)


def _named(key: str) -> tuple[str, str]:
    namespace, _slash, name = key.partition("/")
    return namespace, name


def _choices(rows: Sequence[Any]) -> list[tuple[str, str]]:
    """Return the versions of one definition to choose from, the one that is meant first."""
    meant = default_of(rows)
    found = [(str(meant), meant.title or meant.name)]
    for row in rows:
        if row is not meant:
            words = {"title": row.title or row.name, "version": row.version}
            found.append((str(row), _("%(title)s, version %(version)s") % words))
    return found


def _hints(tenant_id: uuid.UUID, kinds: Iterable[Sequence[Any]]) -> dict[str, str]:
    """Return what is said below a choice: which version it is, and what it is for."""
    meant = [default_of(rows) for rows in kinds]
    summaries = selectors.summaries(tenant_id, [row.id for row in meant])
    return {
        str(row): " · ".join(part for part in (row.version, summaries[row.id]) if part)
        for row in meant
    }
