"""Settings are one's own."""

from __future__ import annotations

from accounts.actions import create_token
from accounts.selectors import tokens_of
from ledger.tenancy import tenant_scope
from tests.security.matrix import Row, expect
from tests.world import World


def analysts_token(world: World) -> dict[str, object]:
    """Make the analyst a token, and return which it is."""
    create_token(world.analyst, name="A program")
    with tenant_scope(world.analyst.tenant_id):
        newest = tokens_of(world.analyst)[0]
    return {"key": newest.token_key}


ROWS = {
    "people:settings": Row(
        GET=expect(200), POST=expect(303, body={"language": "", "time_zone": ""})
    ),
    "people:token-create": Row(POST=expect(201, body={"name": "A program"})),
    "people:token-revoke": Row(make=analysts_token, POST=expect(404, analyst=303)),
}
