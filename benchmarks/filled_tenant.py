"""A tenant to be filled, and the SQL words in which its rows are said."""

from __future__ import annotations

from accounts.acting import ActingUser
from accounts.actions import create_tenant, create_user
from accounts.roles import Role
from cases.actions import deploy_definition
from people.actions import add_member
from verbs.call import Call

_DEFINITION = """
dsl: "0.1"
namespace: bench
name: loan
version: "1.0.{n}"
title: Loan
spec:
  bindings:
    - name: check
      on: {{contextChange: {{}}}}
      when: .check == null
      humanTask: {{title: Check, candidateGroups: [analysts], outputMapping: "{{check: .}}"}}
      compensation: {{mode: human}}
"""
AT = "timestamptz '2026-01-01 UTC' + n * interval '1 second'"
TEXT = "'An applicant''s papers, as they came in, number ' || n"
TITLE = "'Check identity of applicant ' || n"
FIELDS = "jsonb_build_object('applicant', n, 'note', repeat('as it was said on the phone; ', 8))"
# A model, how many rows, and SQL of the columns.
Filling = tuple[str, int, dict[str, str]]


class Tenant:
    """A tenant with a few people, and as many items as it is told to have."""

    def __init__(self, slug: str) -> None:
        """Make the tenant, its people and its definitions through the door."""
        system = create_tenant(slug, slug)
        self.id = system.tenant_id
        self.reader, *self.others = (
            self._member(system, f"{name}-{slug}") for name in ("reader", "ada", "ben", "cleo")
        )
        deployed = [
            deploy_definition(call=Call(self.reader), source=_DEFINITION.format(n=n))
            for n in range(10)
        ]
        self.definition = deployed[-1].id

    def _member(self, system: ActingUser, name: str) -> ActingUser:
        return add_member(
            call=Call(system),
            username=create_user(name, password=None).username,
            roles=[Role.OPERATOR, Role.AUDITOR],
            groups=["analysts"],
        )

    def someone(self, items: int) -> str:
        """Return SQL of an actor. One person's work does not grow with the tenant."""
        others = ", ".join(f"'{each.actor_id}'" for each in self.others)
        return (
            f"(CASE WHEN n / 100 % {max(items // 20_000, 1)} = 0 THEN '{self.reader.actor_id}'"
            f" ELSE (ARRAY[{others}])[1 + n / 100 % {len(self.others)}] END)::uuid"
        )

    def id_of(self, kind: int, number: str = "n") -> str:
        """Return SQL of an id that rises with the number, as those made in time do."""
        head, tail = str(self.id)[-12:-8], str(self.id)[-8:]
        return f"(lpad(to_hex({number}), 8, '0') || '-{head}-7{kind:03x}-8000-{tail}0000')::uuid"


def rare(number: int) -> str:
    """Return SQL of what is true of about a hundred rows, of however many there are."""
    stride = max(number // 100, 1)
    return f"(n % {stride} = {stride - 1})"
