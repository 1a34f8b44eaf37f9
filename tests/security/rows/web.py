"""Signing in, choosing a tenant, and what anybody may read."""

from __future__ import annotations

from tests.security.matrix import Row, expect
from tests.world import World


def _code(_world: World) -> dict[str, object]:
    return {"code": "not_found"}


ROWS = {
    "home": Row(GET=expect(302, anonymous=302)),
    "search": Row(GET=expect(200)),
    "web:login": Row(
        GET=expect(200, anonymous=200),
        # Without a name and a password the form is shown again.
        POST=expect(200, anonymous=200),
    ),
    "web:logout": Row(POST=expect(302, anonymous=302)),
    "web:switch-tenant": Row(POST=expect(303, body={"tenant": "none of mine"})),
    "api-problem": Row(make=_code, GET=expect(200, anonymous=200, outsider=200)),
}
