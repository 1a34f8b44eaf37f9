"""Beats that keep a lease, and their end."""

from __future__ import annotations

import threading

from django.db import OperationalError
from typing_extensions import override

from ledger.dispatch.kept_lease import kept_lease
from ledger.faults import storable, words_of


def test_beats_go_on_past_a_database_that_is_away_until_the_lease_is_lost() -> None:
    answers = [True, OperationalError("away"), True, False]
    beats: list[object] = []
    lost = threading.Event()

    def extend() -> bool:
        answer = answers[len(beats)]
        beats.append(answer)
        if answer is False:
            lost.set()
        if isinstance(answer, Exception):
            raise answer
        return bool(answer)

    with kept_lease(extend, lease_seconds=0.03, max_seconds=60, what="a test"):
        assert lost.wait(30)
    assert beats == answers


def test_work_that_hangs_loses_its_lease() -> None:
    beats: list[bool] = []

    def extend() -> bool:
        beats.append(True)
        return True

    before = set(threading.enumerate())
    with kept_lease(extend, lease_seconds=0.03, max_seconds=0, what="a test"):
        for thread in set(threading.enumerate()) - before:
            thread.join(30)
            assert not thread.is_alive()
    assert beats == []


class Unreadable(Exception):
    """Its message cannot be had."""

    @override
    def __str__(self) -> str:
        raise ValueError("no")


def test_words_of_any_fault_can_be_stored() -> None:
    assert words_of(SystemExit(3), 50) == "SystemExit: 3"
    assert words_of(Unreadable(), 50) == "Unreadable (its message cannot be read)"
    assert words_of(ValueError("a\x00b"), 14) == "ValueError: a\ufffd"
    assert storable("½ \U0001f600 \udfff", 10) == "½ \U0001f600 \ufffd"
