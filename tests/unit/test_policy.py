"""The compensation policy: what may be said, how it merges, and what it means by default."""

from __future__ import annotations

import datetime as dt
from datetime import timedelta

import pytest

from compensation.policy import (
    REVERSIBILITIES,
    CompensationPolicy,
    PolicyError,
    parse_policy,
    parse_reversibility,
)

FULL: dict[str, object] = {
    "mode": "automated",
    "strategy": "correct",
    "capability": "demo.reverse-transfer",
    "performer": "groups",
    "candidate_groups": ["underwriters", "surveyors"],
    "window": "PT720H",
    "fallback": "human",
    "approval": "none",
    "self_undo": False,
}


def _problems(value: object, pointer: str = "") -> list[tuple[str, str, str]]:
    with pytest.raises(PolicyError) as refusal:
        parse_policy(value, pointer=pointer)
    return [(e.pointer, e.message, e.code) for e in refusal.value.errors]


def test_reads_every_field() -> None:
    assert parse_policy(FULL) == CompensationPolicy(
        mode="automated",
        strategy="correct",
        capability="demo.reverse-transfer",
        performer="groups",
        candidate_groups=("underwriters", "surveyors"),
        window=timedelta(days=30),
        fallback="human",
        self_undo=False,
        approval="none",
    )


def test_stores_only_what_was_said_and_reads_it_back() -> None:
    policy = parse_policy(FULL)

    assert policy.to_json() == {
        "mode": "automated",
        "strategy": "correct",
        "capability": "demo.reverse-transfer",
        "performer": "groups",
        "candidate_groups": ["underwriters", "surveyors"],
        "window": "P30D",
        "fallback": "human",
        "self_undo": False,
        "approval": "none",
    }
    assert CompensationPolicy.from_json(policy.to_json()) == policy
    assert CompensationPolicy().to_json() == {}


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("compensate_on", [], "compensate_on is not supported yet"),
    ],
    ids=["compensate_on"],
)
def test_refuses_by_name_what_is_not_supported_yet(key: str, value: object, named: str) -> None:
    with pytest.raises(PolicyError) as refusal:
        parse_policy({key: value}, pointer="/compensation")
    assert [(e.pointer, e.message, e.code) for e in refusal.value.errors] == [
        (f"/compensation/{key}", named, "unsupported")
    ]


@pytest.mark.parametrize("approval", ["none", "one", "two"])
def test_what_a_thing_itself_may_ask_for_is_kept_and_part_of_the_digest(approval: str) -> None:
    policy = parse_policy({"approval": approval})
    assert policy.to_json() == {"approval": approval}
    assert policy.effective().approval == approval
    assert policy.digest != CompensationPolicy().digest
    assert CompensationPolicy().effective().approval == "none"


def test_who_agrees_may_be_named_step_by_step() -> None:
    steps = [{"users": ["ava", "ben"]}, {"users": ["cal"], "groups": ["law"]}]
    policy = parse_policy({"approval": steps})
    assert policy.to_json() == {"approval": steps}
    assert CompensationPolicy.from_json(policy.to_json()) == policy
    assert (policy.asks_others, CompensationPolicy(approval="none").asks_others) == (True, False)
    others = {policy.digest} | {
        parse_policy({"approval": each}).digest
        for each in ("two", steps[::-1], steps[:1], [{"users": ["ben", "ava"]}, steps[1]])
    }
    assert len(others) == 5
    assert policy.people_named == {
        "approval/0/users/0": "ava", "approval/0/users/1": "ben", "approval/1/users/0": "cal",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("steps", "place", "rule", "code"),
    [
        ([{}], "/0", "must name users or groups", "invalid"),
        ([{"users": []}], "/0/users", "must be a list with at least one user name", "invalid"),
        ([{"groups": None}], "/0/groups", "must be a list with at least one group name", "invalid"),
        ([{"users": ["ava"] * 2}], "/0/users", "must not name a user twice", "invalid"),
        (
            [{"groups": [str(n) for n in range(11)]}],
            "/0/groups",
            "must name at most 10 groups",
            "invalid",
        ),
        ([{"users": [7]}], "/0/users/0", "must be a name of 1 to 150 characters", "invalid"),
        (
            [{"roles": ["x"]}],
            "/0/roles",
            "unknown field 'roles'; known are groups, users",
            "unknown",
        ),
    ],
)
def test_names_the_rule_that_a_step_breaks(
    steps: list[object], place: str, rule: str, code: str
) -> None:
    assert _problems({"approval": steps}) == [(f"/approval{place}", rule, code)]


