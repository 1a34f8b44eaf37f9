"""Finding a person in texts and in JSON, and putting their token there instead.

A name counts where it stands by itself: `al` is not found in `also`. In JSON the names of members
count too. A name of one word alone does not count where JSON says what groups and roles are called,
nor, in what a program follows (`followed`), what anything is called, nor in expressions outside of
their texts: there it is the name of something else that is called alike.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import re
from collections.abc import Callable, Sequence
from typing import Final

#: Members of JSON whose values are names of groups and roles, never of people.
_OF_GROUPS: Final = frozenset(
    "candidate_groups candidateGroups excluded_groups excludedGroups group groups roles".split()
)
#: The same of what people wrote for a program to follow: names of steps, programs, outcomes; those
#: of an item are of no member.
_OF_THINGS: Final = _OF_GROUPS | frozenset([
    "",
    *"action binding capability code effect id kind mode name namespace outcome required state"
    " status strategy type version".split(),
])  # fmt: skip
#: Members of such JSON whose values are expressions.
_EXPRESSIONS: Final = frozenset(
    "candidate_groups_expression candidate_users_expression condition entry expires_at_expression"
    " expires_in_expression filter input_mapping input_projection output_mapping output_projection"
    " prompt_expression scope_expression title_expression when".split()
)
# In an expression: what is text, or a remark, and not what it does.
_TEXTS_IN_IT: Final = re.compile(r'"(?:[^"\\]|\\.)*"|#[^\n]*')
# In such a text: what is put into it.
_PUT_IN: Final = re.compile(r"(\\\([^()]*\))")
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

    def names(self, text: str) -> bool:
        """Whether a text names them."""
        return self._pattern.search(text) is not None

    def without(self, text: str) -> str:
        """Return a text with the token in the place of every name."""
        return self._pattern.sub(self.token, text)

    def without_in_json(self, text: str, *, followed: bool = False) -> str:
        """Return JSON, as it is written, with the token in the place of every name; all else stays
        as it is, the order of members and the form of numbers too. In what is `followed` by a
        program, what things are called stays."""
        of_things = _OF_THINGS if followed else _OF_GROUPS

        def change(string: str, member: str, *, is_name: bool) -> str:
            value = json.loads(string)
            if self._is_word(value) and (followed if is_name else member in of_things):
                return string
            if followed and not is_name and member in _EXPRESSIONS:
                changed = _TEXTS_IN_IT.sub(self._without_in_part, value)
            else:
                changed = self.without(value)
            return string if changed == value else json.dumps(changed, ensure_ascii=False)

        return _strings_changed(text, change)

    def _without_in_part(self, found: re.Match[str]) -> str:
        parts = _PUT_IN.split(found.group())
        return "".join(
            part if place % 2 else self.without(part) for place, part in enumerate(parts)
        )

    @functools.cached_property
    def _all(self) -> list[str]:
        given = {each.strip() for each in (self.username, *self.texts)}
        return sorted((each for each in given if len(each) >= SHORTEST), key=len, reverse=True)

    @functools.cached_property
    def _forms(self) -> list[str]:
        """The names, the longest first; those beyond ASCII also as JSON escapes them: there small
        and capital letters are other digits, and a pattern does not take them for the same."""
        found = dict.fromkeys(self._all)
        for text in [each for each in self._all if not each.isascii()]:
            for cased in (text, text.lower(), text.upper(), text.title()):
                found |= dict.fromkeys([cased, json.dumps(cased)[1:-1]])
        return sorted(found, key=len, reverse=True)

    def _is_word(self, value: str) -> bool:
        """Whether a text is a name of one word, and nothing but that."""
        words = (self.username, *(each for each in self._all if each.replace("-", "").isalpha()))
        return value.casefold() in {each.casefold() for each in words}

    @functools.cached_property
    def _pattern(self) -> re.Pattern[str]:
        words = (r"\s+".join(map(re.escape, each.split())) for each in self._forms)
        # Where there is nothing to look for, nothing is found.
        return re.compile(rf"(?<!\w)(?:{'|'.join(words) or '(?!)'})(?!\w)", re.IGNORECASE)


def _like(text: str) -> str:
    escaped = re.sub(r"([\\%_])", r"\\\1", text)
    return f"%{'%'.join(escaped.split())}%"


def _strings_changed(text: str, change: Callable[..., str]) -> str:
    """Return JSON with every string as `change` has it, told of which member it is."""
    pieces = _PIECES.findall(text)
    written: list[str] = []
    members = [""]
    for place, piece in enumerate(pieces):
        if piece.startswith('"'):
            follows = pieces[place + 1] if place + 1 < len(pieces) else ""
            is_name = follows.lstrip().startswith(":")
            if is_name:
                members[-1] = json.loads(piece)
            written.append(change(piece, members[-1], is_name=is_name))
            continue
        if piece in "{[":
            members.append(members[-1])
        elif piece in "}]":
            members.pop()
        written.append(piece)
    return "".join(written)
