"""Pages of what is a list already, by the same cursors as pages of rows."""

from __future__ import annotations

import pytest
from django.test import RequestFactory

from ledger.errors import Invalid
from web.pagination import Page, page_of_list

LETTERS = list("abcdefg")


def page(letters: list[str] = LETTERS, **query: str | int) -> Page[str]:
    return page_of_list(RequestFactory().get("/", query), letters, key=str)


def test_forward_and_back_again_every_item_comes_once() -> None:
    first = page(limit=3)
    second = page(limit=3, cursor=first.next or "")
    third = page(limit=3, cursor=second.next or "")
    assert [first.rows, second.rows, third.rows] == [["a", "b", "c"], ["d", "e", "f"], ["g"]]
    assert (first.previous, third.next) == (None, None)
    back = page(limit=3, cursor=third.previous or "")
    assert back.rows == second.rows
    assert page(limit=3, cursor=back.previous or "").rows == first.rows
    assert page(limit=3, cursor=back.previous or "").previous is None


def test_what_was_put_before_shifts_nothing() -> None:
    second = page(["z", *LETTERS], limit=3, cursor=page(limit=3).next or "")
    assert second.rows == ["d", "e", "f"]


def test_the_first_page_may_be_short_on_the_way_back() -> None:
    beyond = page(limit=2)
    back = page(limit=5, cursor=page(limit=2, cursor=beyond.next or "").previous or "")
    assert (back.rows, back.previous) == (["a", "b"], None)
    assert page(limit=2, cursor=back.next or "").rows == ["c", "d"]


def test_an_empty_list_has_one_empty_page() -> None:
    assert page([]) == Page(rows=[], next=None, previous=None)


@pytest.mark.parametrize("cursor", ["x", "é", "WyJuIl0", "WyJuIiwieiJd", "WyJ4IiwiYSJd", "W10"])
def test_a_cursor_from_elsewhere_is_refused(cursor: str) -> None:
    with pytest.raises(Invalid) as refused:
        page(cursor=cursor)
    assert refused.value.code == "invalid_cursor"


@pytest.mark.parametrize("limit", ["0", "201", "x"])
def test_a_limit_beyond_the_bounds_is_refused(limit: str) -> None:
    with pytest.raises(Invalid) as refused:
        page(limit=limit)
    assert refused.value.code == "invalid_limit"
