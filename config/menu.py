"""What the account menu leads to that belongs to no app of ours: the admin and the API's pages."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from accounts.roles import ADMIN_SITE_ROLES
from web import nav


def register() -> None:
    """Put them into the menu; the admin for those who may enter it."""
    nav.register(nav.NavEntry(
        "admin", _("Administration"), "shield", "admin:index", order=80, place="menu",
        roles=ADMIN_SITE_ROLES,
    ))  # fmt: skip
    nav.register(nav.NavEntry("api-docs", _("API"), "code-xml", "api-docs", order=90, place="menu"))
