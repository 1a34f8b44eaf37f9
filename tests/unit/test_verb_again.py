"""What a verb does when two of them meet at its unique index."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from django.db import IntegrityError
from typing_extensions import override

from accounts.acting import ActingUser
from ledger.errors import Conflict, Refusal
from verbs.call import Call
from verbs.input import Input
from verbs.operation import operation
from verbs.shell import Verb


class Meeting(Verb[None]):
    """A verb that meets another one, and is refused when it is tried again."""

    tries: list[str] = []
    notes: list[str] = []

    @override
    def _durably(
        self, key: Sequence[Any], call: Call, body: Mapping[str, Any], given: Input | None
    ) -> None:
        self.tries.append("try")
        if len(self.tries) == 1:
            raise IntegrityError("violates unique constraint: the_one_live")
        raise Conflict

    @override
    def _note(self, key: Sequence[Any], call: Call, refusal: Refusal) -> None:
        self.notes.append(refusal.code)


@pytest.mark.parametrize(
    ("index", "error", "tries", "notes"),
    [("the_one_live", Conflict, 2, [Conflict().code]), ("another", IntegrityError, 1, [])],
)
def test_it_is_tried_once_more_and_its_refusal_is_noted(
    index: str, error: type[Exception], tries: int, notes: list[str]
) -> None:
    verb = Meeting(
        subject_type="x", operation=operation("x", None, None, "member"), action="x",
        function=lambda *_given: None, again_on=index, noted=(Conflict,),
    )  # fmt: skip
    Meeting.tries, Meeting.notes = [], []
    with pytest.raises(error):
        verb(call=Call(ActingUser(uuid.uuid4(), uuid.uuid4(), "SYSTEM", "system")))
    assert (len(Meeting.tries), Meeting.notes) == (tries, notes)
