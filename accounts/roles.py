"""Roles of a membership and types of an actor. Pure."""

from __future__ import annotations

from collections.abc import Collection

from django.db import models
from django.utils.translation import gettext_lazy as _


class ActorType(models.TextChoices):
    """What kind of being acts."""

    HUMAN = "HUMAN", _("Person")
    AGENT = "AGENT", _("Agent")
    SYSTEM = "SYSTEM", _("System")


class Role(models.TextChoices):
    """What a member may do beyond working on items. Everyone active is a member, but for who only
    audits: an auditor without another role changes nothing."""

    MEMBER = "member", _("Member")
    OPERATOR = "operator", _("Operator")
    APPROVER = "approver", _("Approver")
    AUDITOR = "auditor", _("Auditor")
    TENANT_ADMIN = "tenant_admin", _("Tenant admin")


# Who may enter the Django admin, and who may trigger and repair compensation.
ADMIN_SITE_ROLES = frozenset({Role.OPERATOR, Role.AUDITOR, Role.TENANT_ADMIN})
OPERATING_ROLES = frozenset({Role.OPERATOR, Role.TENANT_ADMIN})
# For whom something may wait until they decide.
DECIDING_ROLES = OPERATING_ROLES | {Role.APPROVER}
_BY_STRENGTH = (Role.TENANT_ADMIN, Role.OPERATOR, Role.APPROVER, Role.AUDITOR, Role.MEMBER)


def held(roles: Collection[str]) -> frozenset[str]:
    """Return the roles that a membership of these roles means."""
    found = frozenset(map(str, roles)) | {Role.MEMBER.value}
    only_looks = found == {Role.AUDITOR.value, Role.MEMBER.value}
    return frozenset({Role.AUDITOR.value}) if only_looks else found


def strongest(roles: Collection[str]) -> str:
    """Return the role that the ledger names when several would have allowed the act."""
    return next((role.value for role in _BY_STRENGTH if role in roles), Role.MEMBER.value)
