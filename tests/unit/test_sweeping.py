"""The threads that look for due work outlive whatever the work does."""

from __future__ import annotations

import threading

import pytest

from config import sweeping


def test_work_that_would_end_the_program_ends_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    again = threading.Event()
    looked: list[int] = []

    def run_due() -> int:
        looked.append(1)
        if len(looked) == 1:
            raise SystemExit(3)
        again.set()
        return 0

    monkeypatch.setattr(sweeping, "run_due", run_due)
    bell = threading.Event()
    sweepers = sweeping.Sweepers(1, bell)
    sweepers.start()
    bell.set()
    try:
        assert again.wait(30), "the thread ended with the work"
    finally:
        sweepers.stop()
        assert sweepers.join(30)
