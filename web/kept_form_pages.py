"""Where a form that was kept is filled in again: its page, or the page that had it."""

from __future__ import annotations

import re
from typing import Final

from django.http import HttpRequest

from web import kept_forms
from web.kept_text import MOST
from web.labels import label_of
from web.only_post import page_of
from web.way_back import carried

# Of a choice, and not of somebody's writing.
_CHOSEN: Final = re.compile(r"on|[0-9a-f-]{36}")
_CHOICES: Final = frozenset({"verb", "then", "outcome"})


def page_for(request: HttpRequest) -> str:
    """Return the address of the page on which a form that was sent is filled in again: of a list
    with its tab and filters, of anything else with the way back to one."""
    page = page_of(request.path_info)
    return request.get_full_path() if page == request.path_info else carried(request, page)


def left_over(request: HttpRequest) -> list[dict[str, str]]:
    """Return `kept` of components/kept_text.html: what was typed into a form that its page has no
    more, to be read and copied there."""
    found = kept_forms.own(request)
    if found is None or page_of(found.path) != request.path_info:
        return []
    return [
        {"id": f"kept_{name}", "label": label_of(name.rpartition(".")[2]), "text": text[:MOST]}
        for name, text in found.fields.items()
        if isinstance(text, str) and text.strip() and name not in _CHOICES
        and not _CHOSEN.fullmatch(text)
    ]  # fmt: skip
