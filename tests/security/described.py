"""The API as its own served description says: every operation, and requests made from it.

Requests come from the description alone, by schemathesis: its coverage cases (each rule of the
description kept and broken; the same ones in every run) and some drawn from a fixed seed. They are
aimed: paths lead to things that are there and in the state the operation is for, made by the rows
of the authorisation matrix, and preconditions that would end every request early are true.
"""

from __future__ import annotations

import contextlib
import dataclasses
import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, cast
from unittest import mock

import schemathesis
from django.core.wsgi import get_wsgi_application
from django.test import Client
from django.urls import resolve
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants
from schemathesis import Case as DrawnCase
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.core.parameters import ParameterLocation
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from accounts.actions import create_token
from compensation.models import CompensationPlan
from ledger.tenancy import tenant_scope
from tests import casework
from tests.security.matrix import Row, written
from tests.world import World

PEOPLE = ("analyst", "operator", "auditor")
# Of each kind, valid and broken, beside the coverage cases.
_DRAWN = 5
# Sent however late it is: no operation is left out.
_ALWAYS = 5
# Things made anew for one conversation, after a request was enough for the one before.
_MADE = 6
# Of so many requests one keeps the version and the cursor that were drawn for it.
_KEPT = 8
# What no description can say of a valid request, because it depends on what there is: these answers
# (422) to one are no finding. Every other refusal of a valid request is.
_ONLY_NOW = frozenset(
    {
        "unknown",  # nobody, or nothing, has this name
        "unknown_capability",
        "unsupported",  # this capability, or this kind of scope, does not know it
        "invalid_cursor",  # opaque: only a list gives them out
        "definition_invalid",  # a definition is a language of its own
        "overflow",  # JSON Schema compares no moments
        "past",  # nor with now
        "too_late",  # nor with a year from now
        "name_taken",  # one keeps another of this name
        "unchanged",  # it is so already
        "forbidden_type",  # what a file may be is told from its name and how its bytes begin
        "base64",
        "empty",
        "itself",  # nothing is related to itself
        "too_many",  # there is room for no more
        "excluded",  # this one may not have it
        "only_looks",  # an auditor
        "repeated",  # the same id, once in capitals
        "too_short",  # a name that would stand in half of all texts
        "blank",  # which characters show is known to Unicode, not to patterns
        "required",  # needed only beside another member's value
        "unknown_step",
        "too_old",  # JSON Schema compares no moments with now
        "future",
        "reserved",  # a type of our own news
        "filter_invalid",  # jq is a language of its own
        "condition_invalid",  # the same, where an outcome has one
        "not_applicable",  # beside what is said of another member
        "policies_too_slow",  # how long those of the organisation take
        "nul",  # in a value of any shape; where a text is asked for, its pattern says it
    }
)
# Members whose value is refused because of what else is said or there, and days, which no schema
# compares either.
_ONLY_HERE = frozenset(
    {
        ("/executions/{id}/outcome", "/output"),
        # What is required of it is what the named definition declares.
        ("/cases", "/context"),
        ("/work-items", "/compensation/capability"),
        ("/work-items", "/compensation/self_undo"),
        ("/work-items/{id}/compensate", "/mode"),
        # What a value may be depends on the shape that is said beside it.
        ("/work-items/{id}/progress", "/value"),
        ("/work-items/{id}/progress", "/value/total"),
        # No larger than the other size, where both are said.
        ("/ledger/consistency", "first"),
        ("/ledger/entries", "since"),
        ("/ledger/entries", "until"),
        ("/ledger/report", "since"),
        ("/ledger/report", "until"),
        # One of them at least is said: a description of parameters says of each by itself.
        ("/ledger/report", "subject"),
    }
)
_BASE = "/api/v1"
# Where the matrix asks for something else on purpose.
_BODIES = {
    f"POST {_BASE}/cases": {"definition": "examples/loan-approval", "context": casework.CONTEXT}
}

