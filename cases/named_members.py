"""Whom the steps of a definition name: read beside a case's plan, in the exchange that reads that.

What somebody is called, and whether they are a member still, may change: nothing of it is kept.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Collection
from typing import Self

from accounts.selectors import ACTORS_BY_USERNAME, called
from cases.definitions import CompiledDefinition, HumanTask
from cases.lifecycle import CaseStatus
from cases.models import Case
from cases.selectors import compiled_of
from ledger.statements import Later, right_behind

# Of a definition that names more, only whoever is asked is looked up.
_MOST = 20


@dataclasses.dataclass(frozen=True, slots=True)
class NamedMembers:
    """The active members who were `asked` for, by username; `answer` has their actors."""

    tenant_id: uuid.UUID
    asked: frozenset[str] = frozenset()
    answer: Later | None = None

    @classmethod
    def behind(cls, case: Case) -> Self:
        """Read whom the tasks of a case's definition name, right behind the next statement; of one
        that begins nothing, nobody."""
        asked = _named_in(compiled_of(case.tenant_id, case.definition_id))
        if not asked or case.status != CaseStatus.RUNNING:
            return cls(case.tenant_id)
        given = [case.tenant_id, sorted(asked)]
        return cls(case.tenant_id, asked, right_behind(ACTORS_BY_USERNAME, given))

    def called(self, usernames: Collection[str]) -> tuple[list[uuid.UUID], list[str]]:
        """Return the actors of those who are active members, and the names of those who are not.
        Who was not asked for is looked up now."""
        if self.answer is None or not self.asked.issuperset(usernames):
            return called(self.tenant_id, usernames)
        found = dict(self.answer().rows) if usernames else {}
        actors = {found[name] for name in usernames if name in found}
        return sorted(actors), [name for name in usernames if name not in found]


def _named_in(definition: CompiledDefinition) -> frozenset[str]:
    named = frozenset(
        name
        for binding in definition.forward_bindings
        if isinstance(binding.target, HumanTask)
        for name in binding.target.candidate_users
    )
    return named if len(named) <= _MOST else frozenset()
