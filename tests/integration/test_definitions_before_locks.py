"""A definition is compiled before the transaction of its deployment begins: nobody waits for it."""

from __future__ import annotations

import pytest
from django.db import connection

from cases import actions
from cases.actions import deploy
from cases.definitions import CompiledDefinition
from ledger.errors import Invalid, NotPermitted
from tests.definitions import definition, human
from tests.world import World
from verbs.call import Call


def test_it_is_compiled_outside_of_any_transaction(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside: list[bool] = []
    compiled = deploy.check_definition

    def watched(source: object) -> CompiledDefinition:
        inside.append(connection.in_atomic_block)
        return compiled(source)  # type: ignore[arg-type]

    monkeypatch.setattr(deploy, "check_definition", watched)
    source = definition("early", human("a"))
    row = actions.deploy_definition(call=Call(world.operator), source=source)
    assert (row.name, inside) == ("early", [False])


def test_who_may_not_deploy_hears_that_first(world: World) -> None:
    with pytest.raises(NotPermitted):
        actions.deploy_definition(call=Call(world.bystander), source="no definition")
    with pytest.raises(Invalid) as refused:
        actions.deploy_definition(call=Call(world.operator), source="no definition")
    assert refused.value.code == "definition_invalid"
