"""What somebody said of single steps of a plan, each with a reason: that one may stay although it
cannot be undone, or is undone although its time is over. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compensation.plan import Content, every_exclusion, every_part, every_step, is_waived
from compensation.plan_scope import Waiver
from compensation.planning import Part
from json_values.pointers import MAX_GATHERED, FieldError
from ledger.errors import Invalid

_UNKNOWN = gettext_lazy("there is no step %(name)r in this case")
_NOT_LEFT = (
    gettext_lazy("%(name)r is not left behind: nothing is to be waived"), "not_left_out"
)  # fmt: skip
_IN_TIME = (
    gettext_lazy("what keeps %(name)r from being undone is not that it is too late"), "not_too_late"
)  # fmt: skip


def check_waived(content: Content, parts: Sequence[Part], waive: Sequence[Waiver]) -> None:
    """Raise Invalid for a waiver of what is not there, or of what this plan does not leave behind:
    what can be undone is undone."""
    said = {
        each["original"]["id"] for each in every_exclusion(content.to_json()) if is_waived(each)
    }
    errors = _wrong(parts, waive, "/waive", lambda part: str(part.original.id) in said, _NOT_LEFT)
    if errors:
        raise Invalid(_("A waiver names what cannot be waived."), errors=errors)


def check_overridden(content: Content, parts: Sequence[Part], overrides: Sequence[Waiver]) -> None:
    """Raise Invalid where a time that shall not count is of what is not there, or is not what keeps
    it from being undone: a word given in advance would hide that it came to matter."""
    said = {each["id"] for each in overridden(content.to_json())}
    errors = _wrong(
        parts, overrides, "/override_window", lambda part: str(part.original.id) in said, _IN_TIME
    )
    if errors:
        raise Invalid(_("It names what is not too late to be undone."), errors=errors)


def _wrong(
    parts: Sequence[Part],
    said: Collection[Waiver],
    pointer: str,
    fits: Callable[[Part], bool],
    unfit: tuple[Any, str],
) -> list[FieldError]:
    """Return what is wrong with words about steps: none is called so, or none of them `fits`."""
    errors = []
    for index, each in enumerate(said):
        found = [part for part in every_part(parts) if part.called(each.step)]
        if any(fits(part) for part in found):
            continue
        rule, code = unfit if found else (_UNKNOWN, "unknown_step")
        said_so = str(rule) % {"name": each.step}
        errors.append(FieldError(f"{pointer}/{index}/step", said_so, code))
    return errors[:MAX_GATHERED]


def plan_waivers(content: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Yield what a plan's own whole leaves behind on somebody's word: what it is, and why."""
    for each in content["excluded"]:
        for one in (each, *each.get("within", ())):
            if is_waived(one):
                yield {**one["original"], "reason": one["waived"]}


def own_overrides(content: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Yield what a plan's own whole undoes although its time is over: what it is, until when it
    could be undone, and why it is all the same."""
    for step in content["steps"]:
        if step.get("window_overridden"):
            yield {**step["original"], **step["window_overridden"]}


def exceptions_of(content: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return what was said of single steps of a plan, at all levels: `kind` (`waived`, or
    `overridden`: undone although its time is over), `step` by name, and `reason`."""
    stays = [each for each in every_exclusion(content) if is_waived(each)]
    return [
        *(_exception("waived", each["original"], each["waived"]) for each in stays),
        *(_exception("overridden", each, each["reason"]) for each in overridden(content)),
    ]


def _exception(kind: str, original: Mapping[str, str], reason: str) -> dict[str, str]:
    return {"kind": kind, "step": original["name"], "reason": reason}


def overridden(content: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Yield the same of all levels."""
    for step in every_step(content):
        yield from own_overrides({"steps": [step]})
