"""Stories told against a running server: each is a module with its PEOPLE and `play`."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from config.demo.scenarios import (
    agent_taint,
    aml_investigation,
    aml_reversal,
    batch_rollback,
    clinical_adverse_event,
    clinical_rescind,
    coordinated_change,
    coordinated_change_rollback,
    cross_tenant_rollback,
    expense,
    expense_reversal,
    kyc_onboarding,
    loan_rollback,
    onboarding,
    travel_plan,
    travel_plan_rollback,
)

SCENARIOS: Final = MappingProxyType(
    {
        "agent-taint": agent_taint,
        "aml-investigation": aml_investigation,
        "aml-reversal": aml_reversal,
        "batch-rollback": batch_rollback,
        "clinical-adverse-event": clinical_adverse_event,
        "clinical-rescind": clinical_rescind,
        "coordinated-change": coordinated_change,
        "coordinated-change-rollback": coordinated_change_rollback,
        "cross-tenant-rollback": cross_tenant_rollback,
        "expense": expense,
        "expense-reversal": expense_reversal,
        "kyc-onboarding": kyc_onboarding,
        "loan-rollback": loan_rollback,
        "onboarding": onboarding,
        "travel-plan": travel_plan,
        "travel-plan-rollback": travel_plan_rollback,
    }
)
