"""`Idempotency-Key`: the first 2xx answer to a key, kept and replayed.

The answer's row is inserted by the verb's own transaction, so effect and answer exist together or
not at all. Of two simultaneous requests with one key the second finds the row taken (or is refused
because the first changed the state); either way it reads the first answer and replays it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import uuid
from typing import Any

from django.db import connection
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

from accounts.acting import ActingUser
from json_values.comparison import comparable
from json_values.reader import number
from ledger.clock import now
from ledger.errors import Invalid
from ledger.ids import new_id
from ledger.tenancy import tenant_scope
from web.models import IdempotencyKey

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
LONGEST = 200
KEY_PATTERN = rf"^[\x21-\x7e]{{1,{LONGEST}}}$"
_PRINTABLE = re.compile(KEY_PATTERN)
# Waits for a transaction that holds the key, then leaves its row alone.
_KEEP = """
INSERT INTO web_idempotencykey
    (id, tenant_id, membership_id, key, request, body_hash, status, headers, body, created_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s::jsonb, %s::jsonb, %s)
ON CONFLICT DO NOTHING
"""


class KeyTaken(Exception):
    """Another request with this key committed first; the caller's transaction must roll back."""


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What will be sent, in plain JSON values."""

    status: int
    body: Any
    headers: dict[str, str]

    def response(self, *, replayed: bool = False) -> Response:
        """Return the answer as a response."""
        headers = {**self.headers, REPLAYED: "true"} if replayed else self.headers
        return Response(self.body, status=self.status, headers=headers)


@dataclasses.dataclass(frozen=True, slots=True)
class Key:
    """One well-formed key of one member, with what it was sent for."""

    value: str
    tenant_id: uuid.UUID
    membership_id: uuid.UUID
    request: str
    body_hash: str

    def first_answer(self) -> Answer | None:
        """Return the kept answer, or None. Raises Invalid if the key was for something else."""
        with tenant_scope(self.tenant_id):
            row = IdempotencyKey.objects.filter(
                tenant_id=self.tenant_id, membership_id=self.membership_id, key=self.value
            ).first()
        if row is None:
            return None
        if (row.request, row.body_hash) != (self.request, self.body_hash):
            raise Invalid(
                "This Idempotency-Key was used before for another request.",
                code="idempotency_key_reused",
            )
        return Answer(row.status, row.body, row.headers)

    def keep(self, answer: Answer) -> None:
        """Insert the answer, inside the verb's transaction. Raises KeyTaken if another did."""
        with connection.cursor() as cursor:
            cursor.execute(
                _KEEP,
                [
                    new_id(), self.tenant_id, self.membership_id,
                    self.value, self.request, self.body_hash, answer.status,
                    json.dumps(answer.headers), json.dumps(answer.body), now(),
                ],
            )  # fmt: skip
            if cursor.rowcount == 0:
                raise KeyTaken


def key_of(request: Request, acting_user: ActingUser, body: Any) -> Key | None:
    """Return the request's key, None without the header. Raises Invalid for a malformed one.

    `body` is what was sent; None for a body that cannot be read, which is always refused later.
    """
    value = request.headers.get(HEADER)
    membership_id = acting_user.membership_id
    if value is None or request.method != "POST" or membership_id is None:
        return None
    if not _PRINTABLE.fullmatch(value):
        raise Invalid(
            f"An Idempotency-Key has 1 to {LONGEST} printable ASCII characters, no spaces.",
            code="idempotency_key_invalid",
        )
    body_hash = hashlib.sha256(comparable(body).encode()).hexdigest()
    # The address as it is served: with a slash at its end or without.
    sent_for = f"{request.method} {request.get_full_path_info()}"
    return Key(value, acting_user.tenant_id, membership_id, sent_for, body_hash)


def plain(value: Any) -> Any:
    """Return `value` as the JSON values a client will read (UUIDs and times become text), numbers
    as they will be read back."""
    return json.loads(json.dumps(value, cls=JSONEncoder), parse_float=number)
