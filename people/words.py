"""Words of people and their organisation: what is recorded about members and tenants."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from accounts.roles import Role
from ledger.vocabulary import declare_lasting
from verbs import words
from verbs.words import ActionWords as A
from verbs.words import VerbWords as V

_TENANT = {
    "tenant_created": A(_("Organisation created"), _("%(what)s created by %(who)s")),
}
_ACTOR = {
    "member_added": A(_("Member added"), _("%(what)s added as a member by %(who)s")),
    "member_deactivated": A(_("Member deactivated"), _("%(what)s deactivated by %(who)s")),
    "member_reactivated": A(_("Member reactivated"), _("%(what)s reactivated by %(who)s")),
    "roles_changed": A(_("Roles changed"), _("Roles of %(what)s changed by %(who)s")),
    "skills_changed": A(_("Skills changed"), _("Skills of %(what)s changed by %(who)s")),
    "group_joined": A(_("Joined groups"), _("%(what)s added to groups by %(who)s")),
    "group_left": A(_("Left groups"), _("%(what)s removed from groups by %(who)s")),
    "substitution_added": A(_("Substitute named"), _("Substitute of %(what)s named by %(who)s")),
    "substitution_changed": A(
        _("Substitution changed"), _("Substitution of %(what)s changed by %(who)s")
    ),
    "substitution_ended": A(
        _("Substitution ended"), _("Substitution of %(what)s ended by %(who)s")
    ),
    "token_created": A(_("Token created"), _("Token of %(what)s created by %(who)s")),
    "token_revoked": A(_("Token revoked"), _("Token of %(what)s revoked by %(who)s")),
    "key_registered": A(
        _("Signature key registered"), _("Signature key of %(what)s registered by %(who)s")
    ),
    "key_retired": A(_("Signature key retired"), _("Signature key of %(what)s retired by %(who)s")),
    "key_compromised": A(
        _("Signature key compromised"),
        _("Signature key of %(what)s reported as compromised by %(who)s"),
        "bad",
    ),
}
_DATES: dict[str, tuple[words.Text, words.Text]] = {
    "since": (_("From"), _("Left empty: from now on.")),
    "until": (_("Until"), ""),
}
_SUBSTITUTION = {
    "create": V(
        _("Name a substitute"), _("The substitute is named."), "user-plus",
        fields={
            "substitute": (_("Who stands in"), _("A username.")),
            **_DATES,
            "group": (_("Only for the work of this group"), _("Left empty: for all work.")),
            "person": (
                _("Instead of whom"),
                _("A username. Left empty: instead of you. For others only tenant admins."),
            ),
        },
    ),
    "edit": V(
        _("Change the dates"), _("The dates are changed."), "calendar",
        fields={**_DATES, "since": (_("From"), _("Left empty: as it was."))},
    ),
    "end": V(_("End it"), _("It is ended."), "x"),
}  # fmt: skip
_KEY = {
    "register": V(
        _("Register a key"), _("The key is registered."), "key-round",
        fields={
            "name": (_("What it is called"), _("So that others know it again.")),
            "public_key": (
                _("Public key"), _("Base64 of the 32 bytes of an Ed25519 public key.")
            ),
            "member": (
                _("Of which program"),
                _("A username. Left empty: your own. Of programs only tenant admins."),
            ),
        },
    ),
    "retire": V(
        _("Retire it"), _("It is retired."), "x",
        intro=_("Nothing more is signed with it. What it has signed stays signed."),
    ),
    "report-compromise": V(
        _("Report as compromised"), _("It is reported."), "triangle-alert", "danger",
        intro=_("What was signed with it since then is shown as suspect. This cannot be taken"
                " back."),
        submit=_("Report as compromised"),
        fields={
            "since": (_("Since when"), _("Left empty: from now on.")),
            "reason": (_("How you know"), ""),
        },
    ),
}  # fmt: skip
_MEMBER = {
    "edit": V(
        _("Change"), _("Changed."), "pencil",
        fields={
            "roles": (_("Roles"), _("Without any they work on tasks, as every member does.")),
            "groups": (_("Groups"), ""),
            "skills": (_("Skills"), _("What work may ask for.")),
        },
    ),
    "deactivate": V(
        _("End the membership"), _("The membership is ended."), "user-minus", "danger",
        intro=_("They are shut out at once, their tokens too. Open work goes to their substitute,"
                " or back to where others take it."),
        submit=_("End the membership"),
    ),
    "reactivate": V(_("Let in again"), _("Let in again."), "user-plus"),
}  # fmt: skip


def register() -> None:
    """Register the words of tenants and members."""
    words.register_verbs("substitution", _SUBSTITUTION)
    words.register_verbs("actor", _MEMBER)
    words.register_verbs("signature_key", _KEY)
    words.register_choices(
        "roles", {each.value: each.label for each in Role if each is not Role.MEMBER}
    )
    words.register_subject_words("tenant", _("organisation"))
    words.register_subject_words("actor", _("member"))
    words.register_denials(
        {
            "not_tenant_admin": _("only a tenant admin may do this"),
            "not_the_person": _("only those whom it is about may"),
        }
    )
    words.register_actions("tenant", _TENANT)
    words.register_actions("actor", _ACTOR)
    # Whose a signature was, and since when it is suspect, is read from what these keep.
    declare_lasting("actor", ("key_registered", "key_retired", "key_compromised"))
