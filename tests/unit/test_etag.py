"""`If-Match` and `If-None-Match` as RFC 9110 §13.1 reads them."""

from __future__ import annotations

import gc
import time
from collections.abc import Set

import pytest
from django.test import RequestFactory

from web.etag import allowed_versions, named_digests, not_modified

GET = RequestFactory().get


@pytest.mark.parametrize(
    ("header", "versions"),
    [
        ('"v3"', {3}),
        ('"v1","v2" ,\t"v3"', {1, 2, 3}),
        (', "v1",, "v2" ,', {1, 2}),
        ('"a,b", "v2"', {2}),
        ('"v1,v2"', set()),
        ('W/"v1", "v2"', {2}),
        ('w/"v1"', set()),
        ('"v01", "v+1", "v 1", "V1", "v"', set()),
        ('"v1", v2', set()),
        ('"v1" "v2"', set()),
        ('"v1', set()),
        ('*, "v1"', set()),
        ('"*"', set()),
        ("", set()),
        (", ".join(f'"v{n}"' for n in range(1, 31)), set(range(1, 31))),
    ],
)
def test_a_list_of_versions(header: str, versions: Set[int]) -> None:
    assert allowed_versions(GET("/", headers={"If-Match": header})) == versions


@pytest.mark.parametrize(
    "header",
    ['"v1",' + " " * 8_000 + "x", '"v1"' + " \t" * 4_000 + "x", '"v1' * 2_000, "," * 8_000 + "x"],
)
def test_a_long_list_that_is_none_is_read_at_once(header: str) -> None:
    gc.collect()
    begun = time.thread_time()
    assert allowed_versions(GET("/", headers={"If-Match": header})) == frozenset()
    assert not not_modified(GET("/", headers={"If-None-Match": header}), 1)
    # The least of a quadratic reader was half a second.
    assert time.thread_time() - begun < 0.1


@pytest.mark.parametrize("header", ["*", " * "])
def test_a_star_is_any(header: str) -> None:
    assert allowed_versions(GET("/", headers={"If-Match": header})) is None
    assert named_digests(GET("/", headers={"If-Match": header})) is None
    assert allowed_versions(GET("/")) is None


@pytest.mark.parametrize(
    ("header", "digests"),
    [('"abc"', {"abc"}), ('"abc", W/"d", "e"', {"abc", "e"}), ("abc", set()), ('"a\xe9"', {"aé"})],
)
def test_a_list_of_digests(header: str, digests: Set[str]) -> None:
    assert named_digests(GET("/", headers={"If-Match": header})) == digests


@pytest.mark.parametrize(
    ("header", "held"),
    [('"v3"', True), ('W/"v2", W/"v3"', True), ("*", True), ('"v2"', False), ('v3, "v3"', False)],
)
def test_a_copy_that_is_held(header: str, held: bool) -> None:  # noqa: FBT001  -- a column of the table
    assert not_modified(GET("/", headers={"If-None-Match": header}), 3) is held
