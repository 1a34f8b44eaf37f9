"""What the pages of cases share: rights to change, and buttons with their reasons."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.acting import Authority
from accounts.roles import OPERATING_ROLES, Role
from cases.words import DENIED, said
from ledger.errors import NotPermitted
from web.pages import MemberPage
from workitems.permissions import Action

OPERATORS_ONLY = gettext_lazy("Only an operator may do this.")


class CasesPage(MemberPage):
    """A page of this app. Everybody of the tenant may read; operators change."""

    @property
    def operates(self) -> bool:
        """Whether the member may change cases and rollbacks."""
        return not OPERATING_ROLES.isdisjoint(self.place.roles)

    @property
    def rights(self) -> Authority:
        """What the session's roles allow, for buttons. The verbs read the member's rights again."""
        acting = self.acting_user
        roles = frozenset(self.place.roles) | {Role.MEMBER.value}
        return Authority(acting.actor_id, acting.actor_type, roles, frozenset())

    def require_operator(self) -> None:
        """Raise NotPermitted for a form that only an operator may send."""
        if not self.operates:
            raise NotPermitted(str(OPERATORS_ONLY))


def button(
    action: Action, label: str | Promise, url: str, *, method: str = "post", tone: str = ""
) -> dict[str, Any]:
    """Return one entry of `components/actions.html`."""
    return {
        "action": action.action,
        "label": label,
        "url": url,
        "method": method,
        "tone": tone,
        "allowed": action.allowed,
        "reason": said(DENIED, action.reason) if action.reason else "",
    }


CASE_BUTTONS: dict[str, tuple[Any, str, str, str]] = {
    "compensation-plan": (gettext_lazy("Roll back…"), "cases:rollback", "get", "undo"),
    "suspend": (gettext_lazy("Pause"), "cases:suspend", "post", ""),
    "resume": (gettext_lazy("Go on"), "cases:resume", "post", ""),
    "cancel": (gettext_lazy("Cancel…"), "cases:cancel", "get", ""),
    "close": (gettext_lazy("Close…"), "cases:close", "get", ""),
}


def case_buttons(actions: Iterable[Action], case_id: uuid.UUID) -> list[dict[str, Any]]:
    """Return the buttons of a case, rolling back first."""
    found: Mapping[str, Action] = {action.action: action for action in actions}
    return [
        button(found[name], label, reverse(url_name, args=[case_id]), method=method, tone=tone)
        for name, (label, url_name, method, tone) in CASE_BUTTONS.items()
        if name in found
    ]


def run_buttons(actions: Iterable[Action], run_id: uuid.UUID) -> list[dict[str, Any]]:
    """Return the buttons of a run: only those that mean something now are listed."""
    labels = {"pause": _("Pause"), "resume": _("Go on")}
    return [
        button(action, labels[action.action], reverse(f"cases:run-{action.action}", args=[run_id]))
        for action in actions
        if action.reason != "wrong_state"
    ]


def crumb(label: str | Promise, url: str = "") -> dict[str, Any]:
    """Return one entry of `components/crumbs.html`."""
    return {"label": label, "url": url}
