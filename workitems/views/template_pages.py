"""Templates of tasks: which there are, what one says, its versions, and making a task from it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from ledger.errors import NotPermitted
from verbs.call import Call
from verbs.catalogue import offers_of
from verbs.subject import subject_of
from verbs.words import denial
from web.labels import label_of
from web.pages import MemberPage
from web.schema_fields import ADD_ROW
from web.verb_pages import buttons
from workitems import selectors
from workitems.actions import add_template, instantiate
from workitems.actions.item_templates import TEMPLATE
from workitems.template_form import MakeForm
from workitems.version_form import VersionForm
from workitems.views.name_search import called

BY_NAME = ("name", "id")
VERSIONS = 50
UNPROCESSABLE = 422


class Templates(MemberPage):
    """The newest version of each template of which tasks are made."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show them, by name."""
        with self.scope():
            every = selectors.newest_templates(self.acting_user.tenant_id)
            rows, narrowed = called(request, every, reverse("workitems:templates"))
            # Of a part of a name there is no index.
            among = every if narrowed["chips"] else None
            found, pagination = self.page(rows, order=BY_NAME, among=among)
            context = {
                "rows": [_line(row) for row in found.rows],
                "pagination": {**pagination, "in_order": True},
                "crumbs": [_inbox(), _all()],
                **narrowed,
            }
            return self.render("workitems/templates.html", context)


class Template(MemberPage):
    """One version of a template, and the form that makes a task of it."""

    fills_in = instantiate.input

    def get(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Show it."""
        return self._show(id, None)

    def post(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Make a task."""
        sent = request.POST.dict()
        with self.scope():
            row = selectors.template(self.acting_user.tenant_id, id)
        if ADD_ROW in sent:
            # Shown as it was sent, with room for more; nothing is judged or done.
            return self._show(id, MakeForm(row, rows=sent))
        form = MakeForm(row, sent)
        if not form.is_valid():
            return self._show(id, form, UNPROCESSABLE)
        return self.perform(
            lambda: instantiate(id, call=Call(self.acting_user), **form.body),
            to=lambda item: reverse("workitems:detail", args=[item.id]),
            message=_("The task is open."),
            form=form,
            again=lambda: self._show(id, form),
        )

    def _show(self, id_: uuid.UUID, form: MakeForm | None, status: int = 200) -> HttpResponse:
        with self.scope():
            tenant_id = self.acting_user.tenant_id
            row = selectors.template(tenant_id, id_)
            versions = selectors.templates(tenant_id, row.name).order_by("-version")[:VERSIONS]
            may_make = row.ended_at is None and not instantiate.denied(row, self.authority, None)
            context = {
                "crumbs": [_inbox(), {**_all(), "url": reverse("workitems:templates")},
                           {"label": row.name, "url": ""}],
                "template": {**_line(row), "facts": _facts(row.content),
                             "description": row.content.get("description", "")},
                "versions": [{**_line(each), "here": each.id == row.id} for each in versions],
                "form": (form or MakeForm(row)) if may_make else None,
                "url": reverse("workitems:template", args=[row.id]),
                "version_url": reverse("workitems:template-version", args=[row.id])
                if not add_template.denied(None, self.authority, None) else "",
                "actions": self._buttons(row),
            }  # fmt: skip
            return self.render("workitems/template.html", context, status=status)

    def _buttons(self, row: Any) -> list[dict[str, Any]]:
        """Return what can be done with it: one that was ended stays so."""
        if row.ended_at is not None:
            return []
        subject = subject_of(TEMPLATE)
        return buttons(subject, row, offers_of(subject, [row], self.authority)[row.id])


class NewVersion(MemberPage):
    """The next version of a template, beginning with what one says."""

    fills_in = add_template.input

    def get(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Ask what it is to say."""
        row = self._row(id)
        return self._show(row, VersionForm(row))

    def post(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Add it."""
        row = self._row(id)
        form = VersionForm(row, request.POST)
        if not form.is_valid():
            return self._show(row, form, UNPROCESSABLE)
        return self.perform(
            lambda: add_template(call=Call(self.acting_user), name=row.name, **form.body()),
            to=lambda added: reverse("workitems:template", args=[added.id]),
            message=_("The version is there."),
            form=form,
            again=lambda: self._show(row, form),
        )

    def _row(self, id_: uuid.UUID) -> Any:
        """Return the version that it begins with. Raises NotPermitted for those who add none."""
        with self.scope():
            row = selectors.template(self.acting_user.tenant_id, id_)
            denied = add_template.denied(None, self.authority, None)
        if denied:
            raise NotPermitted(denial(denied))
        return row

    def _show(self, row: Any, form: VersionForm, status: int = 200) -> HttpResponse:
        here = reverse("workitems:template", args=[row.id])
        context = {
            "crumbs": [
                _inbox(), {**_all(), "url": reverse("workitems:templates")},
                {"label": row.name, "url": here}, {"label": _("New version"), "url": ""},
            ],
            "name": row.name,
            "form": form,
            "url": reverse("workitems:template-version", args=[row.id]),
            "cancel_url": here,
        }  # fmt: skip
        return self.render("workitems/template_version.html", context, status=status)


def _inbox() -> dict[str, str]:
    return {"label": _("Inbox"), "url": reverse("workitems:inbox")}


def _all() -> dict[str, str]:
    return {"label": _("Templates"), "url": ""}


def _line(row: Any) -> dict[str, Any]:
    return {
        "name": row.name,
        "version": row.version,
        "title": row.content["title"],
        "url": reverse("workitems:template", args=[row.id]),
        "created_at": row.created_at,
        "ended_at": row.ended_at,
    }


def _called(outcome: Any) -> str:
    """Return how people call an outcome that a template permits."""
    if isinstance(outcome, str):
        return outcome
    return str(outcome.get("label") or outcome["name"])


def _facts(content: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return what a template says of who does its tasks and how they end, where it says so."""
    groups = [label_of(name) for name in content.get("candidate_groups", ())]
    rows = [
        (_("Groups that may take it"), ", ".join(groups)),
        (_("People who may take it"), ", ".join(content.get("candidate_users", ()))),
        (_("Possible outcomes"), ", ".join(map(_called, content.get("permitted_outcomes", ())))),
    ]
    return [{"label": label, "value": value} for label, value in rows if value]
