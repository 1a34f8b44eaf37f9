"""Source to `CompiledDefinition`: everything that is wrong is found before anything is refused."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from cases.definitions.dialects import as_written, foreign_parts, in_its_words, what_else
from cases.definitions.foreign_words import BY_ITEM, NOTHING_AS_NULL, REFUSED
from cases.definitions.mapped_values import mapped_to_no_map
from cases.definitions.model import (
    CompiledDefinition,
    DefinitionError,
    DefinitionInvalid,
    DefinitionWarning,
    Named,
)
from cases.definitions.parser import Document as Source
from cases.definitions.parser import read_document
from cases.definitions.readers import NAME, Reading
from cases.definitions.relations import contradictions, maps_at, names_at, whom_it_names
from cases.definitions.spellings import other_spellings
from cases.definitions.surprises import surprises
from cases.definitions.written import PLACES, SEMVER, Document, Place
from json_values.jq.child_pool import CPU_MILLISECONDS
from json_values.jq.evaluation import check_syntax
from json_values.pointers import MAX_GATHERED, escape

#: Different ones in one definition: to compile one takes jq between one and two milliseconds.
MAX_EXPRESSIONS: Final = 100
#: As many as somebody reads; one more says how many are left.
MAX_WARNINGS: Final = 200
#: An expression that broke off: what all of them take together was more than there is.
_BROKEN_OFF: Final = frozenset({"timeout", "memory"})
_TOO_MUCH: Final = (
    f"its expressions take more than {CPU_MILLISECONDS} ms of CPU time to compile, all together: "
    "use fewer or simpler ones"
)
#: What to say about an error, by pydantic's type of it, or by the pattern that a text breaks.
_SENTENCES: Final = {
    "missing": "{key} is required",
    "model_type": "must be a map",
    "dict_type": "must be a map",
    "tuple_type": "{key} must be a list",
    "too_long": "{key} must hold at most {max_length} texts",
    "too_short": "{key} needs success or failure",
    "string_type": "{key} must be text",
    "string_too_short": "{key} must not be blank",
    "string_too_long": "{key} must be text of at most {max_length} characters",
    "literal_error": "{key} must be one of {expected}",
    "extra_forbidden": "{key} repeats another name of the same field; use one",
    "value_error": "{key}: {error}",
    NAME: "{key} {said!r} is not a name: letters, digits, '.', '_' and '-', at most 100, "
    "starting with letter or digit",
    SEMVER: "{key} {said!r} is not semantic, such as 1.0.0",
    "greater_than": "{key} must be greater than {gt:g}",
    "greater_than_equal": "{key} must be at least {ge:g}",
    "less_than_equal": "{key} must be at most {le:g}",
    "bool_type": "{key} must be true or false",
    "int_type": "{key} must be a whole number",
    "float_type": "{key} must be a number",
}
#: What to say about a word that is not known in its place, by what it is there.
_WORDS: Final = {
    "later": "{key} is not supported yet",
    "ignored": "{key} is ignored: {why}",
    "unknown": "unknown field {key!r}; known are {known}",
    "unknown_field": "unknown field {key!r} is ignored; known are {known}",
}
#: Where a word is that close to one that is known, it may be a slip of it.
_A_SLIP: Final = 0.9
_LONGEST_NAME: Final = 200


def compile_definition(
    source: str | Mapping[str, object],
    *,
    capabilities: Collection[str] | None,
    covered: Collection[str] = (),
) -> CompiledDefinition:
    """Check a definition and return its compiled form.

    `source` is YAML text or a JSON object. `capabilities` are the names registered in this
    deployment, used for warnings only; `None` leaves them out. `covered` are those of them that
    say themselves what becomes of them in a rollback.

    Raises `DefinitionInvalid` with the errors found, by line; of many, with the first;
    `ExpressionFailed` where jq does not answer, so that nobody knows.
    """
    document = read_document(source)
    _check_dialect(document)
    document = document.gathered()
    foreign = list(other_spellings(document.data))
    words = _words(document.data)
    foreign += foreign_parts(document.data)
    unsure = {pointer.rpartition("/")[0] for pointer, _ in words["later"]}
    written, broken = _read(document)
    found = itertools.chain(
        words["later"],
        words["unknown"],
        contradictions(document.data, unsure),
        mapped_to_no_map(document.data),
        *(_said(error, document.data, unsure) for error in broken),
    )
    errors = [
        DefinitionError(document.line(pointer), pointer, said, document.column(pointer))
        for pointer, said in itertools.islice(found, MAX_GATHERED)
    ]
    if errors or document.errors or written is None:
        raise DefinitionInvalid([*document.errors, *errors])
    compiled = written.compiled()
    odd = [(code, *each) for code in ("ignored", "unknown_field") for each in words[code]]
    warnings = [
        DefinitionWarning(
            document.line(pointer),
            pointer,
            in_its_words(said, place, pointer),
            code,
            document.column(pointer),
        )
        for code, place, said in [*odd, *foreign, *surprises(compiled, capabilities, covered)]
        for pointer in [as_written(place, document.data)]
    ]
    named = [
        Named(document.line(pointer), document.column(pointer), pointer, kind, name)
        for place, kind, name in whom_it_names(compiled)
        for pointer in [as_written(place, document.data)]
    ]
    return compiled.model_copy(update={"warnings": in_order(warnings), "named": tuple(named)})


def in_order(warnings: Iterable[DefinitionWarning]) -> tuple[DefinitionWarning, ...]:
    """Return warnings as their author reads them: by line."""
    return tuple(sorted(warnings, key=lambda w: (w.line or 0, w.pointer, w.message)))


def no_more_than(warnings: tuple[DefinitionWarning, ...]) -> tuple[DefinitionWarning, ...]:
    """Return warnings as they are answered: of very many the first, and how many more there are."""
    left = len(warnings) - MAX_WARNINGS
    if left <= 0:
        return warnings
    said = f"{left} more warnings are not shown"
    last = warnings[MAX_WARNINGS - 1]
    return (*warnings[:MAX_WARNINGS], DefinitionWarning(last.line, "", said, "more"))


def _check_dialect(document: Source) -> None:
    """Raise DefinitionInvalid for what is no definition of this kind at all, and say only that."""
    said = what_else(document.data)
    if said:
        raise DefinitionInvalid([DefinitionError(document.line(""), "", said, document.column(""))])


def _words(data: Any) -> dict[str, list[tuple[str, str]]]:
    """Take the words away that mean nothing where they stand; return them by what they are."""
    found: dict[str, list[tuple[str, str]]] = {kind: [] for kind in _WORDS}
    for place, words in PLACES.items():
        known = ", ".join(sorted(words.known))
        for pointer, holder in maps_at(data, place):
            for key in holder.keys() - words.known:
                value, kind = holder.pop(key), _kind_of(key, words)
                if value is None and (kind != "ignored" or key in NOTHING_AS_NULL):
                    # To say null is to say nothing, and not that something is wanted.
                    continue
                why = words.ignored.get(key, "")
                # What is said of a name is not as long as the longest that somebody sends.
                named = key if len(key) <= _LONGEST_NAME else f"{key[:_LONGEST_NAME]}…"
                said = _WORDS[kind].format(key=named, known=known, why=why)
                said = REFUSED.get(key, said) if kind == "later" else said
                at = f"{pointer}/{escape(named)}"
                items = list(maps_at(value, "/*", at)) if key in BY_ITEM else []
                each = [(where, f"{item.get('name')!r} of {said}") for where, item in items]
                found[kind] += each or [(at, said)]
    return found


def _kind_of(key: str, words: Place) -> str:
    """Return what a word is that is not known in its place."""
    if key in words.later or key in words.ignored:
        return "later" if key in words.later else "ignored"
    plain = {each.lower() for each in words.known}
    slip = difflib.get_close_matches(key.lower().replace("_", ""), plain, 1, _A_SLIP)
    return "unknown_field" if words.open and not slip else "unknown"


def _read(document: Source) -> tuple[Document | None, list[ErrorDetails]]:
    """Read the fields; twice, so that all expressions there are can be compiled at once."""
    data = document.data
    reading = Reading(goals=names_at(data, "/spec/goals/*"))
    _validated(data, reading)
    if len(reading.expressions) > MAX_EXPRESSIONS:
        said = f"more than {MAX_EXPRESSIONS} different expressions"
        raise _beyond(document, said)
    problems = check_syntax(list(reading.expressions))
    for problem in problems:
        if problem is not None and problem.code == "unavailable":
            raise problem
    if any(problem is not None and problem.code in _BROKEN_OFF for problem in problems):
        raise _beyond(document, _TOO_MUCH)
    for text, problem in zip(reading.expressions, problems, strict=True):
        reading.expressions[text] = problem.detail[:500] if problem else None
    return _validated(data, reading)


def _beyond(document: Source, said: str) -> DefinitionInvalid:
    at = "/spec"
    return DefinitionInvalid([DefinitionError(document.line(at), at, said, document.column(at))])


def _validated(data: Any, reading: Reading) -> tuple[Document | None, list[ErrorDetails]]:
    try:
        return Document.model_validate(data, context=reading, by_alias=True, by_name=False), []
    except ValidationError as broken:
        return None, broken.errors(include_url=False)


def _said(error: ErrorDetails, data: Any, unsure: Collection[str]) -> Iterator[tuple[str, str]]:
    """Return where an error of pydantic is and what it says in the words of this module."""
    loc = error["loc"]
    pointer = _pointer(loc, data)
    kind, known, value = error["type"], error.get("ctx", {}), error["input"]
    if kind == "missing" and pointer in unsure:
        return
    several = getattr(known.get("error"), "errors", None)
    if several:
        yield from ((f"{pointer}{each.pointer}", each.message) for each in several)
        return
    if value is None and loc and isinstance(loc[-1], str) and kind.endswith("_type"):
        kind = "missing"
    words = {
        "key": [step for step in ("", *loc) if isinstance(step, str)][-1],
        "said": value[:100] if isinstance(value, str) else value,
        **known,
        "expected": str(known.get("expected")).replace("'", "").replace(" or ", ", "),
    }
    sentence = _SENTENCES.get(known.get("pattern", kind))
    yield pointer, error["msg"] if sentence is None else sentence.format(**words)


def _pointer(loc: tuple[Any, ...], data: Any) -> str:
    """Return the JSON pointer of the value an error is in: steps that lead nowhere are names of
    what is missing or words of pydantic's own."""
    pointer = ""
    for step in loc:
        inside = step in data if isinstance(data, dict) else isinstance(step, int)
        if inside and isinstance(data, dict | list):
            data, pointer = data[step], f"{pointer}/{escape(step)}"
    return pointer
