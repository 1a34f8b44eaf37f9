"""Work that stands for something of another tenant: its undo is asked of that one.

`remote` says what the other has: its tenant by the short name, the kind and the id. It is given
when the work is made and never changes. What is asked, and by whom it is carried, is the matter of
whoever executes programs: here it is only named.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from pydantic import Field

from accounts.acting import Authority
from accounts.selectors import tenant_called
from compensation.policy import CompensationPolicy
from compensation.subject import is_undoable, whole_subject
from json_values.pointers import FieldError
from ledger.errors import NotPermitted
from verbs.input import Input

#: The program by which another tenant is asked; see `executions`.
ASK = "amends.ask-other-organisation"
#: How the undo of such work is declared.
ASKS = CompensationPolicy(mode="automated", capability=ASK)
#: How it is stored that the other has not undone it, and what people read instead of the code.
UNKNOWN, REFUSED, FAILED = "remote_unknown", "remote_refused", "remote_failed"
_TOLD = {
    UNKNOWN: gettext_lazy("There is nothing like it that could be asked for."),
    REFUSED: gettext_lazy("The other organisation refused it."),
    FAILED: gettext_lazy("The other organisation could not undo it."),
}
#: What the one that is asked decides, and nobody here.
_THEIRS = ("mode", "capability", "performer", "candidate_groups", "candidate_users")


class Remote(Input):
    """What it stands for in another organisation, whose undo is asked of that one."""

    tenant: Annotated[str, Field(min_length=1, max_length=50, pattern=r"^[-a-zA-Z0-9_]+$")]
    type: Annotated[str, Field(min_length=1, max_length=40)]
    id: Annotated[str, Field(json_schema_extra={"format": "uuid"}, max_length=36)]

    def to_json(self) -> dict[str, str]:
        """Return it as rows keep it."""
        return {"tenant": self.tenant, "type": self.type, "id": str(uuid.UUID(self.id))}


def faults_of(remote: Remote) -> Iterator[FieldError]:
    """Return what is wrong with a kind that nothing here is of, or an id that is none."""
    if not is_undoable(remote.type) and whole_subject(remote.type) is None:
        message = _("names no kind of thing that can be undone")
        yield FieldError("/remote/type", message, "unknown")
    try:
        uuid.UUID(remote.id)
    except ValueError:
        yield FieldError("/remote/id", _("must be an id"), "invalid")


def check_may_ask(remote: Remote | None, authority: Authority) -> None:
    """Raise NotPermitted where somebody who is no operator says what work stands for elsewhere."""
    if remote is not None and not authority.is_operator and not authority.is_system:
        said = _("An operator says what work stands for in another organisation.")
        raise NotPermitted(said)


def check_remote(
    remote: Remote | None, policy: CompensationPolicy, tenant_id: uuid.UUID
) -> list[FieldError]:
    """Return what cannot be meant together with `remote`: the own tenant, and saying how the other
    one undoes it."""
    if remote is None:
        return []
    found = list(faults_of(remote))
    if remote.tenant == tenant_called(tenant_id)[0]:
        message = _("must be another organisation than your own")
        found.append(FieldError("/remote/tenant", message, "own_tenant"))
    found.extend(
        FieldError(f"/compensation/{name}", _("is for the other organisation to say"), "invalid")
        for name in _THEIRS
        if getattr(policy, name) is not None
    )
    return found


def policy_with(policy: Mapping[str, Any], remote: Mapping[str, str] | None) -> dict[str, object]:
    """Return a stored policy as that of work with this `remote`: its undo is asked of the other."""
    if remote is None:
        return dict(policy)
    return CompensationPolicy.merge(ASKS, CompensationPolicy.from_json(policy)).to_json()


def remote_words(text: str) -> str:
    """Return a stored sentence; one of these codes in words."""
    told = _TOLD.get(text)
    return text if told is None else str(told)


def waits_for(row: Any) -> str:
    """Return the tenant that an undo waits for, by its short name; "" where it waits for none."""
    remote = getattr(row, "remote", None) or {}
    return str(remote.get("tenant", "")) if getattr(row, "undoes_id", None) else ""
