"""Stories told against a running server, each by name (DESIGN §10)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from config.demo.scenarios import loan_rollback
from config.demo.scenarios.stage import Stage


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A story and the people it needs."""

    people: tuple[str, ...]
    play: Callable[[Stage], None]


SCENARIOS: Final = MappingProxyType(
    {"loan-rollback": Scenario(people=loan_rollback.PEOPLE, play=loan_rollback.play)}
)