# Generic over parts that are not public.
Operation = Any
Case = DrawnCase[Any]


def _configured() -> schemathesis.Config:
    """All checks, with what is different here by design.

    Two look at chains of requests and find none here: `use_after_free`, because nothing is deleted,
    and `ensure_resource_availability`, whose place `Conversation` takes by going where each 201
    says that the new thing is.
    """
    config = schemathesis.Config()
    checks = config.projects.default.checks
    # Preconditions are checked before input: a version that was drawn is a stale one.
    for check in (checks.positive_data_acceptance, checks.negative_data_rejection):
        check.expected_statuses = [*check.expected_statuses, "412"]
    # RFC 6585: without If-Match or Idempotency-Key, where they are required, 428.
    missing = checks.missing_required_header
    missing.expected_statuses = [*missing.expected_statuses, "428"]
    return config


SCHEMA = schemathesis.openapi.from_wsgi(
    f"{_BASE}/schema/?format=json", get_wsgi_application(), config=_configured()
)
OPERATIONS: dict[str, Operation] = {
    # An operation that cannot be read has no `ok`.
    found.label: found
    for found in (cast("Any", each).ok() for each in SCHEMA.get_all_operations())
}
_ROWS = written()


class Allowance:
    """The seconds that all conversations together may take; what one leaves the next may use.

    Where several processes share the conversations, each has the same seconds for its part.
    """

    def __init__(self, total: float, *, conversations: int, processes: int) -> None:
        self._each = total * 0.9 / conversations * processes
        self._left = total * 0.1

    def share(self) -> float:
        """Return what one more conversation may take at most."""
        self._left += self._each
        return max(0.0, self._left)

    def took(self, seconds: float) -> None:
        """Note what it took."""
        self._left -= seconds


@dataclasses.dataclass
class Conversation:
    """One person tries one operation, until the cases or the seconds are used up."""

    world: World
    who: str
    operation: Operation
    seconds: float
    found: dict[str, str] = dataclasses.field(default_factory=dict)
    answers: Counter[int] = dataclasses.field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._began = time.monotonic()
        self._headers = {"Authorization": f"Bearer {create_token(self.world.of(self.who))}"}
        self._sent = self._made = 0
        self._worn = True
        self._target: dict[str, Any] = {}
        self._excluded: list[Any] = []

    @property
    def took(self) -> float:
        """How many seconds it has lasted."""
        return time.monotonic() - self._began

    @property
    def _over(self) -> bool:
        return self._sent >= _ALWAYS and self.took > self.seconds

    def hold(self) -> None:
        """Send what there is to send; `found` holds the first finding of each kind."""
        self._send(self._written())
        for mode in GenerationMode:
            if not self._over:
                _drawn(self.operation, mode, self._send)
        for case in () if self._over else _coverage(self.operation):
            self._send(case)

    def _written(self) -> Case:
        """Return the request that the matrix's row holds: one that is done, for whom it is for."""
        method = self.operation.method.upper()
        row = row_of(self.operation)
        target = self._thing() if self.operation.path_parameters else {}
        case = self.operation.Case(path_parameters=dict(target))
        expected = row.expectation(method)
        if method != "GET" and expected is not None:
            body = expected.body(self.world, target) if callable(expected.body) else expected.body
            case.body = _BODIES.get(self.operation.label, body)
            case.media_type = "application/json"
            self._match(case)
        return cast("Case", case)

    def _send(self, case: Case) -> None:
        if self._over:
            return
        self._aim(case)
        self._sent += 1
        response = case.call(headers=self._headers)
        self.answers[response.status_code] += 1
        if "idempotency-replayed" in response.headers:
            # The first answer to this key, whatever this request says besides the body.
            return
        happened = 200 <= response.status_code < 300
        self._worn = self._worn or (happened and case.method != "GET")
        excluded = [*self._excluded]
        if _depends_on_what_there_is(case, response):
            excluded.append(positive_data_acceptance)
        try:
            case.validate_response(response, headers=self._headers, excluded_checks=excluded)
        except FailureGroup as group:
            for failure in group.exceptions:
                kind = f"{type(failure).__name__} {response.status_code} {failure}"
                self.found.setdefault(kind[:200], str(group))
        self._follow(response)
        if happened:
            # Of one operation, to be asked once who one is says enough.
            self._excluded = [ignored_auth]

    def _follow(self, response: Response) -> None:
        for place in response.headers.get("location", ()):
            there = Client(headers=self._headers).get(place).status_code
            if there != 200:
                self.found.setdefault("Location", f"{place} was just made; GET answers {there}")

    def _aim(self, case: Case) -> None:
        meta = case.meta
        if meta is None:
            return
        drawn = self._sent % _KEPT == 0
        if case.path_parameters and not meta.is_negative_at(ParameterLocation.PATH):
            case.path_parameters = {**case.path_parameters, **self._thing()}
        if not meta.is_negative_at(ParameterLocation.HEADER):
            if "Idempotency-Key" in case.headers:
                case.headers["Idempotency-Key"] = str(uuid.uuid4())
            if "If-Match" in case.headers and not drawn:
                self._match(case)
        if case.query and not meta.is_negative_at(ParameterLocation.QUERY) and not drawn:
            case.query.pop("cursor", None)

    def _match(self, case: Case) -> None:
        if case.path == f"{_BASE}/compensation-plans/{{id}}/execute":
            with tenant_scope(self.world.operator.tenant_id):
                plan = CompensationPlan.objects.get(id=self._thing()["id"])
            case.headers["If-Match"] = f'"{plan.digest}"'
            case.headers["Idempotency-Key"] = str(uuid.uuid4())
        else:
            case.headers.pop("If-Match", None)

    def _thing(self) -> dict[str, Any]:
        if self._worn and self._made < _MADE:
            made = row_of(self.operation).make(self.world)
            self._target = {name: str(value) for name, value in made.items()}
            self._made += 1
            self._worn = False
        return self._target


