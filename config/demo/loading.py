"""Fills an empty installation with the demo: two organisations, the cast, accounts, examples."""

from __future__ import annotations

from pathlib import Path

from django.contrib.auth import get_user_model

from accounts.acting import ActingUser, system_of
from accounts.actions import create_tenant, create_user
from accounts.selectors import acting_as, tenant_named
from cases.actions import deploy_definition
from config.demo.demo_people import CAST, DEMO, PASSWORD, Organisation, Player
from config.demo.transfers import OPENING_BALANCES, balances, open_accounts
from people.actions import add_member
from verbs.call import Call


def is_loaded() -> bool:
    """Whether the last step of `load` has been done: the money is there."""
    tenant = tenant_named(DEMO.slug)
    return tenant is not None and set(balances(tenant.id)) >= set(OPENING_BALANCES)


def load(examples: Path) -> None:
    """Create what is missing and deploy every `*.yaml` of `examples`.

    Each step commits by itself and is skipped when it was done, so a load that was interrupted is
    finished by the next one.
    """
    systems: dict[str, ActingUser] = {}
    for player in CAST:
        organisation = player.organisation
        if organisation.slug not in systems:
            systems[organisation.slug] = _tenant(organisation)
        _member(player, systems[organisation.slug])
    operator = acting_as("operator", tenant_slug=DEMO.slug)
    if operator is None:
        raise RuntimeError("the demo's operator is not an active member of its tenant")
    for path in sorted(examples.glob("*.yaml")):
        deploy_definition(call=Call(operator), source=path.read_text(encoding="utf-8"))
    open_accounts(operator.tenant_id)


def _tenant(organisation: Organisation) -> ActingUser:
    existing = tenant_named(organisation.slug)
    if existing is None:
        return create_tenant(organisation.slug, organisation.name)
    return system_of(existing.id)


def _member(player: Player, system: ActingUser) -> None:
    if acting_as(player.username, tenant_slug=player.organisation.slug) is not None:
        return
    existing = get_user_model().objects.filter(username=player.username).first()
    user = existing or create_user(
        player.username,
        password=PASSWORD if player.signs_in else None,
        email=f"{player.username}@{player.organisation.slug}.example",
        name=player.name,
    )
    add_member(
        call=Call(system),
        username=user.username,
        roles=list(player.roles),
        groups=list(player.groups),
        type=player.actor_type,
    )
