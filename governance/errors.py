"""Refusals about approvals and by policies. Codes are public."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from ledger.errors import Conflict, Stale


class ApprovalPending(Conflict):
    """It was asked for already, otherwise or by somebody else, and waits for an answer."""

    default_code = "approval_pending"
    default_detail = gettext_lazy(
        "An approval of this is waiting already. Withdraw that one to ask anew."
    )

    def __init__(self, approval_id: uuid.UUID) -> None:
        super().__init__(extra={"approval": str(approval_id)})


class NotYourTurn(Conflict):
    """Its steps are decided in their order."""

    default_code = "not_your_turn"
    default_detail = gettext_lazy("A step before yours has not been decided yet.")


class AlreadyDecided(Conflict):
    """Each step is decided by another person."""

    default_code = "already_decided"
    default_detail = gettext_lazy(
        "You have decided a step of this. Another person decides the next one."
    )


class ApprovalExpired(Conflict):
    """Its time is over."""

    default_code = "approval_expired"
    default_detail = gettext_lazy("The time to decide this is over. It has to be asked for anew.")


class ApprovalMoved(Stale):
    """What waits for approval is not what was seen: another digest."""

    default_code = "approval_moved"
    default_detail = gettext_lazy("What waits for approval now is not what you saw. Look again.")


class _ByPolicy(Conflict):
    """What a policy says against it: `policy` has its `id`, `name` and `reason`; `decisions` are
    all that applied."""

    sentence: Promise

    def __init__(self, policy: Any, detail: str, decisions: Sequence[Mapping[str, Any]]) -> None:
        said = str(self.sentence) % {"name": policy.name, "why": detail or policy.reason}
        super().__init__(said, extra={"policy": str(policy.id), "decisions": list(decisions)})


class DeniedByPolicy(_ByPolicy):
    """A policy of the organisation does not allow it, as it was asked for."""

    default_code = "denied_by_policy"
    sentence = gettext_lazy("Policy “%(name)s” does not allow it: %(why)s")


class SecondFactorRequired(_ByPolicy):
    """A policy asks for a second factor, and nobody can sign in with one yet."""

    default_code = "second_factor_required"
    sentence = gettext_lazy("Policy “%(name)s” asks for a second factor: %(why)s")
