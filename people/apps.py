"""The people app: members, roles and groups as people manage them."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _
from typing_extensions import override


class PeopleConfig(AppConfig):
    """Says how people and the tenant are called."""

    name = "people"
    verbose_name = _("People")

    @override
    def ready(self) -> None:
        """Register the describers."""
        from people import describing  # noqa: PLC0415  -- needs loaded models
        from web import describers  # noqa: PLC0415  -- needs loaded models

        describers.register("actor", describing.describe_actors)
        describers.register("tenant", describing.describe_tenants)
