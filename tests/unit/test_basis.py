"""Reasons and regulatory bases hold only what can be stored."""

from __future__ import annotations

import pytest

from compensation.regulatory_basis import parse_regulatory_basis, required_reason
from ledger.errors import Invalid


@pytest.mark.parametrize(("text", "code"), [("a\x00b", "nul"), ("a\ud800b", "not_unicode")])
def test_a_text_that_cannot_be_stored_is_refused_by_name(text: str, code: str) -> None:
    with pytest.raises(Invalid) as reason:
        required_reason(text)
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
