"""The one permission of every endpoint: an active member of a tenant. The rest is the verbs'."""

from __future__ import annotations

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from typing_extensions import override

from ledger.errors import NotPermitted
from web.authentication import Credential


class IsMember(BasePermission):
    """Lets active members in. Without credentials the answer is 401, without a membership 403."""

    @override
    def has_permission(self, request: Request, view: object) -> bool:
        """Return whether somebody signed in; raises NotPermitted if they belong nowhere."""
        if not isinstance(request.auth, Credential):
            return False
        if request.auth.place is None:
            raise NotPermitted("You belong to no organisation.", code="no_membership")
        return True
