"""One verb on many things: each in a transaction of its own, and with a result of its own.

Nothing is all or nothing here (WS-HumanTask 1.1 §7.1.4, batch operations): what one of them is
refused for concerns no other. Killed in the middle, those before are done and those after are not;
so it is where the database stops answering, which those after are answered with. Asked again, those
that are done are refused for their state, and say so.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, cast

from django.db import transaction
from django.urls import URLPattern, path
from drf_spectacular.utils import extend_schema
from pydantic import Field, create_model
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from json_values.pointers import FieldError
from ledger.errors import Conflict
from ledger.tenancy import set_tenant
from verbs import catalogue
from verbs.call import Call
from verbs.input import Id, invalid, read
from verbs.shell import Verb
from verbs.subject import subject_of
from web.idempotency import Answer, Key, KeyTaken
from web.one_by_one import MAY_PASS, Results, one_by_one
from web.problems import Problem, of_refusal, problem_of
from web.schema import FieldErrorSchema
from web.verb_api import VerbAPIView, broken_body, collection_route

MOST = 100


_Ids = Annotated[
    list[Id],
    Field(
        min_length=1,
        max_length=MOST,
        description="At most 100, each once.",
        json_schema_extra={"uniqueItems": True},
    ),
]


class BulkResultSchema(serializers.Serializer[Any]):
    """What became of one of them."""

    id = serializers.UUIDField()
    status = serializers.IntegerField(help_text="What it would have been answered with alone.")
    version = serializers.IntegerField(allow_null=True, help_text="Its version then, when done.")
    code = serializers.CharField(allow_null=True, help_text="Why not.")
    detail = serializers.CharField(allow_null=True)
    errors = FieldErrorSchema(many=True)  # type: ignore[assignment]  # a field takes this name's place


class BulkAnswerSchema(serializers.Serializer[Any]):
    """A result for each, in the order asked."""

    results = BulkResultSchema(many=True)


class BulkAPIView(VerbAPIView):
    """A verb on many things of a kind."""

    verb: ClassVar[Verb[Any]]

    def do(self) -> Response:
        """Do it to each, and answer. A repeated Idempotency-Key gets the first answer again."""
        body = self.sent()
        once, broken = self._key_for(body)
        if once is not None and (first := once.first_answer()) is not None:
            return first.response(replayed=True)
        if broken or (broken := broken_body(body)):
            raise broken
        ids = self._ids(body)
        rest = {name: value for name, value in body.items() if name != "ids"}
        results = one_by_one(
            ids, lambda id_: self.verb.perform([id_], Call(self.acting_user), rest).version
        )
        answer = Answer(200, {"results": [self._said(each, results) for each in ids]}, {})
        # What was not tried is tried when it is asked again, with the same key too.
        if once is None or results.left:
            return answer.response()
        return self._kept(once, answer)

    def _kept(self, once: Key, answer: Answer) -> Response:
        try:
            with transaction.atomic(durable=True):
                set_tenant(self.acting_user.tenant_id)
                once.keep(answer)
        except KeyTaken:
            if (first := once.first_answer()) is not None:
                return first.response(replayed=True)
            raise Conflict("Another request with this key is under way.") from None
        except MAY_PASS as error:
            # It is done all the same, and asked again each says so.
            if problem_of(error) is None:
                raise
        return answer.response()

    def _ids(self, body: Mapping[str, Any]) -> Sequence[uuid.UUID]:
        """Return whom it is about. Raises Invalid, also for what the verb itself would refuse."""
        given = cast("Any", read(self.verbs["post"].input, body))
        ids = [uuid.UUID(each) for each in given.ids]
        twice = [index for index, each in enumerate(ids) if each in ids[:index]]
        if twice:
            raise invalid([FieldError(f"/ids/{n}", "is named twice", "repeated") for n in twice])
        return ids

    def _said(self, id_: uuid.UUID, results: Results[uuid.UUID, int]) -> dict[str, Any]:
        result: dict[str, Any] = {
            "id": str(id_),
            "version": None,
            "code": None,
            "detail": None,
            "errors": [],
        }
        if id_ in results.done:
            return {**result, "status": self.verb.status, "version": results.done[id_]}
        refusal = results.refused.get(id_)
        problem = cast("Problem", results.trouble) if refusal is None else of_refusal(refusal)
        return {
            **result, "status": problem.status, "code": problem.code, "detail": problem.detail,
            "errors": [each.to_json() for each in problem.errors],
        }  # fmt: skip


def bulk_paths(subject_type: str, names: Sequence[str]) -> list[URLPattern]:
    """Return the addresses of verbs on many things of a kind, `bulk/<verb>` below all of them."""
    root = collection_route(subject_of(subject_type))
    return [
        path(f"{root}/bulk/{name}", _view_of(subject_type, name).as_view(), name=f"bulk-{name}")
        for name in names
    ]


def _view_of(subject_type: str, name: str) -> type[BulkAPIView]:
    verb = catalogue.find(subject_type, name)
    model = create_model(
        f"Bulk{verb.input.__name__}{name.title()}", __base__=verb.input, ids=(_Ids, ...)
    )

    def post(self: BulkAPIView, request: Request) -> Response:  # noqa: ARG001  -- DRF's
        return self.do()

    post.__doc__ = f"{verb.description.splitlines()[0]} Many at once, each with its own result."
    described = extend_schema(request=model, responses=BulkAnswerSchema, description=post.__doc__)
    members = {
        "verb": verb,
        # The same with the ids in its input: what is sent here.
        "verbs": {"post": dataclasses.replace(verb, input=model)},
        "post": described(post),
        "__doc__": post.__doc__,
    }
    return type(
        f"Bulk{subject_type.title().replace('_', '')}{name.title()}", (BulkAPIView,), members
    )
