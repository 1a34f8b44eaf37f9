"""The cast of the demo: people named by role, in two organisations."""

from __future__ import annotations

import dataclasses

from accounts.roles import ActorType, Role

PASSWORD = "amends-demo"  # noqa: S105  -- invented people on a developer's machine


@dataclasses.dataclass(frozen=True, slots=True)
class Organisation:
    """A tenant of the demo."""

    slug: str
    name: str


@dataclasses.dataclass(frozen=True, slots=True)
class Player:
    """One of the cast. A service account cannot sign in; it has tokens."""

    username: str
    name: str
    organisation: Organisation
    roles: tuple[Role, ...] = ()
    groups: tuple[str, ...] = ()
    actor_type: str = ActorType.HUMAN

    @property
    def signs_in(self) -> bool:
        """Whether there is a password."""
        return self.actor_type == ActorType.HUMAN


DEMO = Organisation("demo", "Demo Bank")
OTHER = Organisation("other", "Other Bank")
CAST = (
    Player("analyst", "Ana Lindqvist", DEMO, groups=("analysts",)),
    Player("surveyor", "Sam Okafor", DEMO, groups=("surveyors",)),
    Player("underwriter", "Uma Desai", DEMO, groups=("underwriters",)),
    Player("compliance", "Carl Moreau", DEMO, groups=("compliance",)),
    Player("operator", "Olga Petrova", DEMO, roles=(Role.OPERATOR,)),
    Player("approver", "Ada Brandt", DEMO, roles=(Role.APPROVER,)),
    Player("auditor", "Aki Tanaka", DEMO, roles=(Role.AUDITOR,)),
    Player("bystander", "Ben Soto", DEMO),
    Player("admin", "Milo Ferrari", DEMO, roles=(Role.TENANT_ADMIN,)),
    Player("agent", "Agent", DEMO, actor_type=ActorType.AGENT),
    Player("outsider", "Otis Vance", OTHER, roles=(Role.OPERATOR,), groups=("analysts",)),
)
