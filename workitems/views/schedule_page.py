"""Tasks that come again: which there are, when the next one comes, and a form for another."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from verbs.call import Call
from verbs.catalogue import offers_of
from verbs.subject import subject_of
from web.pages import MemberPage
from web.verb_pages import buttons
from workitems import selectors
from workitems.actions import add_schedule
from workitems.forms import ScheduleForm
from workitems.schedules.schedule_reading import live_schedules
from workitems.schedules.schedule_saving import SCHEDULE

#: On one page; the API lists all.
SHOWN = 100
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
            names = [
                (str(row.id), str(row))
                for row in selectors.live_templates(self.acting_user.tenant_id)
            ]
        return ScheduleForm(names, data)

    def _show(self, form: ScheduleForm | None, status: int = 200) -> HttpResponse:
        shown = form or self._form()
        with self.scope():
            rows = list(live_schedules(self.acting_user.tenant_id)[:SHOWN])
            subject = subject_of(SCHEDULE)
            offers = offers_of(subject, rows, self.authority)
            context = {
                "rows": [
                    {
                        "name": row.name,
                        "template": row.template.name,
                        "cron": row.cron,
                        "zone": row.zone,
                        "next_at": row.due_at if row.active else None,
                        "last_at": row.last_at,
                        "problem": row.last_problem,
                        "item_url": reverse("workitems:detail", args=[row.last_item_id])
                        if row.last_item_id
                        else "",
                        "actions": buttons(subject, row, offers[row.id]),
                    }
                    for row in rows
                ],
                "form": shown,
                "url": reverse("workitems:schedules"),
                "may_add": not add_schedule.denied(None, self.authority, None),
            }
            return self.render("workitems/schedules.html", context, status=status)
