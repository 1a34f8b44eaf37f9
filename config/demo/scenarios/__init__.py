"""Stories told against a running server: each is a module with its PEOPLE and `play`."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from config.demo.scenarios import clinical_rescind, expense, expense_reversal, loan_rollback

SCENARIOS: Final = MappingProxyType(
    {
        "clinical-rescind": clinical_rescind,
        "expense": expense,
        "expense-reversal": expense_reversal,
        "loan-rollback": loan_rollback,
    }
)
