"""What every endpoint says about the body it is sent."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import pytest

from accounts.acting import ActingUser
from ledger.errors import Invalid
from tests.clients import api
from tests.integration.foundation_calls import code, groups_of, join_url, post
from tests.integration.foundation_views import TypedInput
from tests.world import World
from verbs.input import read
from web.parsers import DISCARDED_BYTES, TooLarge, read_bounded

pytestmark = pytest.mark.urls("tests.integration.foundation_views")


@pytest.mark.parametrize(
    "body",
    [b"{", b"\xff", b"nope", b'{"name": NaN}'],
    ids=["cut", "not-utf8", "word", "nan"],
)
def test_malformed_json_is_400(world: World, body: bytes) -> None:
    response = api(world.admin).post(join_url(world.analyst), body, content_type="application/json")
    assert code(response) == (400, "malformed_json")
    assert groups_of(world.analyst) == ["analysts"]


@pytest.mark.parametrize(
    ("body", "pointer", "rule"),
    [
        (b'{"name": "a\\u0000"}', "/name", "nul"),
        (b'{"details": {"a/b": "\\ud800"}}', "/details/a~1b", "not_unicode"),
        (b'{"details": {"\\u0000": 1}}', "/details", "nul"),
        (b'{"\\ud800": 1}', "", "not_unicode"),
        (b'{"name": "a", "name": "a"}', "/name", "duplicate"),
        (b'{"details": {"a/b": {"c": 1, "c": 1}}}', "/details/a~1b/c", "duplicate"),
        (b'{"details": {"n": 1e999}}', "/details/n", "not_a_number"),
        (b'{"details": {"n": [-1e999]}}', "/details/n/0", "not_a_number"),
        (b'{"details": {"n": 1' + b"0" * 5000 + b"}}", "/details/n", "not_a_number"),
        (b'{"details": ' + b"[" * 33 + b"]" * 33 + b"}", "/details", "too_deep"),
        (b'{"details": ' + b"[" * 200 + b"]" * 200 + b"}", "/details", "too_deep"),
        (b"[" * 19_000, "", "too_deep"),
    ],
    ids=[
        "nul", "surrogate", "nul-name", "surrogate-name", "twice", "twice-inside", "infinite",
        "minus-infinite", "long", "deep", "deeper", "deepest",
    ],
)  # fmt: skip
def test_what_could_not_be_kept_is_422_by_pointer(
    world: World, body: bytes, pointer: str, rule: str
) -> None:
    response = api(world.admin).post(join_url(world.analyst), body, content_type="application/json")
    assert code(response) == (422, "invalid")
    assert [(each["pointer"], each["code"]) for each in response.json()["errors"]] == [
        (pointer, rule)
    ]
    assert groups_of(world.analyst) == ["analysts"]


@pytest.mark.parametrize(
    ("body", "status"), [(b"{bad", 400), (b'{"name": "\\u0000"}', 422)], ids=["cut", "nul"]
)
def test_a_body_nobody_can_read_hides_no_404_403_or_409(
    world: World, body: bytes, status: int
) -> None:
    def sent(who: ActingUser, **headers: str) -> int:
        found = {name.replace("_", "-"): value for name, value in headers.items()}
        url = join_url(world.analyst)
        return api(who).post(url, body, content_type="application/json", headers=found).status_code

    assert sent(world.outsider) == 404
    assert sent(world.analyst) == 403
    assert sent(world.admin, If_Match='"v99"') == 412
    assert sent(world.admin, Idempotency_Key="a") == status
    assert post(api(world.admin), join_url(world.analyst), {"name": "closed"}).status_code == 201
    assert sent(world.admin) == 409
    assert groups_of(world.analyst) == ["analysts", "closed"]


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({"name": 5}, "/name"),
        ({"name": 1.5}, "/name"),
        ({"name": True}, "/name"),
        ({"name": "x", "tags": ["a", 1]}, "/tags/1"),
        ({"name": "x", "labels": {"a": "b", "c": False}}, "/labels/c"),
        ({"name": "x", "loud": "true"}, "/loud"),
        ({"name": "x", "loud": 1}, "/loud"),
        ({"name": "x", "due_at": "2030-01-01T12:00:00"}, "/due_at"),
        ({"name": "x", "due_at": "2030-01-01"}, "/due_at"),
    ],
)
def test_a_value_of_another_type_is_not_converted(given: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        read(TypedInput, given)
    assert [each.pointer for each in refused.value.errors] == [pointer]


def test_values_of_the_right_types_pass() -> None:
    given = {"name": "x", "tags": ["a"], "labels": {"a": "b"}, "loud": True, "due_at": None}
    assert read(TypedInput, given).model_dump() == given
    moment = read(TypedInput, {"name": "x", "due_at": "2030-01-01T12:00:00+02:00"})
    assert moment.model_dump(exclude_unset=True) == {
        "name": "x", "due_at": dt.datetime(2030, 1, 1, 10, tzinfo=dt.UTC),
    }  # fmt: skip


def test_a_body_that_is_too_long_is_413(world: World) -> None:
    body = b'{"name": "' + b"x" * (4 * 1024 * 1024) + b'"}'
    response = api(world.admin).post(join_url(world.analyst), body, content_type="application/json")
    assert code(response) == (413, "too_large")


def test_what_is_too_long_is_read_to_its_end() -> None:
    whole = io.BytesIO(b"x" * 300_000)
    with pytest.raises(TooLarge):
        read_bounded(whole, 10)
    assert whole.read() == b""
    endless = io.BytesIO(b"x" * (DISCARDED_BYTES + 20))
    with pytest.raises(TooLarge):
        read_bounded(endless, 10)
    assert len(endless.read()) == 9


def test_every_broken_field_is_named_by_pointer(world: World) -> None:
    body = {"name": "x" * 151, "details": {"a/b": "no", "c": 1}, "unknown": 1}
    response = post(api(world.admin), join_url(world.analyst), body)
    assert code(response) == (422, "invalid")
    assert sorted((each["pointer"], each["code"]) for each in response.json()["errors"]) == [  # type: ignore[attr-defined]
        ("/details/a~1b", "invalid"), ("/name", "max_length"), ("/unknown", "unknown_field"),
    ]  # fmt: skip
    alone = post(api(world.admin), join_url(world.analyst), {"name": "x", "unknown": 1})
    assert code(alone) == (422, "unknown_field")
    assert code(post(api(world.admin), join_url(world.analyst), [1])) == (422, "invalid")
