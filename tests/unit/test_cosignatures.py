"""Witnesses as settings name them, what they are sent, and what they answer."""

from __future__ import annotations

import base64
import datetime as dt

import pytest

from config import env
from ledger.tree.cosignatures import (
    NoWitness,
    Unsigned,
    cosignature,
    read_witness,
    request,
    size_said,
)
from tests.witnessed import NAME, FakeWitness

NOTE = "amends.example/ledger/1\n5\nAAAA\n\n\N{EM DASH} amends.example/ledger/1 AAAA\n"
TEXT = "amends.example/ledger/1\n5\nAAAA\n"
NOW = dt.datetime(2026, 11, 27, 20, 0, 0, tzinfo=dt.UTC)
URL = "https://witness.example/submit/"


def test_a_witness_is_its_key_and_its_address() -> None:
    fake = FakeWitness()
    found = read_witness(f" {fake.verifier_key()}  {URL} ")
    assert (found.name, found.url) == (NAME, "https://witness.example/submit")
    assert found.public == fake.key.public_key().public_bytes_raw()


def test_what_names_no_witness_is_refused() -> None:
    good = FakeWitness().verifier_key()
    name, id_, key = good.split("+", 2)
    as_log = base64.b64encode(b"\x01" + base64.b64decode(key)[1:]).decode()
    for said, rule in [
        ("", "separated by a blank"),
        (good, "separated by a blank"),
        (f"{good} ftp://witness.example", "separated by a blank"),
        (f"+{id_}+{key} {URL}", "separated by a blank"),
        (f"{name}+xx+{key} {URL}", "separated by a blank"),
        (f"{name}+{id_}+{key}! {URL}", "separated by a blank"),
        (f"{name}+{id_}+{as_log} {URL}", "type 0x04"),
        (f"{name}+00000000+{key} {URL}", "id in the key of"),
    ]:
        with pytest.raises(NoWitness, match=rule):
            read_witness(said)


def test_a_request_is_what_the_standard_says() -> None:
    proof = [bytes([n]) * 32 for n in (1, 2)]
    lines = "".join(f"{base64.b64encode(each).decode()}\n" for each in proof)
    assert request(20852014, proof, NOTE).decode() == f"old 20852014\n{lines}\n{NOTE}"
    assert request(0, [], NOTE).decode() == f"old 0\n\n{NOTE}"
    with pytest.raises(ValueError, match="64 hashes"):
        request(1, [b"\1" * 32] * 64, NOTE)


@pytest.mark.parametrize(
    ("body", "size"),
    [(b"0\n", 0), (b"20852163\n", 20852163), (b"5", 5), (b"", None), (b"05\n", None),
     (b"-5\n", None), (b"5\n5\n", None), (b" 5\n", None), (b"\xd9\xa5\n", None),
     (b"9" * 20, None)],
)  # fmt: skip
def test_the_size_in_a_conflict(body: bytes, size: int | None) -> None:
    assert size_said(body) == size


def test_a_cosignature_says_when() -> None:
    fake = FakeWitness()
    witness = read_witness(f"{fake.verifier_key()} {URL}")
    older, newer = (fake.line(TEXT, at=NOW.timestamp() - age) for age in (60, 10))
    found = cosignature(witness, NOTE, (newer + older).encode(), NOW)
    assert (f"{found.line}\n", found.at) == (newer, NOW - dt.timedelta(seconds=10))
    for answer, said in [
        (b"", "no cosignature"),
        (fake.line(TEXT, name="other").encode(), "no cosignature"),
        (fake.line(TEXT, at=NOW.timestamp() + 301).encode(), "time to come"),
        (fake.line(f"{TEXT}\n", at=NOW.timestamp()).encode(), "not of this checkpoint"),
        (older.encode() + fake.line("x\n").encode(), "not of this checkpoint"),
    ]:
        with pytest.raises(Unsigned, match=said):
            cosignature(witness, NOTE, answer, NOW)
    decoded = base64.b64decode(older.split(" ")[2])
    short = f"\N{EM DASH} {NAME} {base64.b64encode(decoded[:-1]).decode()}\n"
    with pytest.raises(Unsigned, match="another length"):
        cosignature(witness, NOTE, short.encode(), NOW)


def test_a_line_in_another_form_is_none() -> None:
    """Whoever opens a note with such a line refuses all of it: none is kept."""
    fake = FakeWitness()
    witness = read_witness(f"{fake.verifier_key()} {URL}")
    good = fake.line(TEXT, at=NOW.timestamp())
    dash, name, said = good.rstrip("\n").split(" ")
    assert said.endswith("==")
    last = chr(ord(said[-3]) + 1)
    others = [
        f"{dash} {name} junk {said}", f"{dash} {name}  {said}", f"{dash} {name} {said} ",
        f"{dash} {name} {said} {said}", f"{dash} {name} {said}\t", f"{dash}  {name} {said}",
        f"x{dash} {name} {said}", f"{name} {said}", said,
        # The same bytes, written otherwise.
        f"{dash} {name} {said[:-3]}{last}==",
    ]  # fmt: skip
    for other in others:
        with pytest.raises(Unsigned, match="no cosignature"):
            cosignature(witness, NOTE, f"{other}\n".encode(), NOW)
    answer = "\n".join([*others, good, *others]).encode()
    assert cosignature(witness, NOTE, answer, NOW).line == f"{dash} {name} {said}"


def test_the_environment_names_several(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = FakeWitness().verifier_key(), FakeWitness().verifier_key("other.example/w")
    monkeypatch.setenv("AMENDS_WITNESSES", f"{one} {URL}, {two} http://10.0.0.7/w ,")
    found = env.read(env.Environment).AMENDS_WITNESSES
    assert [each.name for each in found] == [NAME, "other.example/w"]
    for said, rule in [(f"{one} {URL},{one} {URL}", "each witness once"), ("x", "by a blank")]:
        monkeypatch.setenv("AMENDS_WITNESSES", said)
        with pytest.raises(env.InvalidEnvironment, match=f"AMENDS_WITNESSES: .*{rule}"):
            env.read(env.Environment)
