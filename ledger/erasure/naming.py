"""Finding a person in texts and in JSON, and putting their token there instead.

A name counts where it stands by itself: `al` is not found in `also`. In JSON the names of members
count too. What things are called is not about people: a group `eu-compliance`, a step
`compliance-check`, a program `payments.refund` keep their names, whoever is called `compliance` or
`payments`. So a text without blanks stays where JSON names groups and roles, and, in what a program
follows (`followed`), where it names anything (`_OF_THINGS`) or is a member's name. Expressions keep
all but texts in them that are sentences or just the name. An address, or an id, goes everywhere.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final

#: Members of JSON whose values are names of groups and roles, never of people.
_OF_GROUPS: Final = frozenset(
    "candidate_groups candidateGroups excluded_groups excludedGroups group groups may_open roles"
    .split()
)  # fmt: skip
#: The same of what people wrote for a program to follow: names of steps, programs, outcomes, and
#: the words it is told in; those of an item are of no member.
_OF_THINGS: Final = _OF_GROUPS | frozenset([
    "", "$ref",
    *"action approval binding capability case case_number code compensate completion"
    " conflict_strategy do effect fallback fields group_id id kept kind members mode name namespace"
    " not_completed_by on_decline on_expired on_failure on_fault on_hold on_signal on_stale"
    " on_threshold_reached operator order outcome outcomes permitted_outcomes priority required"
    " required_skills scope signal source start_from state status step steps strategy subject"
    " tenant then timezone type types version zone".split(),
])  # fmt: skip
#: Members of such JSON that hold what people gave: it is followed no further.
_OF_DATA: Final = frozenset("context_write from original_snapshot payload task_input".split())
#: Members of such JSON whose values are expressions.
_EXPRESSIONS: Final = frozenset(
    "candidate_groups_expression candidate_users_expression condition entry expires_at_expression"
    " expires_in_expression filter input_mapping input_projection output_mapping output_projection"
    " prompt_expression scope_expression title_expression when".split()
)
# What is put into a text of an expression, with texts and one level of brackets in it.
_TEXT: Final = r'"(?:[^"\\]|\\.)*"'
_INNER: Final = rf'(?:[^()"]|{_TEXT}|\((?:[^()"]|{_TEXT})*\))*'
_PUT_IN: Final = re.compile(rf"(\\\({_INNER}\))")
# In an expression: what is text, or a remark, and not what it does.
_TEXTS_IN_IT: Final = re.compile(rf'"(?:[^"\\]|\\\({_INNER}\)|\\[^(])*"|#[^\n]*')
# Behind what a text in brackets is the name of a member: `.a["b"]`, and not `["b"]`.
_OPENS_PATH: Final = re.compile(
    r"""[\w.\])"?](?<!\bthen)(?<!\belse)(?<!\band)(?<!\bor)(?<!\bin)\[\s*$"""
)
# What a thing may be called, in an expression: no list of people, and no pattern.
_OF_A_THING: Final = re.compile(r"[\w.-]+(?:/[\w.-]+)*")
_BLANK: Final = re.compile(r"\s")
_PIECES: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]|[^"{}\[\]]+')
#: Shorter texts stand in too many others that are about something else.
SHORTEST: Final = 2


@dataclasses.dataclass(frozen=True)
class Names:
    """What somebody is called by: `username`, and other `texts`; `token` is put in their place."""

    token: str
    username: str
    texts: Sequence[str]

    @property
    def likes(self) -> list[str]:
        """Patterns of LIKE for whatever may name them, in texts and in JSON as it is written."""
        found = {_like(text) for text in self._forms} | {
            _like(json.dumps(text, ensure_ascii=False)[1:-1]) for text in self._all
        }
        return sorted(found)

    @property
    def escaped(self) -> str | None:
        """A pattern for JSON of ASCII alone that may name them in whatever letters; None where
        their names are ASCII too, and stand there as they are."""
        return None if all(text.isascii() for text in self._all) else r"%\\u%"

    @property
    def called(self) -> list[str]:
        """All they are called by, as it was written, the username however short."""
        return sorted({self.username, *self._all} - {""})

    def names(self, text: str) -> bool:
        """Whether a text names them."""
        return self._pattern.search(text) is not None

    def without(self, text: str) -> str:
        """Return a text with the token in the place of every name."""
        return self._pattern.sub(self.token, text)

    def without_in_thing(self, text: str) -> str:
        """Return what something is called: as a sentence it loses the name, as one word it stays,
        but for what means them alone."""
        return self.without(text) if _BLANK.search(text) else self._without_long(text)

    def without_in_expression(self, text: str) -> str:
        """Return an expression in jq. Paths and keys name members, and texts of one word things,
        except for one that is just the name; sentences and remarks lose it."""
        return _TEXTS_IN_IT.sub(self._without_in_part, text)

    def without_in_json(self, text: str, *, followed: bool = False, keyed: bool = False) -> str:
        """Return JSON, as it is written, with the token in the place of every name; all else stays
        as it is, the order of members and the form of numbers too. In what is `followed` by a
        program, what things are called stays; where it is `keyed`, its members' names."""

        def change(string: str, place: _Place) -> str:
            value = json.loads(string)
            by_program = followed and not place.is_data
            if place.is_name:
                is_thing = keyed or by_program
            else:
                is_thing = place.member in (_OF_THINGS if by_program else _OF_GROUPS)
            if is_thing:
                is_group = by_program and place.member in _OF_GROUPS
                how = self._without_long if is_group else self.without_in_thing
            else:
                is_expression = by_program and place.member in _EXPRESSIONS
                how = self.without_in_expression if is_expression else self.without
            changed = how(value)
            return string if changed == value else json.dumps(changed, ensure_ascii=False)

        return _strings_changed(text, change)

    def _without_in_part(self, found: re.Match[str]) -> str:
        if found.group().startswith("#"):
            return self.without(found.group())
        parts = _PUT_IN.split(found.group())
        said = "".join(parts[::2])[1:-1]
        is_thing = _OF_A_THING.fullmatch(said) and not self._is_word(said)
        how = self._without_long if is_thing or _names_member(found) else self.without
        return "".join(part if place % 2 else how(part) for place, part in enumerate(parts))

    def _without_long(self, text: str) -> str:
        """Return a text without what means them alone: what is no single word."""
        return self._long_pattern.sub(self.token, text)

    @functools.cached_property
    def _all(self) -> list[str]:
        given = {each.strip() for each in (self.username, *self.texts)}
        return sorted((each for each in given if len(each) >= SHORTEST), key=len, reverse=True)

    @functools.cached_property
    def _forms(self) -> list[str]:
        return _forms_of(self._all)

    @functools.cached_property
    def _words(self) -> set[str]:
        """Their names of one word, in small letters: other things may be called so. No address, and
        of what else they are called no word of other letters: there are no blanks between names."""
        words = {each for each in self._all if each.isascii() and each.replace("-", "").isalpha()}
        return {each.casefold() for each in {self.username} | words if "@" not in each}

    def _is_word(self, value: str) -> bool:
        """Whether a text is a name of one word, and nothing but that."""
        return value.casefold() in self._words

    @functools.cached_property
    def _pattern(self) -> re.Pattern[str]:
        return _pattern_of(self._forms)

    @functools.cached_property
    def _long_pattern(self) -> re.Pattern[str]:
        return _pattern_of(_forms_of([each for each in self._all if not self._is_word(each)]))


@dataclasses.dataclass(frozen=True, slots=True)
class _Place:
    """Where a string of JSON stands: of which member it is, or that it is the member's name itself,
    and whether it is in what people gave."""

    member: str
    is_name: bool
    is_data: bool


def _forms_of(names: Iterable[str]) -> list[str]:
    """Return names, the longest first; those beyond ASCII also as JSON escapes them: there small
    and capital letters are other digits, and a pattern does not take them for the same."""
    found = dict.fromkeys(names)
    for text in [each for each in found if not each.isascii()]:
        for cased in (text, text.lower(), text.upper(), text.title()):
            found |= dict.fromkeys([cased, json.dumps(cased)[1:-1]])
    return sorted(found, key=len, reverse=True)


def _pattern_of(forms: Iterable[str]) -> re.Pattern[str]:
    words = (r"\s+".join(map(re.escape, each.split())) for each in forms)
    # Where there is nothing to look for, nothing is found.
    return re.compile(rf"(?<!\w)(?:{'|'.join(words) or '(?!)'})(?!\w)", re.IGNORECASE)


def _names_member(found: re.Match[str]) -> bool:
    """Whether a text in an expression is a key or part of a path."""
    before, after = found.string[: found.start()], found.string[found.end() :].lstrip()
    in_brackets = after.startswith("]") and _OPENS_PATH.search(before) is not None
    return before.endswith(".") or after.startswith(":") or in_brackets


def _like(text: str) -> str:
    escaped = re.sub(r"([\\%_])", r"\\\1", text)
    return f"%{'%'.join(escaped.split())}%"


def _strings_changed(text: str, change: Callable[[str, _Place], str]) -> str:
    """Return JSON with every string as `change` has it, told where it stands."""
    pieces = _PIECES.findall(text)
    written: list[str] = []
    # The member that is being read, at each level, and whether that level is what people gave.
    levels = [("", False)]
    for at, piece in enumerate(pieces):
        member, is_data = levels[-1]
        if piece.startswith('"'):
            follows = pieces[at + 1] if at + 1 < len(pieces) else ""
            is_name = follows.lstrip().startswith(":")
            if is_name:
                member = json.loads(piece)
                levels[-1] = (member, is_data)
            in_data = is_data or (member in _OF_DATA and not is_name)
            written.append(change(piece, _Place(member, is_name, in_data)))
            continue
        if piece in "{[":
            levels.append((member, is_data or member in _OF_DATA))
        elif piece in "}]":
            levels.pop()
        written.append(piece)
    return "".join(written)
