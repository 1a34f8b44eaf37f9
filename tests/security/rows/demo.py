"""The demo's story: visitors, who could log in as anybody there, and the demo's operators."""

from __future__ import annotations

from tests.security.matrix import Row, expect

ROWS = {
    # Nobody of this cast is of the organisation that is called demo.
    "demo:story": Row(POST=expect(403)),
}
