"""What several integration tests share."""

from __future__ import annotations

import pytest

from tests.bank import Bank, open_bank


@pytest.fixture
def bank(monkeypatch: pytest.MonkeyPatch) -> Bank:
    """Return a bank that may not answer."""
    return open_bank(monkeypatch)
