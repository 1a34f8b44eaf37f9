"""The REST API of verbs, made from their declarations: addresses, OpenAPI, and the one view.

An app gives its own views of reading (`collection`, `detail`); the verbs that share their
addresses (creating, PATCH, DELETE) are put beside their GET.
"""

from __future__ import annotations

import dataclasses
import re
import types
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, cast

from django.db import IntegrityError
from django.urls import URLPattern, path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from typing_extensions import override

from json_values.pointers import FieldError
from ledger.errors import Conflict, Invalid, NotPermitted, PreconditionRequired, Refusal, Stale
from verbs import catalogue
from verbs.body_size import LEAST, largest_body
from verbs.call import Call
from verbs.input import Nothing, invalid
from verbs.shell import Verb
from verbs.subject import Subject, subject_of
from web import etag, idempotency
from web.api import TenantAPIView
from web.idempotency import Answer, Key, KeyTaken

API_ROOT = "/api/v1/"
_KEY = re.compile(r"<[^>]+>")
_NO_OBJECT = FieldError("", "The body must be an object.", "invalid")


class VerbAPIView(TenantAPIView):
    """A view that performs verbs of the catalogue. It holds no rule of any of them.

    `verbs` are those that it performs itself, by method in lower case.
    """

    verbs: ClassVar[Mapping[str, Verb[Any]]] = {}

    @classmethod
    @override
    def largest_body(cls, method: str) -> int:
        """Return how many bytes the verb of a method can use."""
        verb = cls.verbs.get(method.lower())
        return LEAST if verb is None else largest_body(verb.input)

    def perform(self, verb: Verb[Any], *key: Any) -> Response:
        """Perform a verb on the subject of `key` with the body that was sent, and answer.

        A repeated Idempotency-Key gets the first answer again. A refusal because of right, version
        or state says what may be done instead.
        """
        body = self.sent()
        once, broken = self._key_for(body)
        if once is not None and (first := once.first_answer()) is not None:
            return first.response(replayed=True)
        answer: Answer | None = None

        def answered(result: Any) -> None:
            nonlocal answer
            answer = self._answer_of(verb, key, result)
            if once is not None:
                once.keep(_without_secrets(verb, answer))

        unmet = self._unmet(verb, has_key=once is not None or broken is not None)
        call = Call(
            self.acting_user,
            versions=None if verb.requires_digest else etag.allowed_versions(self.request),
            digest=etag.named_digests(self.request) if verb.requires_digest else None,
            broken=broken or broken_body(body),
            unmet=unmet,
            last_act=answered,
        )
        try:
            verb.perform(key, call, body if isinstance(body, Mapping) else {})
        except (Refusal, IntegrityError, KeyTaken) as error:
            # A twin of this request may have won the race: its answer is ours too.
            if once is not None and (first := once.first_answer()) is not None:
                return first.response(replayed=True)
            if isinstance(error, Conflict | NotPermitted | Stale):
                self._say_what_is_possible(verb, key, error)
            raise
        return cast("Answer", answer).response()

    def _key_for(self, body: Any) -> tuple[Key | None, Invalid | None]:
        """Return the Idempotency-Key, or what is wrong with it."""
        read = None if isinstance(body, Invalid) else body
        try:
            return idempotency.key_of(self.request, self.acting_user, read), None
        except Invalid as error:
            return None, error

    def _unmet(self, verb: Verb[Any], *, has_key: bool) -> PreconditionRequired | None:
        if verb.requires_key and not has_key:
            return PreconditionRequired(
                f"Send an {idempotency.HEADER}, so that a repeated request has one effect.",
                code="idempotency_key_required",
            )
        if verb.requires_digest and etag.named_digests(self.request) is None:
            return PreconditionRequired("Send the digest of what you have seen, in If-Match.")
        return None

    def _answer_of(self, verb: Verb[Any], key: Sequence[Any], result: Any) -> Answer:
        """Return the answer in plain JSON values. Runs in the verb's transaction."""
        subject, own = verb.subject, verb.subject.results.get(verb.name)
        status, version, place = verb.status, getattr(result, "version", None), None
        if own is not None:
            body, version = own.shape(result, self.authority), own.tag(result)
            status = (own.status(result) if own.status else None) or status
            place = own.place(result) if own.place else None
        elif subject.shape is not None:
            [body] = subject.shape([result], self.authority)
            place = address(subject, *key, result.pk) if verb.creates else None
        else:
            raise TypeError(f"{verb.subject_type} has no shape to answer with")
        headers = {} if version is None else {"ETag": etag.tag(version)}
        if place is not None:
            headers["Location"] = place
        return Answer(status, idempotency.plain(body), headers)

    def _say_what_is_possible(self, verb: Verb[Any], key: Sequence[Any], refusal: Refusal) -> None:
        if verb.creates or not key or not isinstance(key[0], uuid.UUID):
            return
        subject = verb.subject
        with self.scope():
            row = subject.read_many(self.acting_user.tenant_id, [key[0]]).get(key[0])
            if row is None:
                return
            offers = catalogue.offers_of(subject, [row], self.authority)[row.pk]
        if (status := getattr(row, "status", None)) is not None:
            refusal.extra.setdefault("current_status", str(status))
        refusal.extra.setdefault("available_actions", catalogue.offers_json(offers))


