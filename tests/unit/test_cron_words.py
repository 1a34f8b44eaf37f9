"""When a schedule comes is said in words where they are plain."""

from __future__ import annotations

import pytest

from workitems.schedules.cron_words import cron_words


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("0 8 * * MON-FRI", "Monday to Friday at 08:00"),
        ("0 8 * * *", "Every day at 08:00"),
        ("30 7 * * *", "Every day at 07:30"),
        ("0 12,8 * * 0,4", "Thursday, Sunday at 08:00, 12:00"),
        ("5 9 1 * *", "On day 1 of the month at 09:05"),
        ("0 18 L * *", "On the last day of the month at 18:00"),
        # What would take more words than it has itself, or is none.
        ("*/5 * * * *", ""),
        ("0 * * * *", ""),
        ("0 8 * * MON#1", ""),
        ("0 8 1 * MON", ""),
        ("0 8 1,15 * *", ""),
        ("0 8 * JAN *", ""),
        ("soon", ""),
    ],
)
def test_an_expression_reads_as_people_say_it(cron: str, expected: str) -> None:
    assert cron_words(cron) == expected
