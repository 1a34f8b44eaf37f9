"""A version of the state is text, whatever a program made of it: it is compared as that later."""

from __future__ import annotations

from typing import Any

import pytest

from executions.actions.endings import checked
from executions.capability_registry import Result
from executions.handler_contract import Unusable


@pytest.mark.parametrize(
    ("said", "kept"),
    [("v1", "v1"), ("", ""), (3, "3"), (True, "true"), ({"v": 1}, '{"v": 1}'), (["a"], '["a"]')],
)
def test_it_is_kept_as_text(said: Any, kept: str) -> None:
    assert checked(Result({}, state_version=said), None).state_version == kept


@pytest.mark.parametrize("said", [object(), float("nan"), b"v1"])
def test_what_has_no_form_is_refused(said: Any) -> None:
    with pytest.raises(Unusable, match="its state_version is no text"):
        checked(Result({}, state_version=said), None)
