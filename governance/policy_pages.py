"""The page of policies: what the organisation says of executions, and a form for another."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from governance.actions.policy_verbs import POLICY, add_policy
from governance.lifecycle import Effect, Severity
from governance.policies import AS_ASKED, in_force
from governance.policy_subject import approvers_named
from verbs.call import Call
from verbs.catalogue import offers_of
from verbs.subject import subject_of
from web.pages import MemberPage, pagination_in_order
from web.verb_forms import VerbForm, form_of
from web.verb_pages import buttons

UNPROCESSABLE = 422


class Policies(MemberPage):
    """Policies in force, in the order in which they are asked; tenant admins add to them."""

    fills_in = add_policy.input

    def get(self, _request: HttpRequest) -> HttpResponse:
        """Show them."""
        return self._show(form_of(add_policy)())

    def post(self, request: HttpRequest) -> HttpResponse:
        """Add one."""
        form = form_of(add_policy)(request.POST)
        if not form.is_valid():
            return self._show(form, status=UNPROCESSABLE)
        return self.perform(
            lambda: add_policy(call=Call(self.acting_user), **form.body()),
            to=reverse("governance:policies"),
            message=_("The policy is in force."),
            form=form,
            again=lambda: self._show(form),
        )

    def _show(self, form: VerbForm, status: int = 200) -> HttpResponse:
        with self.scope():
            page, _links = self.page(in_force(self.acting_user.tenant_id), order=AS_ASKED)
            context = {
                "rows": self._rows(page.rows),
                "pagination": pagination_in_order(self.request, page),
                "form": form,
                "url": reverse("governance:policies"),
                "may_add": not add_policy.denied(None, self.authority, None),
            }
            return self.render("governance/policies.html", context, status=status)

    def _rows(self, rows: list[Any]) -> list[dict[str, Any]]:
        if not rows:
            return []
        subject = subject_of(POLICY)
        offers = offers_of(subject, rows, self.authority)
        steps = approvers_named(rows)
        return [
            {
                "name": row.name,
                "priority": row.priority,
                "when": row.when,
                "effect": Effect(row.effect).label,
                "change": row.change,
                "approvers": [_said(step) for step in steps[row.id]],
                "reason": row.reason,
                "severity": Severity(row.severity).label,
                "version": row.version,
                "actions": [
                    each for each in buttons(subject, row, offers[row.id]) if each["allowed"]
                ],
            }
            for row in rows
        ]


def _said(step: dict[str, list[str]]) -> str:
    return ", ".join([*step["users"], *step["groups"], *step["roles"]])
