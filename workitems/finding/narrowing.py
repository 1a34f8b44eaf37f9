"""What a filter leaves of a list, and in which shorter list that is looked for."""

from __future__ import annotations

import dataclasses

from django.db.models import Q

#: Up to so many rows are found by another index than the list's and then put in its order.
FEW = 1_000


@dataclasses.dataclass(frozen=True, slots=True)
class Narrowed:
    """What of the rows is meant. `few`: an index finds all of it, so that it is looked for nowhere
    else."""

    q: Q
    few: bool = False
