"""The demo's data and `create_token`, through their commands."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command
from knox.crypto import hash_token

from accounts.selectors import acting_as, holder_of_token, places_of, tenant_named
from config.demo import loading
from config.demo.demo_people import CAST
from config.demo.transfers import balances
from tests.world import CAST as ROLES
from tests.world import PASSWORD, World


def called(*command: str) -> str:
    out = io.StringIO()
    call_command(*command, stdout=out)
    return out.getvalue()


def test_the_demo_is_loaded_once_and_finished_if_it_was_interrupted(
    own_database: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(tenant_id: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(loading, "open_accounts", stopped)
    with pytest.raises(KeyboardInterrupt):
        called("load_demo")
    monkeypatch.undo()
    assert not loading.is_loaded()
    first = called("load_demo")
    assert first.splitlines() == [
        "Demo Bank (demo): " + " ".join(p.username for p in CAST[:9]),
        "Other Bank (other): outsider",
        f"password of all: {PASSWORD}",
    ]
    assert called("load_demo") == "the demo is there already\n"
    tenant = tenant_named("demo")
    assert tenant is not None
    assert balances(tenant.id) == {"bank": 1_000_000, "customer": 0}
    for player in CAST:
        acting = acting_as(player.username, tenant_slug=player.organisation.slug)
        assert acting is not None
        assert acting.actor_type == player.actor_type
        assert acting.user_id is not None
        (place,) = places_of(acting.user_id)
        roles = {role.value for role in player.roles} | {"member"}
        assert place.roles == roles
        if player.username in ROLES:
            assert ROLES[player.username] == (player.roles, player.groups)
    assert {player.username for player in CAST} == {*ROLES, "outsider"}


def test_create_token_prints_a_working_token_and_nothing_else(world: World) -> None:
    printed = called("create_token", world.agent.username)
    token = printed.strip()
    assert printed == f"{token}\n"
    holder = holder_of_token(hash_token(token))
    assert holder is not None
    assert holder.place.acting == world.agent
    with pytest.raises(CommandError, match="'nobody' is no active member"):
        called("create_token", "nobody")
    with pytest.raises(CommandError, match="is no active member of tenant 'elsewhere'"):
        called("create_token", world.agent.username, "--tenant", "elsewhere")
