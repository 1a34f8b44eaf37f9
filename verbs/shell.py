"""The door: a verb's declaration, and the durable shell around its function of a locked row.

    tenant → lock → permission → version → state → input → function → `last_act` → commit

One transaction; failure anywhere leaves nothing behind. The row lock closes the race of two callers
who both found the state right: the second waits and finds what the first left. What the function
needs of jq is asked while nothing is locked (`answered_outside`). An offer
(`available_actions`) asks the same `denied` and `refusal` as the shell, so that they agree.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.acting import Authority, authority_behind, authority_of
from ledger import failpoints
from ledger.errors import Conflict, Invalid, NotPermitted, Refusal, Stale
from ledger.record import ActorRef, record
from ledger.tenancy import set_tenant
from verbs import words
from verbs.answered_outside import answered_outside
from verbs.call import Call
from verbs.input import Input, Nothing, read
from verbs.locking_first import First, locking_first
from verbs.move import Moves, change_of
from verbs.operation import Operation
from verbs.subject import COMMON, Locked, Subject, subject_of

Result = TypeVar("Result")
# Why a row's state does not allow a verb; asked with the body, or with None for an offer.
StateRule = Callable[[Any, Any, Mapping[str, Any] | None], Refusal | None]
# Why it is not yet, or no more, for somebody to do this who may do it.
TurnRule = Callable[[Any, Authority], Refusal | None]
failpoints.declare("verb.locked", "verb.moved", "verb.done", "verb.committed")


@dataclasses.dataclass(frozen=True, slots=True)
class VerbContext:
    """Who acts with what authority, what they brought, and what was locked beside the row."""

    authority: Authority
    call: Call
    others: Any = None

    @property
    def by(self) -> ActorRef:
        """The actor as the ledger names it."""
        return self.authority.ref()


@dataclasses.dataclass(frozen=True, slots=True)
class Changed:
    """What a verb's function changed beside the status: columns, and what the entry keeps apart."""

    fields: Sequence[str] = ()
    payloads: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Verb(Generic[Result]):
    """One verb of one kind of thing, declared once; calling it runs the shell.

    `operation` is its row of the lifecycle table; `action` the word of its entry; `input` what it
    is given; `function` what it does to a locked row: with `transitions` it returns `Changed` and
    the shell moves the row, else it does all of it and returns the result. A verb that `creates`
    has no row yet: its function gets None. `state` replaces the question whether the status is one
    of the operation's sources; `turn` is asked after it, where not everybody who may do it may do
    so now. `locked(tenant_id, *key)` replaces the subject's own way to lock, and
    `guard(row, context)` runs between state and input: further checks and locks that the row alone
    cannot tell; what it returns is the context's `others`.

    `route` is its place below its subject's in the API ("": none, then `no_route` says why),
    `method` and `status` its HTTP; `page` False: it has no button, and `no_button` says why.
    `dangerous`: people are asked before it is done. A refusal that is one of `noted` leaves an
    entry `noted_as`, written after the rollback; of one that creates there is no
    row to have it, and `note` records it in that transaction. `again_on` names the unique index
    at which two of them may meet: the second is then tried once more and refused properly.

    A verb that creates is at the collection of its subjects, one of another method than POST at the
    subject itself: neither has its `route` read. Without an Idempotency-Key one that `requires_key`
    is refused (428); one that `requires_digest` is given the text in `If-Match` in place of
    versions, and is refused without. Decisions `of_undo` are about the undo of their subject, and
    are shown beside that. One that is `beside` adds to what stands beside its subject: it is not
    offered among what becomes of the subject itself. One that is `of_oneself` is nobody else's
    business, and open to those who only look.
    """

    subject_type: str
    operation: Operation
    action: str
    input: type[Input] = Nothing
    function: Callable[[Any, Any, VerbContext], Any]
    description: str = ""
    transitions: bool = True
    creates: bool = False
    state: StateRule | None = None
    turn: TurnRule | None = None
    locked: Callable[..., Locked] | None = None
    guard: Callable[[Any, VerbContext], Any] | None = None
    route: str = ""
    no_route: str = ""
    method: str = "POST"
    status: int = 200
    page: bool = True
    no_button: str = ""
    dangerous: bool = False
    noted: tuple[type[Refusal], ...] = ()
    noted_as: str = ""
    note: Callable[[Authority, Refusal], object] | None = None
    again_on: str = ""
    requires_key: bool = False
    requires_digest: bool = False
    of_undo: bool = False
    beside: bool = False
    of_oneself: bool = False

    @property
    def name(self) -> str:
        """The operation's name, as API and pages spell it."""
        return self.operation.name

    @property
    def subject(self) -> Subject:
        """The kind of thing it is about."""
        return subject_of(self.subject_type)

    def __call__(self, *key: Any, call: Call, **body: Any) -> Result:
        """Do it. Raises NotFound, NotPermitted, Stale, Conflict or Invalid, and changes nothing."""
        return self.perform(key, call, body)

    def perform(self, key: Sequence[Any], call: Call, body: Mapping[str, Any]) -> Result:
        """Do it to the subject of `key` with the members of `body`.

        The body is read first, while nobody waits for a lock; what is wrong with it is said in its
        turn, after permission, version and state.
        """
        given, call = self._read(call, body)
        try:
            return self._met(key, call, body, given)
        except self.noted as refusal:
            self._note(key, call, refusal)
            raise

    def denied(self, row: Any, authority: Authority, facts: Any) -> str:
        """Return why somebody may not do this to `row`, as a code; "" when they may."""
        return self.standing(row, authority, facts)[0]

    def standing(self, row: Any, authority: Authority, facts: Any) -> tuple[str, Authority]:
        """Return the same, and the authority by which they may: their own, or that of a substitute
        where their own does not do."""
        if authority.only_looks and self.action and not self.of_oneself:
            # Whatever leaves an entry is a change.
            return "only_looks", authority
        reason = self._standing(self.operation.who, row, authority, facts)
        if reason:
            words_ = [each for each in self.operation.who if each in self.subject.stood_in]
            for other in authority.in_place_of_others() if words_ else ():
                if not self._standing(words_, row, other, facts):
                    return "", other
        return reason, authority

    def _standing(self, who: Sequence[str], row: Any, authority: Authority, facts: Any) -> str:
        reason = ""
        for word in who:
            relation = self.subject.relations.get(word) or COMMON[word]
            found = relation(row, authority, facts)
            if found == "":
                return ""
            reason = reason or found or ""
        return reason or "not_permitted"

    def refusal(self, row: Any, facts: Any, body: Mapping[str, Any] | None) -> Refusal | None:
        """Return why the row's state does not allow it, None when it does."""
        if self.state is not None:
            return self.state(row, facts, body)
        return wrong_state(self.operation, row)

    def out_of_turn(self, row: Any, authority: Authority) -> Refusal | None:
        """Return why its state does not allow it to this person, None when it does."""
        return None if self.turn is None else self.turn(row, authority)

    def _read(self, call: Call, body: Mapping[str, Any]) -> tuple[Input | None, Call]:
        if call.broken is not None:
            return None, call
        try:
            return read(self.input, body), call
        except Invalid as broken:
            return None, dataclasses.replace(call, broken=broken)

    def _met(
        self, key: Sequence[Any], call: Call, body: Mapping[str, Any], given: Input | None
    ) -> Result:
        """Do it, once more where two have met at the index `again_on` names."""
        try:
            return self._durably(key, call, body, given)
        except IntegrityError as error:
            if not self.again_on or self.again_on not in str(error):
                raise
        return self._durably(key, call, body, given)

    def _durably(
        self, key: Sequence[Any], call: Call, body: Mapping[str, Any], given: Input | None
    ) -> Result:
        def attempt(first: First) -> Result:
            return answered_outside(functools.partial(self._once, key, call, body, given, first))

        done = locking_first(attempt)
        failpoints.reach("verb.committed")
        return done

    def _once(
        self,
        key: Sequence[Any],
        call: Call,
        body: Mapping[str, Any],
        given: Input | None,
        first: First,
    ) -> Result:
        with transaction.atomic(durable=True):
            set_tenant(call.by.tenant_id)
            first()
            row, context = self._entered(key, call)
            facts = None if row is None else self.subject.fact(row)
            context = self._check(row, facts, context, body)
            result: Result = self._done(row, given, context)
            failpoints.reach("verb.done")
            if call.last_act is not None:
                call.last_act(result)
        return result

    def _entered(self, key: Sequence[Any], call: Call) -> tuple[Any, VerbContext]:
        if self.creates:
            return None, VerbContext(authority_of(call.by), call)
        lock = self.locked or self.subject.lock
        authority = authority_behind(call.by)
        locked = lock(call.by.tenant_id, *key)
        failpoints.reach("verb.locked")
        return locked.row, VerbContext(authority(), call, locked.others)

    def _permitted(self, row: Any, facts: Any, context: VerbContext) -> VerbContext:
        """Return the context with the authority by which it is done. Raises NotPermitted."""
        denied, authority = self.standing(row, context.authority, facts)
        if denied:
            code = denied if denied in self.subject.telling else None
            raise NotPermitted(words.denial(denied), code=code)
        if authority is context.authority:
            return context
        return dataclasses.replace(context, authority=authority)

    def _check(
        self, row: Any, facts: Any, context: VerbContext, body: Mapping[str, Any]
    ) -> VerbContext:
        context = self._permitted(row, facts, context)
        if context.call.unmet is not None:
            raise context.call.unmet
        if row is not None:
            if self.subject.versioned is not None:
                check_version(self.subject.versioned(row), context.call)
            refused = self.refusal(row, facts, body)
            refused = refused or self.out_of_turn(row, context.authority)
            if refused is not None:
                raise refused
        if self.guard is not None:
            context = dataclasses.replace(context, others=self.guard(row, context))
        if context.call.broken is not None:
            raise context.call.broken
        return context

    def _done(self, row: Any, given: Input | None, context: VerbContext) -> Any:
        if not self.transitions:
            return self.function(row, given, context)
        before = str(row.status)
        changed: Changed = self.function(row, given, context) or Changed()
        getattr(row, self.operation.method)()
        moves = Moves()
        entry = moves.change(
            row, self.action, before=before, by=context.by, fields=changed.fields,
            payloads=changed.payloads,
        )  # fmt: skip
        self.subject.consequence(row, entry, context, moves)
        moves.record()
        failpoints.reach("verb.moved")
        return row

    def _note(self, key: Sequence[Any], call: Call, refusal: Refusal) -> None:
        """Append a REFUSAL entry in a transaction of its own; the row itself does not change."""
        with transaction.atomic(durable=True):
            set_tenant(call.by.tenant_id)
            if self.note is not None:
                self.note(authority_of(call.by), refusal)
                return
            row = self.subject.lock(call.by.tenant_id, *key).row
            status = str(row.status)
            record(
                change_of(
                    row, self.noted_as, before=status, by=authority_of(call.by).ref(),
                    payloads=refusal.noted, kind="REFUSAL",
                    original=None, compensation=None,
                )
            )  # fmt: skip


def check_version(row: Any, call: Call) -> None:
    """Raise Stale when the caller saw another version."""
    if call.versions is None or row.version in call.versions:
        return
    extra = {"current_version": row.version}
    if (status := getattr(row, "status", None)) is not None:
        extra["current_status"] = str(status)
    raise Stale(
        _("It is at version %(n)d now, not the one you saw.") % {"n": row.version}, extra=extra
    )


def wrong_state(operation: Operation, row: Any) -> Refusal | None:
    """Return the Conflict `illegal_state` unless `operation` is possible from the row's status."""
    if operation.sources is None or row.status in operation.sources:
        return None
    said = {
        "verb": operation.name, "statuses": ", ".join(sorted(operation.sources)),
        "status": row.status,
    }  # fmt: skip
    return Conflict(
        _("%(verb)s is possible from %(statuses)s, not from %(status)s.") % said,
        extra={"current_status": str(row.status)},
    )
