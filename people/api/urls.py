"""Addresses of people in the API, below `/api/v1/`."""

from __future__ import annotations

from django.urls import URLPattern, path

from people.actions import MEMBER
from people.api import views
from people.key_verbs import KEY
from people.substituting import SUBSTITUTION
from people.token_verbs import TOKEN
from web.api import TenantAPIView
from web.verb_api import verb_paths

app_name = "people-api"


def _of(
    subject_type: str, collection: type[TenantAPIView], detail: type[TenantAPIView]
) -> list[URLPattern]:
    """Return the addresses of one kind of thing, by names of its own."""
    made = verb_paths(subject_type, collection=collection, detail=detail)
    return [
        path(str(each.pattern), each.callback, name=f"{subject_type}-{each.name}") for each in made
    ]


urlpatterns: list[URLPattern] = [
    *_of(SUBSTITUTION, views.Substitutions, views.SubstitutionDetail),
    *_of(MEMBER, views.Members, views.MemberDetail),
    *_of(KEY, views.SignatureKeys, views.SignatureKeyDetail),
    *_of(TOKEN, views.Tokens, views.TokenDetail),
]
