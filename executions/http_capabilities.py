"""Capabilities of other programs, called by HTTP: how they are asked, and what their answers mean.

A call is signed and carries the idempotency key, so that it may be made again. Only what the other
side says of its effect is believed: whatever else comes back, or does not, leaves it unknown
(docs/adr/0025).
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeGuard
from urllib.parse import quote, urljoin

from django.conf import settings
from typing_extensions import Unpack

from egress import signing
from egress.addresses import Refused, networks, port_of, refusal, split
from egress.calls import Answer, Limits, NotSent, TooLarge, call
from executions.capability_registry import Declared, declare, register
from executions.handler_contract import Failed, Invocation, Later, NotDone, Result, Unusable
from json_values.json_schema import problems
from json_values.pointers import shortened
from json_values.reader import loads

#: What another program answers about something that it has done under this key before.
ALREADY_DONE = (409, 410)
_DONE = frozenset({200, 201, 204})
_ACCEPTED, _NO_EFFECT = 202, 422
_TRY_LATER = frozenset({408, 425, 429})
# The request was not handled here, and is to be made elsewhere; of the other redirects that is not
# sure: a form, too, is answered with one when it has been taken in.
_ELSEWHERE = frozenset({307, 308})
_REDIRECTS, _CLIENT_FAULTS, _SERVER_FAULTS = 300, 400, 500
_MOST_TOLD = 500
# An attempt may ask for the status, call, ask what was done already, and ask once more.
_CALLS_AN_ATTEMPT = 4
_SECONDS = re.compile("[0-9]{1,6}")
_QUERY = re.compile(r"[?#].*", re.DOTALL)


class Unclear(Exception):
    """Nobody can say from this answer what became of the call."""


@dataclasses.dataclass(frozen=True, slots=True)
class Target:
    """Where another program is asked, how such a request is signed, and how it answers.

    `name` is the capability's: it is signed too, so that a call of one is none of another.
    `status_url` is asked what became of a call; `{key}` in it stands for the idempotency key.
    `images`: the answer is an object of `output`, `before` and `after`, not the output alone.
    `authorization` is what its header says, where the signature is not enough.
    """

    name: str
    url: str
    keys: tuple[bytes, ...]
    status_url: str = ""
    already_done: frozenset[int] = frozenset(ALREADY_DONE)
    images: bool = False
    authorization: str = ""
    limits: Limits = Limits()  # noqa: RUF009  -- frozen
    output_schema: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def http_capability(
    name: str,
    url: str,
    *,
    secret_env: str,
    status_url: str = "",
    sandbox_url: str = "",
    authorization_env: str = "",
    already_done: tuple[int, ...] = ALREADY_DONE,
    images: bool = False,
    limits: Limits = Limits(),  # noqa: B008  -- frozen
    **declared: Unpack[Declared],
) -> None:
    """Register a capability that another program has.

    `secret_env` and `authorization_env` name variables of the environment; `sandbox_url` is where
    its undo is tried. The rest is as for `Target` and `capability`. Raises ValueError for an
    address that is none, and a secret that is not there or not of its form.
    """
    target = Target(
        name=name,
        url=url,
        keys=_secrets(name, secret_env),
        status_url=status_url,
        already_done=frozenset(already_done),
        images=images,
        authorization=_variable(name, authorization_env) if authorization_env else "",
        limits=limits,
        output_schema=declared.get("output_schema") or {},
    )
    for each in filter(None, (url, status_url.replace("{key}", "k"), sandbox_url)):
        try:
            split(each)
        except Refused as refused:
            raise ValueError(f"{name}: {refused}") from refused
    made: Declared = {
        "max_seconds": int(_CALLS_AN_ATTEMPT * limits.whole) + 10,
        **declared,
        "later": lambda call: _asked(target, call, call.ask),
    }
    if status_url:
        made["status"] = lambda call: _status(target, call)
    if sandbox_url:
        made["sandbox"] = _handler(dataclasses.replace(target, url=sandbox_url, status_url=""))
    register(declare(name, _handler(target), "http", made))


def _variable(name: str, variable: str) -> str:
    found = os.environ.get(variable, "")
    plain = found.isascii() and found.isprintable() and found == found.strip()
    if not found or not plain:
        raise ValueError(
            f"{name}: {variable} must be set in the environment, in plain characters, without"
            " blanks around"
        )
    return found


def _secrets(name: str, variable: str) -> tuple[bytes, ...]:
    given = _variable(name, variable)
    try:
        return signing.secrets(given)
    except ValueError as error:
        raise ValueError(f"{name}: {variable} {error}") from error


def _handler(target: Target) -> Callable[[Invocation], Result | Later]:
    def ask(call: Invocation) -> Result | Later:
        try:
            answer = _request(target, "POST", target.url, call, _body(target, call))
        except Refused as refused:
            raise NotDone(refused.detail, permanent=True) from refused
        except NotSent as error:
            raise NotDone(str(error)) from error
        except TooLarge as error:
            raise Unusable(str(error)) from error
        return _meaning(target, call, answer)

    return ask


def _meaning(target: Target, call: Invocation, answer: Answer) -> Result | Later:
    """Return what the answer to a call says; raise what it says of the effect otherwise."""
    status = answer.status
    if status in _DONE:
        return _result(target, answer)
    if status == _ACCEPTED:
        return _later(target, answer, _status_url(target, call))
    if status in target.already_done:
        return _done_before(target, call, answer)
    if status < _REDIRECTS:
        raise Unusable(f"it answered {status}, which does not say whether it was done")
    if status < _CLIENT_FAULTS:
        raise _redirected(target, answer)
    said = f"it answered {status}{_told(answer)}"
    if status < _SERVER_FAULTS:
        raise NotDone(said, permanent=status not in _TRY_LATER)
    raise Unclear(said)


def _redirected(target: Target, answer: Answer) -> Exception:
    """Return what a redirect means. It is not followed, and named where it may not be called."""
    where = _joined(target, answer.headers.get("location", ""))
    said = f"it answered {answer.status}, a redirect to {_told_address(where)!r}: "
    why = refusal(where, _allowed(), target.limits.connect)
    said += f"refused, {why}" if why else "not followed"
    if answer.status in _ELSEWHERE:
        return NotDone(said, permanent=True)
    return Unusable(said)


def _joined(target: Target, where: str) -> str:
    """Return the address that an answer names, in full; as it is where that is none."""
    try:
        return urljoin(target.url, where)
    except ValueError:
        return where


def _told_address(address: str) -> str:
    """Return an address as people may read it: what stands in its query may be a secret."""
    return shortened(_QUERY.sub("?…", address), _MOST_TOLD)


def _result(target: Target, answer: Answer) -> Result:
    """Read a result. Raises Unclear for what is none."""
    try:
        read = loads(answer.body) if answer.body.strip() else {}
    except (ValueError, RecursionError) as error:
        raise Unclear(f"its answer cannot be read: {error}") from error
    if not isinstance(read, dict):
        raise Unclear("its answer is no JSON object")
    if not target.images:
        return Result(read)
    output, before, after = (read.get(name) for name in ("output", "before", "after"))
    if not all(each is None or isinstance(each, dict) for each in (output, before, after)):
        raise Unclear("its answer is no object of output, before and after")
    return Result(output or {}, before, after)


def _later(target: Target, answer: Answer, usual: str) -> Later:
    """Read where to ask for the result, `usual` where nothing is said. It has to be where the call
    went: another program must not make us ask a third one, in our name."""
    where = answer.headers.get("location") or _said_status_url(answer) or usual
    if not where:
        raise Unclear("it accepted the call, and did not say where to ask for the result")
    address = _joined(target, where)
    if not _is_ours(target, address):
        told = _told_address(address)
        raise Unclear(
            f"it accepted the call, and says to ask elsewhere, which is refused: {told!r}"
        )
    wait = answer.headers.get("retry-after", "")
    return Later(address, float(wait) if _SECONDS.fullmatch(wait) else None)


def _said_status_url(answer: Answer) -> str:
    try:
        read = loads(answer.body)
    except (ValueError, RecursionError):
        return ""
    named = read.get("status_url") if isinstance(read, dict) else ""
    return named if isinstance(named, str) else ""


def _is_ours(target: Target, address: str) -> bool:
    """Whether an address lies where this target, or its status, is asked."""
    origins = {_origin(each) for each in (target.url, target.status_url) if each}
    try:
        return _origin(address) in origins
    except Refused:
        return False


def _origin(url: str) -> tuple[str, str | None, int]:
    parts = split(url.replace("{key}", "k"))
    return parts.scheme, parts.hostname, port_of(parts)


def _done_before(target: Target, call: Invocation, answer: Answer) -> Result | Later:
    """Return the result of what was done before under this key: as it says, or as its status says
    (which may be: not ready), or none where none is needed. Raises Unusable or Unclear where it
    remains unknown."""
    said = f"it answered {answer.status}, done already"
    silence: Unclear | None = None
    try:
        is_fault = "problem" in answer.headers.get("content-type", "")
        found: Result | Later | None = None if is_fault else _result(target, answer)
    except Unclear:
        found = None
    if not _fits(found, target) and target.status_url:
        try:
            found = _status(target, call)
        except Failed as fault:
            raise Unusable(f"{said}, and its status says that there is no effect") from fault
        except Unclear as unclear:
            silence = unclear
    if isinstance(found, Later):
        return found
    if _fits(found, target):
        return found
    if not problems(target.output_schema, {}, ""):
        return Result({})
    raise silence or Unusable(f"{said}, without a result that fits")


def _fits(found: Result | Later | None, target: Target) -> TypeGuard[Result]:
    return isinstance(found, Result) and not problems(target.output_schema, found.output, "")


def _status_url(target: Target, call: Invocation) -> str:
    return target.status_url.replace("{key}", quote(call.idempotency_key, safe=""))


def _status(target: Target, call: Invocation) -> Result | Later | None:
    return _asked(target, call, _status_url(target, call))


def _asked(target: Target, call: Invocation, address: str) -> Result | Later | None:
    """Ask what became of a call. Only a result, "not yet" and "no effect" are answers."""
    if not _is_ours(target, address):
        told, ours = _told_address(address), _told_address(target.url)
        raise Unclear(f"{told!r} is not where {ours!r} is asked")
    answer = _request(target, "GET", address, call, b"")
    if answer.status in _DONE:
        return _result(target, answer)
    if answer.status == _ACCEPTED:
        return _later(target, answer, address)
    if answer.status == _NO_EFFECT:
        raise Failed(f"it says that there is no effect{_told(answer)}")
    raise Unclear(f"asked what became of it, it answered {answer.status}{_told(answer)}")


def _told(answer: Answer) -> str:
    """Return what a fault says of itself, as people may read it."""
    try:
        read = loads(answer.body)
    except (ValueError, RecursionError):
        return ""
    said = read if isinstance(read, dict) else {}
    found = next((said[name] for name in ("detail", "title", "error") if said.get(name)), "")
    return f": {shortened(found, _MOST_TOLD)}" if isinstance(found, str) and found else ""


def _allowed() -> Any:
    return networks(settings.AMENDS_EGRESS_ALLOW)


def _request(target: Target, method: str, url: str, call_: Invocation, body: bytes) -> Answer:
    key = call_.idempotency_key
    named = {
        "Idempotency-Key": key,
        "Amends-Execution": call_.execution_id,
        "Amends-Attempt": call_.attempt,
        "Amends-Correlation-Id": call_.correlation_id,
        "Amends-Causation-Id": call_.causation_id,
        "Amends-Actor": call_.actor,
        "Amends-On-Behalf-Of": call_.on_behalf_of,
        "Authorization": target.authorization or None,
    }
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json, application/problem+json",
        "User-Agent": "Amends",
        **{name: str(value) for name, value in named.items() if value is not None},
        **signing.signed(target.keys, id_=key, at=int(time.time()), body=body),
    }
    return call(method, url, headers=headers, body=body, limits=target.limits, allowed=_allowed())


def _body(target: Target, call_: Invocation) -> bytes:
    """Return what is asked for: the same, byte for byte, for every attempt under one key, whoever
    asks for it again. So who that was stands in headers."""
    undoes = None
    if call_.undoes is not None:
        then = call_.original or {}
        undoes = {
            "type": call_.undoes[0],
            "id": str(call_.undoes[1]),
            "strategy": call_.strategy,
            **{name: then.get(name) for name in ("input", "output", "before", "after")},
        }
    said = {
        "capability": target.name,
        "idempotency_key": call_.idempotency_key,
        "mode": call_.mode,
        "input": call_.input,
        "undoes": undoes,
    }
    return json.dumps(said, separators=(",", ":"), allow_nan=False).encode()
