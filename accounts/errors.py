"""Refusals of the accounts verbs."""

from __future__ import annotations

from django.utils.translation import gettext_lazy

from ledger.errors import Conflict, Invalid


class AlreadyMember(Conflict):
    """That user already belongs to the organisation."""

    default_code = "already_member"
    default_detail = gettext_lazy("That user already belongs to this organisation.")


class LastAdmin(Conflict):
    """Somebody must be left who can administer the organisation."""

    default_code = "last_admin"
    default_detail = gettext_lazy(
        "This is the last tenant admin; give the role to someone else first."
    )


class MalformedBody(Invalid):
    """The body could not be parsed as strict JSON."""

    default_code = "malformed_json"
    default_detail = gettext_lazy("The body is not valid JSON.")
