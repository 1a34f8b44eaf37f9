"""The people app: members, roles and groups as people manage them."""

from __future__ import annotations

import dataclasses

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _
from typing_extensions import override


class PeopleConfig(AppConfig):
    """Says how people and the tenant are called."""

    name = "people"
    verbose_name = _("People")

    @override
    def ready(self) -> None:
        """Register what people are called. Models are loaded only now."""
        from people import actions, words  # noqa: F401, PLC0415  -- declares the verbs
        from people.api.substitution_json import (  # noqa: PLC0415  -- needs loaded models
            SubstitutionSchema,
            represent,
        )
        from people.subject import ACTOR, TENANT  # noqa: PLC0415  -- needs loaded models
        from people.substituting import SUBSTITUTIONS  # noqa: PLC0415  -- needs loaded models
        from verbs import subject  # noqa: PLC0415  -- needs loaded models
        from web import nav  # noqa: PLC0415  -- needs loaded models

        subject.register(ACTOR)
        subject.register(
            dataclasses.replace(SUBSTITUTIONS, shape=represent, schema=SubstitutionSchema)
        )
        subject.register(TENANT)
        words.register()
        label = _("Settings")
        nav.register(nav.NavEntry("settings", label, "settings", "people:settings", order=70))
