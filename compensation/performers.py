"""Who is asked to undo something: the person named, or the best that is still possible."""

from __future__ import annotations

import dataclasses
import uuid
from typing import Any

from django.utils.translation import gettext as _

from accounts.selectors import able_actors, active_actors, called, members_of_groups
from accounts.substitutions import substitute_of
from compensation.planning import UndoRequest
from ledger.errors import Invalid


@dataclasses.dataclass(frozen=True, slots=True)
class Performer:
    """Who may do an undo task; `replaced` says why the wanted one was not asked.

    `missing` are usernames of the policy that are no active members. `for_operators`: nobody it
    names is here; whoever is an operator when it is taken may do it, so none is named.
    """

    assignee_id: uuid.UUID | None = None
    groups: tuple[str, ...] = ()
    users: tuple[uuid.UUID, ...] = ()
    excluded: tuple[uuid.UUID, ...] = ()
    replaced: str = ""
    missing: tuple[str, ...] = ()
    for_operators: bool = False


def choose_performer(
    tenant_id: uuid.UUID,
    request: UndoRequest,
    *,
    finished_by: uuid.UUID | None,
    finished_for: uuid.UUID | None = None,
) -> Performer:
    """Return who may do the undo (DESIGN §5): the original actor by default; an actor who is gone,
    or may do no work any more, is replaced by their substitute, else by the candidate users and
    groups, and where nobody of those is left, by the tenant's operators. `finished_for`: in whose
    place it was done; neither of the two undoes what shall not be undone by who did it.

    Whoever it is given to is named as a candidate too: a task given back to the pool is not for
    everybody to take. Raises Invalid for a named performer whom the policy excludes.
    """
    doers = tuple(dict.fromkeys(each for each in (finished_by, finished_for) if each))
    excluded = doers if request.performer == "not_original_actor" else ()
    present, missing = called(tenant_id, request.candidate_users)
    people = tuple(actor for actor in present if actor not in excluded)
    named, replaced = request.assignee_id, ""
    if named is not None:
        if named in excluded:
            raise Invalid.field("/assignee", _("is excluded from this undo"), code="excluded")
        if active_actors(tenant_id, [named]):
            others = request.performer != "original_actor"
            return Performer(
                assignee_id=named,
                groups=request.candidate_groups if others else (),
                users=(named, *people) if others else (named,),
                excluded=excluded,
            )
        # Named for an earlier attempt, and gone since.
        replaced = "assignee_not_available"
    if request.performer == "original_actor":
        if finished_by is not None and finished_by in able_actors(tenant_id, [finished_by]):
            return Performer(assignee_id=finished_by, users=(finished_by,), replaced=replaced)
        other = None if finished_by is None else substitute_of(tenant_id, finished_by)
        if other is not None:
            said = "original_actor_substituted"
            return Performer(assignee_id=other, users=(other,), replaced=replaced or said)
        replaced = replaced or "original_actor_not_available"
    how: dict[str, Any] = {"excluded": excluded, "missing": tuple(missing)}
    if people or set(members_of_groups(tenant_id, request.candidate_groups)) - set(excluded):
        return Performer(groups=request.candidate_groups, users=people, replaced=replaced, **how)
    nobody = "no_candidate_user_available" if missing else "no_member_in_candidate_groups"
    return Performer(replaced=replaced or nobody, for_operators=True, **how)
