"""What verbs of undoing answer with that may wait for approval: what they did, or the approval."""

from __future__ import annotations

import dataclasses
from typing import Any

from django.utils.translation import gettext as _

from accounts.acting import Authority
from compensation.actions.approval_needed import AsksFirst
from governance.api.approval_json import AwaitsApprovalSchema, represent
from verbs.subject import ResultShape, subject_of
from web.verb_api import address

ACCEPTED = 202


def may_ask_first(own: ResultShape) -> ResultShape:
    """Return how a verb answers that does what it says, as `own` has it, or asks first (202)."""

    def shape(result: Any, authority: Authority) -> Any:
        if isinstance(result, AsksFirst):
            return {"approval": represent(result.approval, authority)}
        return own.shape(result, authority)

    return dataclasses.replace(
        own,
        shape=shape,
        tag=lambda result: result.approval.version if _asks(result) else own.tag(result),
        place=lambda result: _address(result) if _asks(result) else None,
        status=lambda result: ACCEPTED if _asks(result) else None,
        said=lambda result: _("Asked for. It waits for approval.") if _asks(result) else None,
        also={ACCEPTED: AwaitsApprovalSchema},
    )


def _asks(result: Any) -> bool:
    return isinstance(result, AsksFirst)


def _address(result: AsksFirst) -> str:
    return address(subject_of(result.approval.subject_type), result.approval.id)
