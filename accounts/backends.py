"""Passwords, and what a role may see in the Django admin."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from typing_extensions import override

from accounts.models import User
from accounts.roles import Role
from accounts.selectors import read_places

_WORK = frozenset({"workitems", "cases", "executions", "compensation", "governance", "events"})
_ALL = _WORK | {"accounts", "notifications", "audit", "ledger"}
# The apps whose rows a role may look at. Nobody adds, changes or deletes: verbs do.
VIEWS_OF_ROLE: dict[str, frozenset[str]] = {
    Role.OPERATOR: _WORK,
    Role.AUDITOR: _ALL,
    Role.TENANT_ADMIN: _ALL,
}


class MembershipBackend(ModelBackend):
    """Checks passwords; permissions come from the roles held in the session's tenant.

    Groups, user permissions, `is_staff` and `is_superuser` of Django mean nothing here.
    """

    @override
    def get_user(self, user_id: Any) -> User | None:
        """Return an active user; with their places, read in the same statement, where they have
        any: whoever asks for a page needs both."""
        found = read_places(user_id)
        if not found:
            return super().get_user(user_id)
        user = found[0][0]
        user.places = tuple(place for _user, place in found)
        return user

    @override
    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        """Return whether a role held now allows `<app>.view_<model>`; nothing else ever is."""
        app, _, codename = perm.partition(".")
        return codename.startswith("view_") and self.has_module_perms(user_obj, app)

    @override
    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        """Return whether a role held now may look at rows of an app."""
        if not isinstance(user_obj, User) or not user_obj.is_active:
            return False
        return any(app_label in VIEWS_OF_ROLE.get(role, ()) for role in user_obj.held_roles)

    @override
    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """Return nothing: permissions are computed from roles, not listed."""
        return set()
