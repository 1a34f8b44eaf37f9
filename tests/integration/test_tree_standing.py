"""From when on it is trouble that a tree is not put outside, or not signed there."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from audit.tree_trouble import NOT_ANCHORED, trouble_of
from ledger.models import LedgerTree, TreeWitness
from ledger.tenancy import system_scope, tenant_scope
from ledger.tree.cosignatures import Witness
from ledger.tree.standing import TreeStanding, tree_standing
from ledger.tree.stored_tree import SealLag
from ledger.tree.witnessing import STAMPS
from tests import states
from tests.sealed import forget_anchors, sealed
from tests.world import World

MINUTE, HOUR, DAY = (dt.timedelta(minutes=each) for each in (1, 60, 24 * 60))


@pytest.fixture(autouse=True)
def _nothing_outside(settings: Any) -> Iterator[None]:
    """Nothing is put outside, and who signs there is named in the settings."""
    settings.AMENDS_WITNESSES = [Witness(name, bytes(32), "http://w") for name in ("w1", "w2")]
    settings.AMENDS_TIMESTAMP_URL = "http://stamps"
    yield
    forget_anchors()


def standing(world: World, **columns: Any) -> TreeStanding:
    """Return how the tree stands, with columns of its row as a worker would have left them."""
    tenant_id = world.system.tenant_id
    with system_scope("seal"):
        LedgerTree.objects.filter(tenant_id=tenant_id).update(**columns)
    with tenant_scope(tenant_id):
        found = tree_standing(tenant_id)
    assert found is not None
    return found


def failing(world: World, name: str, **columns: Any) -> None:
    """One who signs outside has failed last."""
    given = {"size": 0, "last_error": "it answered 503", **columns}
    with system_scope("seal"):
        # Who is named in the settings has a row since something was sealed.
        TreeWitness.objects.update_or_create(given, tenant_id=world.system.tenant_id, name=name)


def late_from(tree: TreeStanding, moment: dt.datetime) -> bool:
    """Whether it is trouble after `moment`, and is none until then."""
    none = trouble_of(tree, SealLag(0, 0.0), moment)
    found = trouble_of(tree, SealLag(0, 0.0), moment + dt.timedelta.resolution)
    return none is None and found is not None and found.code == NOT_ANCHORED


def test_what_was_never_put_outside_is_late_an_hour_after_it_was_sealed(world: World) -> None:
    first = sealed(world.system.tenant_id)
    states.new_item(world.analyst)
    sealed(world.system.tenant_id)
    assert late_from(standing(world, last_error="no room"), first.at + HOUR)
    # That it is not put anywhere is no trouble while nothing fails.
    tree = standing(world, last_error="")
    assert trouble_of(tree, SealLag(0, 0.0), first.at + DAY) is None


def test_the_first_hiccup_after_a_quiet_time_is_no_trouble_yet(world: World) -> None:
    first = sealed(world.system.tenant_id)
    states.new_item(world.analyst)
    second = sealed(world.system.tenant_id)
    quiet = {"anchored_size": first.size, "anchored_at": second.at - 20 * HOUR}
    tree = standing(world, **quiet, last_error="no room")
    assert tree.overdue_since == second.at
    assert late_from(tree, second.at + HOUR)


def test_what_is_outside_is_compared_every_night(world: World) -> None:
    newest = sealed(world.system.tenant_id)
    outside = {"anchored_size": newest.size, "anchored_at": newest.at}
    tree = standing(world, **outside, last_error="the folder cannot be read")
    assert late_from(tree, newest.at + DAY + HOUR)


def test_who_signs_outside_has_the_time_that_settings_say(world: World, settings: Any) -> None:
    settings.AMENDS_WITNESS_SECONDS = 60
    first = sealed(world.system.tenant_id)
    failing(world, "w1")
    tree = standing(world)
    assert tree.last_error == "w1: it answered 503"
    assert late_from(tree, first.at + MINUTE + HOUR)


def test_stamps_are_not_asked_for_every_night(world: World, settings: Any) -> None:
    settings.AMENDS_TIMESTAMP_SECONDS = 3600
    first = sealed(world.system.tenant_id)
    states.new_item(world.analyst)
    second = sealed(world.system.tenant_id)
    failing(world, STAMPS, size=first.size, signed_at=second.at - 30 * DAY)
    assert late_from(standing(world), second.at + HOUR + HOUR)


def test_who_has_been_waited_for_longest_is_named(world: World, settings: Any) -> None:
    """A hiccup of one does not end the alarm about another."""
    settings.AMENDS_WITNESS_SECONDS = 0
    first = sealed(world.system.tenant_id)
    states.new_item(world.analyst)
    second = sealed(world.system.tenant_id)
    failing(world, "w1", size=first.size)
    failing(world, "w2")
    hiccup = {"anchored_size": first.size, "anchored_at": first.at, "last_error": "no room"}
    tree = standing(world, **hiccup)
    assert (tree.last_error, tree.overdue_since) == ("w2: it answered 503", first.at)
    with system_scope("seal"):
        other = TreeWitness.objects.filter(tenant_id=world.system.tenant_id, name="w2")
        other.update(size=second.size, signed_at=second.at)
    # Neither of the others was the first: of two that wait alike, the tree's own.
    tree = standing(world)
    assert (tree.last_error, tree.overdue_since) == ("no room", second.at)


def test_a_contradiction_is_told_before_any_silence(world: World) -> None:
    sealed(world.system.tenant_id)
    said = "ROLLBACK: w2 says that it has signed 9 entries, in the database there are 3"
    failing(world, "w1")
    failing(world, "w2", trouble=said, last_error="")
    tree = standing(world, last_error="no room")
    assert (tree.trouble, tree.last_error) == (said, f"w2: {said}")
    # And what is wrong with the tree itself before that.
    assert standing(world, trouble="TORN: a hole").trouble == "TORN: a hole"


def test_who_is_taken_out_of_the_settings_keeps_no_trouble(world: World, settings: Any) -> None:
    sealed(world.system.tenant_id)
    failing(world, "w1", trouble="ROLLBACK: w1 says that it has signed 9 entries")
    failing(world, STAMPS)
    assert standing(world).trouble.startswith("ROLLBACK")
    settings.AMENDS_WITNESSES = settings.AMENDS_WITNESSES[1:]
    assert (standing(world).trouble, standing(world).last_error) == (
        "", f"{STAMPS}: it answered 503",
    )  # fmt: skip
    settings.AMENDS_TIMESTAMP_URL = ""
    assert (standing(world).trouble, standing(world).last_error) == ("", "")