_A_WINDOW = (
    "must be an ISO 8601 duration such as P30D, a moment such as 2030-01-31T12:00:00Z,"
    " or until_closed"
)
_TWICE = "must not ask one user alone twice: nobody decides two steps"


@pytest.mark.parametrize(
    ("key", "value", "rule"),
    [
        ("mode", "robot", "must be one of human, automated"),
        ("mode", None, "must be one of human, automated"),
        ("strategy", "undo", "must be one of restore, correct"),
        ("performer", "anyone", "must be one of original_actor, groups, not_original_actor"),
        ("fallback", "retry", "must be one of human, fault"),
        ("approval", "three", "must be one of none, one, two, or a list of steps"),
        ("approval", [], "must name at least one step"),
        ("approval", [{"users": ["ava"]}] * 2, _TWICE),
        ("approval", [{"users": ["ava"]}] * 6, "must name at most 5 steps"),
        ("capability", " ", "must be a name of 1 to 150 characters"),
        ("candidate_groups", [], "must be a list with at least one group name"),
        ("candidate_groups", "underwriters", "must be a list with at least one group name"),
        ("candidate_groups", ["a", "a"], "must not name a group twice"),
        (
            "window",
            "P1M",
            "the duration 'P1M' uses months; write it in days (minutes come after a T)",
        ),
        ("window", 30, _A_WINDOW),
        ("window", "soon", _A_WINDOW),
        ("window", "2030-01-31T12:00:00", _A_WINDOW),
        ("window", "9999-12-31T23:59:59Z", _A_WINDOW),
        ("window", "until_done", _A_WINDOW),
        ("self_undo", "yes", "must be true or false"),
        ("self_undo", 1, "must be true or false"),
        ("self_undo", None, "must be true or false"),
        ("mode", "\ud800", "must not hold half a character (a lone surrogate)"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_names_the_field_and_the_rule(key: str, value: object, rule: str) -> None:
    assert _problems({key: value}) == [(f"/{key}", rule, "invalid")]


def test_reports_all_problems_at_once_with_escaped_pointers() -> None:
    found = _problems({"mode": 1, "a/b": 2, "window": "soon"}, "/policy")

    assert [(pointer, code) for pointer, _, code in found] == [
        ("/policy/mode", "invalid"),
        ("/policy/a~1b", "unknown"),
        ("/policy/window", "invalid"),
    ]


def test_a_wrong_group_is_named_by_its_place() -> None:
    assert _problems({"candidate_groups": ["a", " ", 3]}, "/c") == [
        (f"/c/candidate_groups/{place}", "must be a name of 1 to 150 characters", "invalid")
        for place in (1, 2)
    ]


def test_what_was_merged_may_contradict_itself_and_is_still_read() -> None:
    merged = CompensationPolicy.merge(
        CompensationPolicy(mode="human"), CompensationPolicy(capability="x")
    )

    assert CompensationPolicy.from_json(merged.to_json()) == merged
    with pytest.raises(PolicyError):
        CompensationPolicy.from_json({"self_undo": "yes"})


@pytest.mark.parametrize("value", [None, True, [], "human"], ids=repr)
def test_a_policy_is_a_map(value: object) -> None:
    assert _problems(value, "/c") == [("/c", "must be a map of policy fields", "invalid")]


def test_refuses_contradictions() -> None:
    assert _problems({"mode": "human", "capability": "x"}) == [
        ("/capability", "a capability belongs to mode: automated, not to mode: human", "invalid")
    ]
    assert _problems({"performer": "not_original_actor", "self_undo": True}) == [
        ("/self_undo", "self_undo: true contradicts performer: not_original_actor", "invalid")
    ]


def test_the_more_specific_policy_wins_field_by_field() -> None:
    request = CompensationPolicy(mode="human")
    binding = CompensationPolicy(mode="automated", capability="x", self_undo=False)
    capability = CompensationPolicy(self_undo=True, fallback="human", strategy="correct")

    assert CompensationPolicy.merge(request, None, binding, capability) == CompensationPolicy(
        mode="human", capability="x", self_undo=False, fallback="human", strategy="correct"
    )


@pytest.mark.parametrize(
    ("policy", "mode", "performer", "groups"),
    [
        (CompensationPolicy(), "human", "original_actor", ()),
        (CompensationPolicy(capability="x"), "automated", "original_actor", ()),
        (CompensationPolicy(candidate_groups=("a",)), "human", "original_actor", ("a",)),
        (
            CompensationPolicy(candidate_groups=("a",), performer="not_original_actor"),
            "human",
            "not_original_actor",
            ("a",),
        ),
    ],
    ids=["nothing said", "capability", "groups", "groups and performer"],
)
def test_defaults_follow_from_what_was_said(
    policy: CompensationPolicy, mode: str, performer: str, groups: tuple[str, ...]
) -> None:
    effective = policy.effective()

    assert (effective.mode, effective.performer, effective.candidate_groups) == (
        mode,
        performer,
        groups,
    )
    assert (effective.strategy, effective.fallback, effective.self_undo, effective.window) == (
        "restore",
        "fault",
        False,
        None,
    )


def test_equal_policies_have_equal_digests_and_others_do_not() -> None:
    one = parse_policy({"mode": "human", "window": "PT24H"})
    same = parse_policy({"window": "P1D", "mode": "human"})
    other = parse_policy({"window": "P2D", "mode": "human"})

    assert one.digest == same.digest
    assert one.digest != other.digest
    assert CompensationPolicy().digest == (
        "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    )


@pytest.mark.parametrize("word", REVERSIBILITIES)
def test_reads_reversibility(word: str) -> None:
    assert parse_reversibility(word) == word


@pytest.mark.parametrize("value", ["unspecified", "maybe", None, True], ids=repr)
def test_refuses_other_reversibilities(value: object) -> None:
    with pytest.raises(PolicyError) as refusal:
        parse_reversibility(value, pointer="/reversibility")

    assert [(e.pointer, e.message) for e in refusal.value.errors] == [
        (
            "/reversibility",
            "must be one of compensable, retriable, pivot, irreversible, not_needed",
        )
    ]


@pytest.mark.parametrize(
    ("said", "stored", "closes"),
    [
        ("P30D", "P30D", dt.datetime(2026, 1, 31, tzinfo=dt.UTC)),
        (
            "2026-03-01T01:00:00+01:00", "2026-03-01T00:00:00.000000Z",
            dt.datetime(2026, 3, 1, tzinfo=dt.UTC),
        ),
        ("until_closed", "until_closed", None),
        (None, None, None),
    ],
)  # fmt: skip
def test_a_window_closes_after_a_while_at_a_moment_or_with_the_case(
    said: str | None, stored: str | None, closes: dt.datetime | None
) -> None:
    policy = parse_policy({} if said is None else {"window": said})

    assert policy.to_json().get("window") == stored
    assert CompensationPolicy.from_json(policy.to_json()) == policy
    assert policy.closes_at(dt.datetime(2026, 1, 1, tzinfo=dt.UTC)) == closes
    assert policy.closes_at(None) is None


def test_until_closed_takes_back_what_a_wider_policy_sets() -> None:
    merged = CompensationPolicy.merge(
        CompensationPolicy(window="until_closed"), CompensationPolicy(window=timedelta(days=1))
    )

    assert merged.closes_at(dt.datetime(2026, 1, 1, tzinfo=dt.UTC)) is None