def row_of(operation: Operation) -> Row:
    """Return the matrix's row of the address of an operation."""
    names = {each.name for each in operation.path_parameters}
    path = operation.path.format(
        **{name: "1" if name == "n" else uuid.UUID(int=0) for name in names}
    )
    return _ROWS[resolve(path).view_name]


@contextlib.contextmanager
def _the_same_in_every_run() -> Iterator[None]:
    """Hypothesis mixes in what stands as a constant in the modules that are loaded. Which those are
    depends on the tests before, and what is drawn would be another in every run."""
    with mock.patch.object(providers, "_get_local_constants", Constants):
        providers.CONSTANTS_CACHE.cache.clear()
        yield


def _coverage(operation: Operation) -> Iterator[Case]:
    with _the_same_in_every_run():
        cases = list(
            operation.schema.iter_coverage_cases(
                operation,
                generation_modes=list(GenerationMode),
                generation_config=operation.schema.config.generation,
            )
        )
    # So that a cut takes something of every kind.
    random.Random(operation.label).shuffle(cases)  # noqa: S311  -- no secret
    yield from cases


def _drawn(operation: Operation, mode: GenerationMode, send: Callable[[Case], None]) -> None:
    @settings(
        max_examples=_DRAWN,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def each(case: Case) -> None:
        send(case)

    with _the_same_in_every_run():
        each()


def _depends_on_what_there_is(case: Case, response: Response) -> bool:
    """Whether a refusal (422) of a request is one that only the present state explains."""
    if response.status_code != 422:
        return False
    problem = response.json()
    path = case.path.removeprefix(_BASE)
    return (
        all(
            each["code"] in _ONLY_NOW or (path, each["pointer"]) in _ONLY_HERE
            for each in problem["errors"] or [{"code": problem["code"], "pointer": ""}]
        )
        or problem["code"] in _ONLY_NOW
    )
