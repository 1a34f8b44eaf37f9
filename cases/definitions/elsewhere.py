"""What a step stands for in another organisation, of which its undo is asked. Pure.

`id` is an id, or the name of the member of the step's input that has it.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from cases.definitions.readers import Part, Text
from ledger.errors import Invalid


class Elsewhere(Part):
    """What it stands for: whose, of which kind, and which."""

    tenant: Annotated[Text, Field(max_length=50, pattern=r"^[-a-zA-Z0-9_]+$")]
    type: Annotated[Text, Field(max_length=40)]
    id: Text

    def of(self, given: Mapping[str, Any]) -> dict[str, str]:
        """Return it as work keeps it that is given this input. Raises Invalid where that has no id
        for it."""
        found = _id(self.id) or _id(given.get(self.id))
        if found is None:
            raise Invalid.field(f"/input/{self.id}", f"remote: {self.id} of the input is no id")
        return {"tenant": self.tenant, "type": self.type, "id": found}


def _id(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    try:
        return str(uuid.UUID(value))
    except ValueError:
        return None
