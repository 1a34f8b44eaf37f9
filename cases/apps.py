"""The cases app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from cases.verifying import STEPS_AS_RECORDED
from ledger.dispatch.registry import register_consumer
from ledger.verify import register_check, register_guarded


class CasesConfig(AppConfig):
    """Registers the engine, guarded tables, how a case stands and how it appears on every page."""

    name = "cases"
    verbose_name = _("Cases and rollbacks")

    @override
    def ready(self) -> None:
        """Register. Models are loaded only now."""
        from cases import describers, navigation  # noqa: PLC0415  -- need loaded models
        from cases.consumers import ENGINE_CONSUMER  # noqa: PLC0415  -- needs loaded models
        from cases.selectors import standings  # noqa: PLC0415  -- needs loaded models
        from workitems.runs import register_standings  # noqa: PLC0415  -- needs loaded models

        register_consumer(ENGINE_CONSUMER)
        register_guarded("cases_case", "case")
        register_guarded("cases_compensationrun", "compensation_run")
        register_check("cases_compensationstep", STEPS_AS_RECORDED)
        register_standings(standings)
        describers.register()
        navigation.register()
