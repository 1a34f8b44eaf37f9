"""Where the verbs of a kind of thing are in the API, and what cannot be there."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import include, path
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from rest_framework.request import Request
from rest_framework.response import Response

from verbs import catalogue, subject
from verbs.input import Input, Moment, Name
from verbs.operation import operation
from verbs.shell import Verb
from verbs.subject import ResultShape, Subject
from web.api import TenantAPIView
from web.verb_api import VerbAPIView, address, collection_route, verb_paths, view_of
from workitems.models import WorkItem

TYPE = "pebble"
PEBBLE = Subject(
    subject_type=TYPE,
    model=WorkItem,
    route="beaches/<slug:beach>/pebbles/<uuid:id>",
    shape=lambda rows, _authority: [{} for _row in rows],
)


class Throw(Input):
    """How to throw it."""

    into: Name
    at: Moment | None = None


class Throwing(Input):
    """Another input."""

    far: bool


# A second model of the same name.
Throwing.__name__ = "Throw"


class Reading(TenantAPIView):
    """What is read."""

    paginated = True

    def get(self, request: Request, **key: Any) -> Response:  # noqa: ARG002  -- DRF's
        """Read."""
        return Response({})


@pytest.fixture(autouse=True)
def _pebbles() -> Iterator[None]:
    subject.register(PEBBLE)
    yield
    for each in catalogue.verbs_of(TYPE):
        catalogue.withdraw(each)
    subject.unregister(TYPE)


def declare(name: str, **how: Any) -> Verb[Any]:
    made = catalogue.verb(TYPE, operation(name, None, None, "member"), action="edited", **how)
    return made(lambda row, _given, _context: row)


def test_verbs_are_below_their_subject_by_name() -> None:
    declare("throw", given=Throw)
    declare("retry", route="undo/retry")
    declare("settle", no_route="only the system does")
    declare("collect", creates=True)
    declare("paint", method="PATCH")
    declare("lose", method="DELETE")
    found = verb_paths(TYPE, collection=Reading, detail=Reading)
    one = "beaches/<slug:beach>/pebbles/<uuid:id>"
    assert [(str(each.pattern), each.name) for each in found] == [
        ("beaches/<slug:beach>/pebbles", "list"),
        (one, "detail"),
        (f"{one}/throw", "throw"),
        (f"{one}/undo/retry", "retry"),
    ]
    views: list[Any] = [getattr(each.callback, "view_class") for each in found]  # noqa: B009  -- Django sets it
    methods = [
        {name for name in ("get", "post", "patch", "delete") if hasattr(view, name)}
        for view in views
    ]
    assert methods == [{"get", "post"}, {"get", "patch", "delete"}, {"post"}, {"post"}]
    assert [view.honours_if_match for view in views] == [False, True, True, True]
    assert [view.paginated for view in views] == [True, True, False, False]
    assert all(issubclass(view, VerbAPIView) for view in views)


def test_without_reading_only_verbs_have_an_address() -> None:
    declare("throw")
    assert [each.name for each in verb_paths(TYPE)] == ["throw"]


def test_two_verbs_of_one_method_cannot_share_an_address() -> None:
    declare("collect", creates=True)
    declare("dig", creates=True)
    with pytest.raises(ValueError, match="pebble_list: two verbs of one method"):
        verb_paths(TYPE)


def test_a_view_that_performs_verbs_already_is_only_extended() -> None:
    class Own(VerbAPIView):
        """The app's own."""

    assert view_of("own", [declare("throw")], Own).__mro__[1] is Own


def test_somebody_says_what_a_verb_answers_with() -> None:
    declare("throw")
    subject.register(dataclasses.replace(PEBBLE, shape=None))
    with pytest.raises(ValueError, match="pebble throw: its subject has no shape"):
        verb_paths(TYPE)
    result = ResultShape(shape=lambda _result, _authority: {})
    subject.register(dataclasses.replace(PEBBLE, shape=None, results={"throw": result}))
    assert [each.name for each in verb_paths(TYPE)] == ["throw"]


def test_addresses_are_filled_with_the_keys_of_the_route() -> None:
    assert address(PEBBLE, "north", 7) == "/api/v1/beaches/north/pebbles/7"
    assert collection_route(PEBBLE) == "beaches/<slug:beach>/pebbles"
    assert collection_route(dataclasses.replace(PEBBLE, route="sea")) == "sea"


def _document() -> dict[str, Any]:
    conf = types.ModuleType("pebble_urls")
    conf.urlpatterns = [path("api/v1/", include(verb_paths(TYPE)))]  # type: ignore[attr-defined]  # Django's name
    found = SchemaGenerator(urlconf=conf).get_schema(public=True)  # type: ignore[no-untyped-call]  # drf-spectacular
    return dict(found)


def test_the_document_says_how_an_input_is_read() -> None:
    declare("throw", given=Throw)
    with GENERATOR_STATS.silence():
        components = _document()["components"]["schemas"]
    at = components["ThrowRequest"]["properties"]["at"]
    assert {"type": "string", "format": "date-time"} in at["anyOf"]
    assert components["ThrowRequest"]["required"] == ["into"]
    assert components["ThrowRequest"]["description"] == "How to throw it."


def test_two_inputs_of_one_name_are_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    declare("throw", given=Throw)
    declare("hurl", given=Throwing)
    _document()
    assert "identical names" in capsys.readouterr().err
