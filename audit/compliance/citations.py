"""The law that a report answers to, cited.

What each article demands is fixed text; from when it applies is a setting, since legislators move
dates: Regulation (EU) 2026/1744 moved those of Regulation (EU) 2024/1689 for high-risk systems.
"""

from __future__ import annotations

import dataclasses

from django.conf import settings
from django.utils.formats import date_format
from django.utils.translation import gettext as _

_AI_ACT = "Regulation (EU) 2024/1689 (AI Act)"
_GDPR = "Regulation (EU) 2016/679 (GDPR)"


@dataclasses.dataclass(frozen=True, slots=True)
class Citation:
    """One article: the act, the article, what it demands, and from when, as a sentence."""

    act: str
    article: str
    demands: str
    applies: str

    def to_json(self) -> dict[str, str]:
        """Return it as reports show it."""
        return dataclasses.asdict(self)


def citations() -> list[Citation]:
    """Return what a report cites, in the language of whoever reads it."""
    said = {
        "alone": date_format(settings.AMENDS_AI_ACT_ANNEX_III_FROM, "j F Y"),
        "embedded": date_format(settings.AMENDS_AI_ACT_ANNEX_I_FROM, "j F Y"),
    }
    high_risk = _(
        "from %(alone)s for high-risk systems of Annex III, from %(embedded)s for those in"
        " products of Annex I"
    )
    since = _("since %(day)s") % {"day": date_format(settings.AMENDS_GDPR_FROM, "j F Y")}
    return [
        Citation(
            _AI_ACT, "Art. 12",
            _("A high-risk system records events automatically over its lifetime, so that its"
              " working can be traced."),
            high_risk % said,
        ),
        Citation(
            _AI_ACT, "Art. 19",
            _("Providers keep the logs under their control, for six months at least unless other"
              " law says otherwise."),
            high_risk % said,
        ),
        Citation(
            _AI_ACT, "Art. 26(6)",
            _("Deployers keep the logs under their control, for six months at least unless other"
              " law says otherwise."),
            high_risk % said,
        ),
        Citation(
            _GDPR, "Art. 17",
            _("Personal data is erased on request where none of the exceptions holds. What was"
              " erased is marked here; the hash of the entry stays."),
            since,
        ),
        Citation(
            _GDPR, "Art. 22",
            _("Nobody is subject to a decision based solely on automated processing with legal or"
              " similar effect, save by law, contract or consent, and then with a right to human"
              " intervention. Who decided, person or program, is said for each decision here."),
            since,
        ),
    ]  # fmt: skip
