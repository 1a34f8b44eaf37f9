"""What the app registers at start with the apps below."""

from __future__ import annotations

import dataclasses

from django.utils.translation import gettext_lazy as _

from people import words
from people.api.key_json import KeySchema, represent_keys
from people.api.member_json import (
    ADDED,
    MADE,
    MemberSchema,
    TokenSchema,
    represent_members,
    represent_tokens,
)
from people.api.substitution_json import SubstitutionSchema, represent
from people.key_verbs import KEYS
from people.subject import ACTOR, TENANT
from people.substituting import SUBSTITUTIONS
from people.token_verbs import TOKENS
from verbs import subject
from web import nav

# What the API adds: the domain's own modules know nothing of it.
SHOWN = (
    dataclasses.replace(
        ACTOR, shape=represent_members, schema=MemberSchema, results={"add": ADDED}
    ),
    dataclasses.replace(SUBSTITUTIONS, shape=represent, schema=SubstitutionSchema),
    dataclasses.replace(
        TOKENS, shape=represent_tokens, schema=TokenSchema, results={"create": MADE}
    ),
    dataclasses.replace(KEYS, shape=represent_keys, schema=KeySchema),
    TENANT,
)


def register() -> None:
    """Make people and what they manage known, with their words and their pages."""
    for each in SHOWN:
        subject.register(each)
    words.register()
    label = _("Settings")
    below = ("/members/", "/substitutions/", "/signature-keys/")
    nav.register(
        nav.NavEntry("settings", label, "settings", "people:settings", order=70, below=below)
    )
