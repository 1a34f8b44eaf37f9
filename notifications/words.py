"""Words of deliveries, and of what agents and other systems are reached by."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from notifications.lifecycle import DeliveryStatus
from verbs import words
from verbs.words import VerbWords

#: The ways to reach a person, as they call them.
CHANNELS = {"in_app": _("In Amends"), "email": _("By e-mail")}

_LOOKS = {
    "PENDING": ("clock", "wait"),
    "DELIVERED": ("check", "done"),
    "ACCEPTED": ("check", "done"),
    "FAILED": ("clock", "bad"),
    "DEAD": ("x", "bad"),
    "SKIPPED": ("minus", "wait"),
}


def channel_words(channel: str) -> str:
    """Return a way to reach a person, as people call it."""
    return str(CHANNELS.get(channel, channel))


def register() -> None:
    """Register how deliveries look and what channels and their like are called."""
    words.register_subject_words("channel", _("channel"))
    words.register_subject_words("commitment", _("commitment"))
    words.register_subject_words("webhook_endpoint", _("webhook endpoint"))
    words.register_verbs("delivery", {"read": VerbWords(_("Mark as read"), icon="check")})
    words.register_states("delivery", DeliveryStatus, _LOOKS)
