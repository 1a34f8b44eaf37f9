"""Who may enter the Django admin. Rights come from the role in the session's tenant."""

from __future__ import annotations

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.roles import ADMIN_SITE_ROLES


class AmendsAdminSite(AdminSite):
    """Entered by operators, auditors and tenant admins; no one needs to be a superuser."""

    site_title = _("Amends admin")
    site_header = _("Amends")
    index_title = _("Administration")

    def has_permission(self, request: HttpRequest) -> bool:
        """Return whether the chosen membership holds a role that may enter."""
        place = getattr(request, "place", None)
        return place is not None and not ADMIN_SITE_ROLES.isdisjoint(place.roles)