def _without_secrets(verb: Verb[Any], answer: Answer) -> Answer:
    """Return an answer as it may be kept, to be given again."""
    own = verb.subject.results.get(verb.name)
    hidden = dict.fromkeys(own.secret) if own is not None else {}
    return dataclasses.replace(answer, body={**answer.body, **hidden}) if hidden else answer


def verb_paths(
    subject_type: str,
    *,
    collection: type[TenantAPIView] | None = None,
    detail: type[TenantAPIView] | None = None,
    beside: Mapping[str, type[TenantAPIView]] = types.MappingProxyType({}),
) -> list[URLPattern]:
    """Return the addresses of a kind of thing below the API's root, named by the verbs.

    `list` is the collection, `detail` one thing: there are the app's own views of reading together
    with the verbs that share their addresses; `beside` are those at the routes of verbs. Raises
    ValueError for two verbs at one place, and for a verb that nobody says the answer of. `no_route`
    keeps out what would have its own.
    """
    subject = subject_of(subject_type)
    served = [
        each
        for each in catalogue.verbs_of(subject_type)
        if not each.no_route or each.method != "POST"
    ]
    for each in served:
        if subject.shape is None and each.name not in subject.results:
            raise ValueError(f"{subject_type} {each.name}: its subject has no shape to answer with")
    at_collection = [each for each in served if each.creates]
    at_one = [each for each in served if not each.creates and each.method != "POST"]
    paths = []
    if collection is not None or at_collection:
        view = view_of(f"{subject_type}_list", at_collection, collection)
        paths.append(path(collection_route(subject), view.as_view(), name="list"))
    if detail is not None or at_one:
        view = view_of(f"{subject_type}_detail", at_one, detail)
        paths.append(path(subject.route, view.as_view(), name="detail"))
    for each in served:
        if each.creates or each.method != "POST":
            continue
        reads = beside.get(each.route)
        view = view_of(f"{subject_type}_{each.operation.method}", [each], reads)
        name = each.route.rpartition("/")[2]
        paths.append(path(f"{subject.route}/{each.route}", view.as_view(), name=name))
    return paths


def view_of(
    name: str, verbs: Sequence[Verb[Any]], base: type[TenantAPIView] | None = None
) -> type[VerbAPIView]:
    """Return the view of some verbs at one address, each by its method, beside what `base` reads.

    Raises ValueError for two verbs of one method.
    """
    by_method = {each.method.lower(): each for each in verbs}
    if len(by_method) < len(verbs):
        raise ValueError(f"{name}: two verbs of one method share an address")
    members: dict[str, Any] = {method: _handler(each) for method, each in by_method.items()}
    members["verbs"] = by_method
    if verbs:
        members["honours_if_match"] = not any(
            each.creates or each.requires_digest or each.subject.versioned is None for each in verbs
        )
        members["requires_if_match"] = any(each.requires_digest for each in verbs)
        members["requires_key"] = any(each.requires_key for each in verbs)
        members["__doc__"] = base.__doc__ if base is not None else verbs[0].description
    bases = (VerbAPIView,) if base is None else (VerbAPIView, base)
    if base is not None and issubclass(base, VerbAPIView):
        bases = (base,)
    return cast("type[VerbAPIView]", type(name.title().replace("_", ""), bases, members))


def collection_route(subject: Subject) -> str:
    """Return where all of a kind are: the route of one without its last key."""
    before, _, last = subject.route.rpartition("/")
    return before if _KEY.fullmatch(last) else subject.route


def address(subject: Subject, *key: Any) -> str:
    """Return where one thing is in the API, by the keys of its route."""
    keys = iter(key)
    return API_ROOT + _KEY.sub(lambda _found: str(next(keys)), subject.route)


def broken_body(body: Any) -> Invalid | None:
    """Return why a body is none to work with."""
    if isinstance(body, Invalid):
        return body
    return None if isinstance(body, Mapping) else invalid([_NO_OBJECT])


def _handler(verb: Verb[Any]) -> Callable[..., Response]:
    def handle(self: VerbAPIView, request: Request, **key: Any) -> Response:  # noqa: ARG001  -- DRF's
        return self.perform(verb, *key.values())

    handle.__doc__ = verb.description
    own = verb.subject.results.get(verb.name)
    schema = verb.subject.schema if own is None else own.schema
    also = {} if own is None else own.also
    described = extend_schema(
        request=None if verb.input is Nothing else verb.input,
        responses={verb.status: OpenApiTypes.OBJECT if schema is None else schema, **also},
        description=verb.description,
    )
    return cast("Callable[..., Response]", described(handle))
