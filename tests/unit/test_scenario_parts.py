"""What the scenarios stand on: loopback alone, a transcript that keeps what went wrong."""

from __future__ import annotations

import pytest

from config.demo.client import NotLoopback, Refused, require_loopback
from config.demo.scenarios import SCENARIOS
from config.demo.scenarios.loan_rollback import UNDO_ORDER
from config.demo.scenarios.stage import Transcript


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000"),
        ("http://localhost:8001", "http://localhost:8001"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("https://127.8.9.1", "https://127.8.9.1"),
    ],
    ids=["slash", "name", "six", "other-loopback"],
)
def test_loopback_is_called(url: str, kept: str) -> None:
    assert require_loopback(url) == kept


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com:8000",
        "http://10.0.0.1",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "http://user@192.168.1.1",
        "http://127.0.0.1@10.0.0.1",
        "ftp://127.0.0.1",
        "127.0.0.1:8000",
        "",
    ],
)
def test_nothing_else_is_called(url: str) -> None:
    with pytest.raises(NotLoopback):
        require_loopback(url)


def test_a_refusal_names_who_what_and_why() -> None:
    refused = Refused("operator", "POST cases", 422, {"code": "invalid", "detail": "No context."})
    assert str(refused) == "operator: POST cases was answered 422 invalid: No context."
    assert (refused.status, refused.code) == (422, "invalid")


def test_a_failed_check_says_what_was_expected_and_found() -> None:
    lines: list[str] = []
    tell = Transcript(lines.append)
    tell.check("the case", expected="COMPENSATED", found="COMPENSATED")
    tell.check("the money is back", expected={"bank": 5}, found={"bank": 3})
    assert tell.failed == ["the money is back"]
    assert lines == [
        "   ok    the case",
        "   WRONG the money is back",
        "         expected {'bank': 5}",
        "         found    {'bank': 3}",
    ]


def test_a_table_is_as_wide_as_its_widest_cell() -> None:
    lines: list[str] = []
    Transcript(lines.append).table(("No.", "Undo"), [(1, "approval"), (2, "credit-check")])
    assert lines == [
        "   No.  Undo",
        "   ---  ------------",
        "   1    approval",
        "   2    credit-check",
    ]


def test_the_loan_is_taken_back_last_finished_first() -> None:
    assert sorted(SCENARIOS) == [
        "agent-taint",
        "aml-investigation",
        "aml-reversal",
        "batch-rollback",
        "clinical-adverse-event",
        "clinical-rescind",
        "coordinated-change",
        "coordinated-change-rollback",
        "cross-tenant-rollback",
        "expense",
        "expense-reversal",
        "kyc-onboarding",
        "loan-rollback",
        "onboarding",
        "travel-plan",
        "travel-plan-rollback",
    ]
    assert UNDO_ORDER == ("disbursement", "approval", "valuation", "credit-check")
