"""Words of people and their organisation: what is recorded about members and tenants."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from verbs import words
from verbs.words import ActionWords as A

_TENANT = {
    "tenant_created": A(_("Organisation created"), _("%(what)s created by %(who)s")),
}
_ACTOR = {
    "member_added": A(_("Member added"), _("%(what)s added as a member by %(who)s")),
    "member_deactivated": A(_("Member deactivated"), _("%(what)s deactivated by %(who)s")),
    "member_reactivated": A(_("Member reactivated"), _("%(what)s reactivated by %(who)s")),
    "roles_changed": A(_("Roles changed"), _("Roles of %(what)s changed by %(who)s")),
    "group_joined": A(_("Joined groups"), _("%(what)s added to groups by %(who)s")),
    "group_left": A(_("Left groups"), _("%(what)s removed from groups by %(who)s")),
    "token_created": A(_("Token created"), _("Token of %(what)s created by %(who)s")),
    "token_revoked": A(_("Token revoked"), _("Token of %(what)s revoked by %(who)s")),
}


def register() -> None:
    """Register the words of tenants and members."""
    words.register_subject_words("tenant", _("organisation"))
    words.register_subject_words("actor", _("member"))
    words.register_denials({"not_tenant_admin": _("only a tenant admin may change members")})
    words.register_actions("tenant", _TENANT)
    words.register_actions("actor", _ACTOR)
