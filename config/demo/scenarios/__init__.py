"""Stories told against a running server: each is a module with its PEOPLE and `play`."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from config.demo.scenarios import (
    aml_investigation,
    batch_rollback,
    clinical_adverse_event,
    clinical_rescind,
    coordinated_change,
    expense,
    expense_reversal,
    kyc_onboarding,
    loan_rollback,
    onboarding,
    travel_plan,
)

SCENARIOS: Final = MappingProxyType(
    {
        "aml-investigation": aml_investigation,
        "batch-rollback": batch_rollback,
        "clinical-adverse-event": clinical_adverse_event,
        "clinical-rescind": clinical_rescind,
        "coordinated-change": coordinated_change,
        "expense": expense,
        "expense-reversal": expense_reversal,
        "kyc-onboarding": kyc_onboarding,
        "loan-rollback": loan_rollback,
        "onboarding": onboarding,
        "travel-plan": travel_plan,
    }
)
