"""The Django admin: stock, themed, entered by role in the session's tenant."""

from __future__ import annotations

from django.contrib.admin.apps import AdminConfig


class AmendsAdminConfig(AdminConfig):
    """Puts our site in place of the stock one."""

    default_site = "config.admin_desk.AmendsAdminSite"
