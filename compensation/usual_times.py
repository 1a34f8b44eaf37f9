"""How long it usually takes to undo a step: told from what was undone lately, never guessed."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db.models import JSONField
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext as _

from ledger.statements import fetched
from web.templatetags.amends import span_words

#: So many of the newest rollbacks are looked through: each is found by an index, and so are its
#: steps; the page of a plan costs the same however many there are.
_ROLLBACKS = 20
#: Fewer undos say nothing of what is usual.
_ENOUGH = 3
#: So many kinds of steps are told of at most.
_KINDS = 500
# The median: one undo that lay over the holidays tells nothing about the next.
_LATELY = """
SELECT s.original_name, s.mode,
  percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM s.ended_at - s.started_at))
    AS seconds
FROM (
  SELECT id FROM compensation_compensationrun WHERE tenant_id = %s
  ORDER BY started_at DESC, id DESC LIMIT %s
) AS lately
JOIN compensation_compensationstep s ON s.tenant_id = %s AND s.run_id = lately.id
WHERE s.status = 'DONE' AND NOT s.adopted
GROUP BY s.original_name, s.mode HAVING count(s.started_at) >= %s LIMIT %s
"""
_ROWS = "jsonb_agg(jsonb_build_array(original_name, mode, seconds))"
_BESIDE = f"(SELECT {_ROWS} FROM ({_LATELY}) AS usual)"  # noqa: S608  -- own words

#: By the name of a step and who undoes it.
Usual = Mapping[tuple[str, str], dt.timedelta]


def _given(tenant_id: uuid.UUID) -> list[Any]:
    return [tenant_id, _ROLLBACKS, tenant_id, _ENOUGH, _KINDS]


def usual_times(tenant_id: uuid.UUID) -> Usual:
    """Return how long the undo of a step usually takes, where enough were undone lately: one
    statement. In the tenant's scope."""
    return usual_of(fetched(_LATELY, _given(tenant_id)))


def usual_beside(tenant_id: uuid.UUID) -> RawSQL:
    """Return the same to be read beside a row; `usual_of` tells what came of it."""
    return RawSQL(_BESIDE, _given(tenant_id), output_field=JSONField())  # noqa: S611  -- own words


def usual_of(rows: Iterable[Sequence[Any]] | None) -> Usual:
    """Return what was read."""
    return {
        (name, mode): dt.timedelta(seconds=float(seconds)) for name, mode, seconds in rows or ()
    }


def usual_words(usual: Usual, name: str, mode: str) -> str:
    """Return it as a sentence's end, "" where nothing is known."""
    length = usual.get((name, mode))
    return "" if length is None else _("usually takes %(span)s") % {"span": span_words(length)}
