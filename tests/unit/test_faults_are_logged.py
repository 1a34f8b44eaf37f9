"""A fault of ours is printed with its traceback where the process's lines are read."""

from __future__ import annotations

import io
import logging

import pytest
from django.http import HttpRequest
from django.test import Client

from web import views
from web.request_id import RequestIdFormatter


def test_a_fault_is_printed_with_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    [handler] = [
        each
        for each in logging.getLogger().handlers
        if isinstance(each.formatter, RequestIdFormatter)
    ]
    assert isinstance(handler, logging.StreamHandler)
    printed = io.StringIO()
    monkeypatch.setattr(handler, "stream", printed)

    def broken(_view: object, _request: HttpRequest) -> None:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(views.LoginView, "dispatch", broken)
    answer = Client(raise_request_exception=False).get("/accounts/login/")
    assert answer.status_code == 500
    assert "planted" not in answer.content.decode()
    assert "Internal Server Error: /accounts/login/" in printed.getvalue()
    assert "ZeroDivisionError: planted" in printed.getvalue()
