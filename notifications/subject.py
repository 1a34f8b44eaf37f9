"""Notifications as a kind of thing: what was told to one person over one channel."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.acting import Authority
from ledger.errors import NotFound
from notifications.actions.reading import DELIVERY as TYPE
from notifications.models import IN_APP, Delivery
from verbs.subject import Description, Subject


def _recipient(row: Delivery, authority: Authority, _facts: Any) -> str:
    """Raise NotFound for everybody else: what others are told is not for anybody to know."""
    if row.channel != IN_APP or row.recipient_id != authority.actor_id:
        raise NotFound(_("There is no such notification of yours."))
    return ""


def _describe(_tenant_id: uuid.UUID, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Description]:
    """Lead to the list: one of them has no page of its own."""
    here = reverse("notifications:list")
    return {id_: Description(_("Notification"), here, icon="bell") for id_ in ids}


DELIVERY = Subject(
    subject_type=TYPE,
    model=Delivery,
    route="notifications/<uuid:id>",
    describe=_describe,
    relations={"recipient": _recipient},
    versioned=None,
    pages="notifications",
)
