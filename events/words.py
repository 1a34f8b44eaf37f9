"""Words of inbound events: what is recorded of them."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from verbs import words
from verbs.words import ActionWords as A

_TENANT = {
    "event_received": A(_("Event received"), _("Event received, sent by %(who)s")),
}


def register() -> None:
    """Register what is recorded of them about the tenant."""
    words.register_actions("tenant", _TENANT)
