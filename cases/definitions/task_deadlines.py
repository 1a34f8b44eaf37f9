"""The deadlines of a human task, as its definition says them: those of a work item, word for word;
where these have two words, also as definitions write them (`followUp`, `onHold`). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import ValidationInfo

from json_values.pointers import FieldError
from ledger.errors import Invalid
from verbs.input import read
from workitems.deadline_input import Deadlines

_NO_MAP: Final = "deadlines must be a map"
_TWICE: Final = "one of its fields is there under both its names"
_NOTHING: Final = "one of its deadlines must be said"
_OTHER_WORDS: Final = {"followUp": "follow_up", "onHold": "on_hold"}


class DeadlinesRefused(ValueError):
    """What is wrong with deadlines, by JSON pointer from them on."""

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__("; ".join(each.message for each in errors))
        self.errors = errors


def read_deadlines(value: object, info: ValidationInfo) -> Any:
    """Return deadlines as they are stored. What is deployed stays as it is."""
    if info.context is None:
        return value
    if not isinstance(value, Mapping):
        raise DeadlinesRefused([FieldError("", _NO_MAP)])
    written = {_OTHER_WORDS.get(str(key), str(key)): str(key) for key in value}
    said = {name: value[key] for name, key in written.items()}
    if len(said) < len(value):
        raise DeadlinesRefused([FieldError("", _TWICE)])
    try:
        given = read(Deadlines, said)
    except Invalid as refused:
        raise DeadlinesRefused([_as_written(each, written) for each in refused.errors]) from None
    if not any(getattr(given, name) for name in ("claim", "start", "completion", "follow_up")):
        raise DeadlinesRefused([FieldError("", _NOTHING)])
    return given.model_dump(mode="json", exclude_unset=True, exclude_none=True)


def groups_in(deadlines: Mapping[str, Any] | None) -> Iterator[tuple[str, str]]:
    """Return the groups that a missed deadline passes a task to, with their pointers."""
    for name, limit in (deadlines or {}).items():
        steps = limit.get("breach", ()) if isinstance(limit, dict) else ()
        for place, step in enumerate(steps):
            for number, group in enumerate(step.get("groups", ())):
                yield f"{name}/breach/{place}/groups/{number}", group


def _as_written(error: FieldError, written: Mapping[str, str]) -> FieldError:
    first, *rest = error.pointer.removeprefix("/").split("/")
    pointer = "/".join(["", written.get(first, first), *rest]) if error.pointer else ""
    return FieldError(pointer, error.message)
