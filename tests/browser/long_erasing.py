"""The pages of erasing, with long names and reasons."""

from __future__ import annotations

from django.urls import reverse

from tests.browser.long_around import Texts
from tests.browser.visits import Visit
from tests.erasing import counted_erasure, kept_for_long, one_more, placed_hold
from tests.world import World


def erasing_pages(world: World, texts: Texts) -> dict[str, Visit]:
    """Return the pages of what was asked for, of what is held, and of what asks first."""
    person = one_more(world, first_name=texts.unbroken[:140])
    counted, held = counted_erasure(world, person), placed_hold(world)
    page = reverse("audit:erasures")
    kept_for_long(world)
    return {
        "erasures": Visit(world.admin, page),
        "erasures, to read": Visit(world.auditor, page),
        "erasure": Visit(world.admin, reverse("audit:erasure", args=[counted])),
        "erasure, confirm": Visit(world.admin, reverse("audit:erasure-confirm", args=[counted])),
        "retention": Visit(world.admin, reverse("audit:retentions")),
        "hold, lift": Visit(world.admin, reverse("audit:hold-lift", args=[held])),
    }
