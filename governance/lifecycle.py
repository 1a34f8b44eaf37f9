"""States of an approval: it waits until it is granted step by step, or ends another way. Pure.

It is never decided by whoever asked for it, and each step by another person. What it is about may
have changed when it would be granted: then it is out of date, and nothing happens.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.roles import Role
from verbs.operation import operation, table


class ApprovalStatus(models.TextChoices):
    """Every status of an approval."""

    PENDING = "PENDING", _("Waits for approval")
    GRANTED = "GRANTED", _("Approved")
    REFUSED = "REFUSED", _("Refused")
    EXPIRED = "EXPIRED", _("Expired")
    SUPERSEDED = "SUPERSEDED", _("Out of date")
    WITHDRAWN = "WITHDRAWN", _("Withdrawn")


class StepDecision(models.TextChoices):
    """What somebody said to one step; empty while it waits."""

    NONE = "", _("Waits")
    GRANTED = "GRANTED", _("Approved")
    REFUSED = "REFUSED", _("Refused")


class Effect(models.TextChoices):
    """What a policy does with an execution to which it applies."""

    ALLOW = "allow", _("Allow it")
    DENY = "deny", _("Refuse it")
    MODIFY = "modify", _("Change it")
    REQUIRE_APPROVAL = "require_approval", _("Ask for approval")


class Severity(models.TextChoices):
    """How much a policy matters, for those who read what it decided."""

    LOW = "low", _("Low")
    MEDIUM = "medium", _("Medium")
    HIGH = "high", _("High")
    CRITICAL = "critical", _("Critical")


class OnStale(models.TextChoices):
    """What happens to an execution whose state is not the expected one when it is to be run."""

    REJECT = "reject", _("It is refused")
    REVALIDATE = "revalidate", _("It is checked again, and run if it still may")
    ASK_AGAIN = "ask_again", _("It has to be approved again")


S = ApprovalStatus
_WAITS = {S.PENDING}
#: Who holds one of these decides where a step names the role `approver`.
APPROVING_ROLES = frozenset({Role.APPROVER, Role.TENANT_ADMIN})

OPERATIONS = table(
    # The next step waits then, or that was the last one. Out of date, it is superseded instead.
    operation("approve", _WAITS, None, "approver", back=(S.PENDING, S.GRANTED)),
    operation("reject", _WAITS, S.REFUSED, "approver"),
    operation("withdraw", _WAITS, S.WITHDRAWN, "requester"),
    operation("expire", _WAITS, S.EXPIRED, "system"),
    operation("supersede", _WAITS, S.SUPERSEDED, "system"),
)
