"""Tasks that come again: which there are, when the next one comes, and a form for another."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from ledger.errors import NotPermitted
from verbs.call import Call
from verbs.catalogue import offers_of
from verbs.subject import subject_of
from verbs.words import denial
from web.pages import MemberPage
from web.verb_pages import buttons
from workitems import selectors
from workitems.actions import add_schedule, edit_schedule
from workitems.forms import ScheduleEditForm, ScheduleForm
from workitems.schedules.cron_words import cron_words
from workitems.schedules.schedule_reading import live_schedule, live_schedules
from workitems.schedules.schedule_saving import SCHEDULE
from workitems.views.name_search import called

UNPROCESSABLE = 422


class Schedules(MemberPage):
    """The schedules of the tenant."""

    fills_in = add_schedule.input

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show them."""
        return self._show(None)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Add one."""
        form = self._form(request.POST)
        if not form.is_valid():
            return self._show(form, UNPROCESSABLE)
        return self.perform(
            lambda: add_schedule(call=Call(self.acting_user), **form.body()),
            to=reverse("workitems:schedules"),
            message=_("The schedule is there."),
            form=form,
            again=lambda: self._show(form),
        )

    def _form(self, data: Any = None) -> ScheduleForm:
        with self.scope():
            return ScheduleForm(_offered(self.acting_user.tenant_id), data)

    def _show(self, form: ScheduleForm | None, status: int = 200) -> HttpResponse:
        shown = form or self._form()
        with self.scope():
            every = live_schedules(self.acting_user.tenant_id)
            some, narrowed = called(self.request, every, reverse("workitems:schedules"))
            # Of a part of a name there is no index.
            found, pagination = self.page(some, among=every if narrowed["chips"] else None)
            rows = found.rows
            subject = subject_of(SCHEDULE)
            offers = offers_of(subject, rows, self.authority)
            context = {
                "rows": [
                    {
                        "name": row.name,
                        "template": row.template.name,
                        "cron": row.cron,
                        "comes": cron_words(row.cron),
                        "zone": row.zone,
                        "next_at": row.due_at if row.active else None,
                        "last_at": row.last_at,
                        "problem": row.last_problem,
                        "item_url": reverse("workitems:detail", args=[row.last_item_id])
                        if row.last_item_id
                        else "",
                        "edit_url": reverse("workitems:schedule-edit", args=[row.id])
                        if _allows(offers[row.id], edit_schedule.name)
                        else "",
                        "actions": buttons(subject, row, offers[row.id]),
                    }
                    for row in rows
                ],
                "pagination": pagination,
                **narrowed,
                "form": shown,
                "url": reverse("workitems:schedules"),
                "may_add": not add_schedule.denied(None, self.authority, None),
            }
            return self.render("workitems/schedules.html", context, status=status)


class Edit(MemberPage):
    """What one schedule says, to be said otherwise."""

    fills_in = edit_schedule.input

    def get(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Ask."""
        return self._show(id, self._form(id))

    def post(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Change it."""
        form = self._form(id, request.POST)
        if not form.is_valid():
            return self._show(id, form, UNPROCESSABLE)
        version = self.posted_version()
        call = Call(self.acting_user, versions=None if version is None else {version})
        return self.perform(
            lambda: edit_schedule(id, call=call, **form.body()),
            to=reverse("workitems:schedules"),
            message=_("The schedule was changed."),
            form=form,
            again=lambda: self._show(id, form),
        )

    def _form(self, id_: uuid.UUID, data: Any = None) -> ScheduleEditForm:
        """Return the form of a schedule. Raises NotPermitted for those who change none."""
        with self.scope():
            row = live_schedule(self.acting_user.tenant_id, id_)
            denied = edit_schedule.denied(row, self.authority, None)
            if denied:
                raise NotPermitted(denial(denied))
            own = (str(row.template_id), str(row.template))
            # One that was ended stays until another is chosen.
            templates = dict([own, *_offered(self.acting_user.tenant_id)])
            said = {
                name: getattr(row, name) for name in ("name", "cron", "zone", "values", "active")
            }
            said["template"] = own[0]
            return ScheduleEditForm(list(templates.items()), said, data)

    def _show(self, id_: uuid.UUID, form: ScheduleEditForm, status: int = 200) -> HttpResponse:
        with self.scope():
            row = live_schedule(self.acting_user.tenant_id, id_)
            context = {
                "crumbs": [
                    {"label": _("Schedules"), "url": reverse("workitems:schedules")},
                    {"label": row.name, "url": ""},
                ],
                "name": row.name,
                "version": row.version,
                "form": form,
                "url": reverse("workitems:schedule-edit", args=[row.id]),
                "cancel_url": reverse("workitems:schedules"),
            }
            return self.render("workitems/schedule_edit.html", context, status=status)


def _offered(tenant_id: uuid.UUID) -> list[tuple[str, str]]:
    """Return the templates of which a schedule may make tasks."""
    return [(str(row.id), str(row)) for row in selectors.live_templates(tenant_id)]


def _allows(offers: Iterable[Any], name: str) -> bool:
    return any(each.action == name and each.allowed for each in offers)
