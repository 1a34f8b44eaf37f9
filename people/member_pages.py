"""The members of the organisation: the list, and adding one."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.managed_people import members_of, memberships_of
from accounts.roles import Role
from accounts.signature_keys import holders_of_keys
from people.actions import MEMBER, add_member
from people.forms import MemberForm
from verbs.call import Call
from verbs.catalogue import offers_of
from verbs.subject import subject_of
from web.labels import label_of
from web.pages import MemberPage
from web.verb_pages import buttons

UNPROCESSABLE = 422
_ENDS, _BEGINS = "deactivate", "reactivate"


class Members(MemberPage):
    """Everybody in the organisation, newest first; tenant admins add, change and end."""

    fills_in = add_member.input

    def get(self, _request: HttpRequest) -> HttpResponse:
        """Show them."""
        return self._show(MemberForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        """Add one."""
        form = MemberForm(request.POST)
        if not form.is_valid():
            return self._show(form, status=UNPROCESSABLE)
        return self.perform(
            lambda: add_member(call=Call(self.acting_user), **form.body()),
            to=reverse("people:members"),
            message=_("The member is added."),
            form=form,
            again=lambda: self._show(form),
        )

    def _show(self, form: MemberForm, status: int = 200) -> HttpResponse:
        with self.scope():
            page, pagination = self.page(members_of(self.acting_user.tenant_id))
            context = {
                "crumbs": [
                    {"label": _("Settings"), "url": reverse("people:settings")},
                    {"label": _("Members"), "url": ""},
                ],
                "rows": self._rows(page.rows),
                "pagination": pagination,
                "form": form if Role.TENANT_ADMIN in self.authority.roles else None,
                "url": reverse("people:members"),
            }
            return self.render("people/members.html", context, status=status)

    def _rows(self, rows: list[Any]) -> list[dict[str, Any]]:
        beside, subject = memberships_of(rows), subject_of(MEMBER)
        holders = holders_of_keys(rows)
        offers = offers_of(subject, rows, self.authority)
        return [
            {
                "name": membership.user.get_full_name() or membership.user.username,
                "username": membership.user.username,
                "roles": ", ".join(str(Role(each).label) for each in sorted(membership.roles)),
                "groups": ", ".join(
                    sorted(label_of(each.name) for each in membership.groups.all())
                ),
                "skills": ", ".join(label_of(each) for each in membership.skills),
                "is_active": membership.is_active,
                "keys_url": _keys_url(membership.user.username) if row.id in holders else "",
                "version": row.version,
                "actions": [
                    each
                    for each in buttons(subject, row, offers[row.id])
                    if each["allowed"]
                    and each["action"] != (_BEGINS if membership.is_active else _ENDS)
                ],
            }
            for row in rows
            for membership in [beside[row.id]]
        ]


def _keys_url(username: str) -> str:
    return f"{reverse('people:signature-keys')}?{urlencode({'member': username})}"
