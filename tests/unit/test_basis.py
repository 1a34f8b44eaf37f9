"""Reasons and regulatory bases hold only what can be stored."""

from __future__ import annotations

import pytest

from compensation.regulatory_basis import parse_regulatory_basis
from ledger.errors import Invalid
from verbs.input import Reason, read


@pytest.mark.parametrize(("text", "code"), [("a\x00b", "nul"), ("a\ud800b", "not_unicode")])
def test_a_text_that_cannot_be_stored_is_refused_by_name(text: str, code: str) -> None:
    with pytest.raises(Invalid) as reason:
        read(Reason, {"reason": text})
    assert [(e.pointer, e.code) for e in reason.value.errors] == [("/reason", code)]
    with pytest.raises(Invalid) as basis:
        parse_regulatory_basis(
            [{"code": "OTHER", "note": "fine"}, {"code": "GDPR_17", "note": text}]
        )
    assert [(e.pointer, e.code) for e in basis.value.errors] == [("/regulatory_basis/1/note", code)]


def test_a_code_that_cannot_be_stored_is_just_unknown() -> None:
    with pytest.raises(Invalid) as refused:
        parse_regulatory_basis([{"code": "OTHER\x00"}])
    assert [e.pointer for e in refused.value.errors] == ["/regulatory_basis/0/code"]


@pytest.mark.parametrize(
    ("value", "pointer", "code"),
    [
        ("OTHER", "", "invalid"),
        ([{"code": "OTHER"}] * 11, "", "invalid"),
        (["OTHER"], "/0", "invalid"),
        ([{"note": "x"}], "/0/code", "invalid"),
        ([{"code": "OTHER", "note": 1}], "/0/note", "invalid"),
        ([{"code": "OTHER", "note": "x" * 2001}], "/0/note", "invalid"),
        ([{"code": "OTHER", "a/b": 1}], "/0/a~1b", "unknown_field"),
    ],
    ids=["text", "long list", "bare code", "no code", "note", "long note", "unknown"],
)
def test_a_wrong_member_is_refused_with_its_pointer(value: object, pointer: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_regulatory_basis(value)
    assert [(e.pointer, e.code) for e in refused.value.errors] == [
        (f"/regulatory_basis{pointer}", code)
    ]


def test_an_absent_note_is_empty_and_an_absent_basis_too() -> None:
    assert parse_regulatory_basis(({"code": "OTHER"},)) == [{"code": "OTHER", "note": ""}]
    assert parse_regulatory_basis(None) == []
