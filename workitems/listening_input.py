"""What an item listens for, as its author writes it: types of events, each with a filter in jq.

A filter that cannot be read is refused where it is written. What it asks of its event: see
`actions.choreography`.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any

from django.utils.translation import gettext as _
from pydantic import Field, StringConstraints
from typing_extensions import override

from events.actions import NEWS
from events.cloud_event import OWN_TYPES, Attribute
from json_values.jq.evaluation import ExpressionFailed, check_syntax
from json_values.pointers import FieldError
from ledger import vocabulary
from ledger.dispatch.consumer_registry import Trouble
from verbs.input import Input

#: The consumer that undoes what listens for an event.
CHOREOGRAPHY = "workitems.choreography"
MOST_LISTENED, MOST_FILTER = 10, 2_000


class Listening(Input):
    """A type of event after which the item is undone by itself, once it is done; with a filter only
    if that says true of the event."""

    type: Attribute
    filter: Annotated[str, StringConstraints(max_length=MOST_FILTER)] = ""


Listenings = Annotated[list[Listening], Field(max_length=MOST_LISTENED)]


class Listens(Input):
    """What is said of an item that may listen for events."""

    compensate_on: Listenings = []

    @classmethod
    @override
    def further(cls, body: Mapping[str, Any]) -> Iterable[FieldError]:
        """Return what is wrong with types of our own, and with filters."""
        said = body.get("compensate_on")
        return _problems(said) if isinstance(said, list) else ()


def _problems(said: Sequence[Any]) -> Iterator[FieldError]:
    for index, each in enumerate(said[: MOST_LISTENED + 1]):
        type_, filter_ = (_member(each, name) for name in ("type", "filter"))
        if type_.startswith(OWN_TYPES) and not _happens(type_):
            message = _("this application has no news of this type")
            yield FieldError(f"/compensate_on/{index}/type", message, "unknown")
        if filter_ and len(filter_) <= MOST_FILTER and (wrong := wrong_with(filter_)):
            yield FieldError(f"/compensate_on/{index}/filter", wrong, "filter_invalid")


def _member(said: Any, name: str) -> str:
    found = said.get(name) if isinstance(said, Mapping) else getattr(said, name, "")
    return found if isinstance(found, str) else ""


def _happens(type_: str) -> bool:
    """Whether entries announce themselves by this type."""
    parts = type_.split(".")
    if len(parts) != 4 or parts[3] != "v1":  # noqa: PLR2004  -- amends.<subject type>.<action>.v1
        return False
    return vocabulary.is_declared(parts[1], parts[2])


def wrong_with(filter_: str) -> str:
    """Return why an expression cannot be read as jq, "" where it can. Raises Trouble where jq does
    not answer: then nobody knows, and no author is told that it was them."""
    try:
        return _checked(filter_)
    except ExpressionFailed as failed:
        if failed.code == "unavailable":
            raise Trouble(str(failed)) from failed
        return f"{failed.code}: {failed.detail}"


@functools.lru_cache(maxsize=512)
def _checked(filter_: str) -> str:
    """Return nothing of a filter that can be read; what is wrong is not kept: it may pass."""
    [problem] = check_syntax([filter_])
    if problem is not None:
        raise problem
    return ""


def heard_as(type_: str) -> str:
    """Return the type of the news by which an event of a type comes: a foreign one is received."""
    return type_ if type_.startswith(OWN_TYPES) else NEWS
