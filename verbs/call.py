"""What a caller brings to every verb besides the verb's own input."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection
from typing import Any

from accounts.acting import ActingUser
from ledger.errors import Invalid, PreconditionRequired


@dataclasses.dataclass(frozen=True, slots=True)
class Call:
    """Who acts, on which conditions, and what is done last before the commit.

    `versions` are those that `If-Match` allows (None: any), `digest` the one, or those, that it
    names where a plan is executed. `broken` is why a body could not be read, or breaks the rules of
    the verb's input: it is raised where input is checked, after permission, version and state.
    `unmet` is a precondition of the request itself, raised at its turn (428). `last_act` gets the
    verb's result inside the transaction: the API renders and keeps its answer there, a handler
    writes its "done" mark.
    """

    by: ActingUser
    versions: Collection[int] | None = None
    digest: str | Collection[str] | None = None
    broken: Invalid | None = None
    unmet: PreconditionRequired | None = None
    last_act: Callable[[Any], None] | None = None

    def saw(self, digest: str) -> bool:
        """Return whether this digest is one that was named."""
        named = {self.digest} if isinstance(self.digest, str) else self.digest or ()
        return digest in named
