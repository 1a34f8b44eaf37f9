"""What titles, names and outcomes may hold, and how any stored text is drawn."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

#: Characters that Unicode calls letters or symbols, and that show nothing: fillers and blanks.
_BLANKS: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0\U0001d159")
#: The line and paragraph separators break a line as a control character does.
_CONTROL: Final = frozenset({"Cc", "Zl", "Zp"})
# The same for descriptions (JSON Schema), as nearly as every dialect of patterns can say it: that
# something shows can only be said as "not blank".
_CONTROLS: Final = r"\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069"
WITHOUT_NUL: Final = r"^[^\x00]*$"
NOT_BLANK: Final = r"^[^\x00]*[^\x00\s][^\x00]*$"
LINE_OR_BLANK: Final = rf"^\s*[^{_CONTROLS}]*\s*$"
LINE: Final = rf"^\s*[^\s{_CONTROLS}]([^{_CONTROLS}]*[^\s{_CONTROLS}])?\s*$"
#: The same without blanks around it, where they are not taken away.
BARE_LINE: Final = rf"^[^\s{_CONTROLS}]([^{_CONTROLS}]*[^\s{_CONTROLS}])?$"
#: The same with spaces around it, where they are kept.
KEPT_LINE: Final = rf"^[^{_CONTROLS}]*[^\s{_CONTROLS}][^{_CONTROLS}]*$"
#: What turns the direction of all that follows, also outside of the text: `\u202e` shows "exe.fdp"
#: as "pdf.exe". Marks of direction, which right-to-left text is written with, turn nothing.
_TURNING: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
#: What XML 1.0 §2.2 does not know as a character.
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def fault_of_line(text: str) -> tuple[str, str] | None:
    """Return why a text can be no title, name or outcome, as code and sentence; None if it can."""
    if has_control(text):
        return "control_character", "Must not contain control characters."
    if not is_visible(text):
        return "blank", "Needs at least one visible character."
    return None


def has_control(text: str) -> bool:
    """Return whether a text holds a control character: a line break, a tab, or what turns the
    direction of the text around it (Unicode TR 36 §2.5) among them."""
    return any(unicodedata.category(char) in _CONTROL or char in _TURNING for char in text)


def is_visible(text: str) -> bool:
    """Return whether anything of a text shows: a letter, a digit, a sign of any script.

    Spaces, joiners, marks of direction, variation selectors and marks that stand on nothing do not.
    """
    return any(unicodedata.category(char)[0] in "LNPS" and char not in _BLANKS for char in text)


def drawable(text: str) -> str:
    """Return a text as XML can hold it: what is no character there becomes a replacement."""
    return _NOT_XML.sub("\ufffd", text)
