"""How long it usually takes to undo a step: told from what was undone lately, never guessed."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Mapping

from django.utils.translation import gettext as _

from ledger.statements import fetched
from web.templatetags.amends import span_words

#: So many of the newest rollbacks are looked through: each is found by an index, and so are its
#: steps; the page of a plan costs the same however many there are.
_ROLLBACKS = 20
#: Fewer undos say nothing of what is usual.
_ENOUGH = 3
# The median: one undo that lay over the holidays tells nothing about the next.
_USUAL = """
SELECT s.original_name, s.mode,
  percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM s.ended_at - s.started_at))
FROM (
  SELECT id FROM compensation_compensationrun WHERE tenant_id = %s
  ORDER BY started_at DESC, id DESC LIMIT %s
) AS lately
JOIN compensation_compensationstep s ON s.tenant_id = %s AND s.run_id = lately.id
WHERE s.status = 'DONE' AND NOT s.adopted AND s.original_name = ANY(%s)
GROUP BY s.original_name, s.mode HAVING count(s.started_at) >= %s
"""

#: By the name of a step and who undoes it.
Usual = Mapping[tuple[str, str], dt.timedelta]


def usual_times(tenant_id: uuid.UUID, names: Collection[str]) -> Usual:
    """Return how long the undo of steps of these names usually takes, where enough were undone
    lately: one statement. In the tenant's scope."""
    if not names:
        return {}
    rows = fetched(_USUAL, [tenant_id, _ROLLBACKS, tenant_id, [*names], _ENOUGH])
    return {(name, mode): dt.timedelta(seconds=seconds) for name, mode, seconds in rows}


def usual_words(usual: Usual, name: str, mode: str) -> str:
    """Return it as a sentence's end, "" where nothing is known."""
    length = usual.get((name, mode))
    return "" if length is None else _("usually takes %(span)s") % {"span": span_words(length)}
