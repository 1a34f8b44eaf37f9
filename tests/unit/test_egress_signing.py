"""Signatures of calls, held against the scheme's own example."""

from __future__ import annotations

import pytest

from egress.signing import secrets, signed

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + "A" * 32


def test_the_published_example_has_its_signature() -> None:
    found = signed(
        secrets(SECRET),
        id_="msg_p5jXN8AQM9LWM0D4loKWxJek", at=1614265330, body=b'{"test": 2432232314}',
    )  # fmt: skip
    assert found == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_while_a_secret_is_changed_both_sign() -> None:
    both = signed(secrets(f"{OTHER} {SECRET}"), id_="a", at=1, body=b"")["webhook-signature"]
    one = signed(secrets(OTHER), id_="a", at=1, body=b"")["webhook-signature"]
    other = signed(secrets(SECRET), id_="a", at=1, body=b"")["webhook-signature"]
    assert both == f"{one} {other}"
    assert one != other


def test_another_id_time_or_body_has_another_signature() -> None:
    keys = secrets(SECRET)
    made = {
        signed(keys, id_=id_, at=at, body=body)["webhook-signature"]
        for id_, at, body in [("a", 1, b"x"), ("b", 1, b"x"), ("a", 2, b"x"), ("a", 1, b"y")]
    }
    assert len(made) == 4


@pytest.mark.parametrize(
    "given", ["", " ", "geheim", "whsec_", "whsec_AAAA", "whsec_!!!", "A" * 32]
)
def test_what_is_no_secret_is_refused_unsaid(given: str) -> None:
    with pytest.raises(ValueError, match=r"names no secret|must be whsec_ and 24 to 64") as refused:
        secrets(given)
    assert not given.strip() or given not in str(refused.value).replace("whsec_ and", "")
