"""What a scenario says: a story to follow, and checks that say what was expected and found."""

from __future__ import annotations

from collections.abc import Callable, Sequence


class Transcript:
    """Writes lines and keeps count of the checks that failed."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._chapters = 0
        self.failed: list[str] = []

    def title(self, text: str) -> None:
        """Say what is about to be shown."""
        self._write(text)

    def chapter(self, text: str) -> None:
        """Begin a numbered part of the story."""
        self._chapters += 1
        self._write(f"\n{self._chapters}. {text}")

    def say(self, text: str = "") -> None:
        """Say one thing that happened."""
        self._write(f"   {text}".rstrip())

    def did(self, who: str, what: str) -> None:
        """Say who did what, with the names in one column."""
        self.say(f"{who:<12} {what}")

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Print rows under heads, each column as wide as its widest cell."""
        cells = [list(heads), *([str(cell) for cell in row] for row in rows)]
        widths = [max(len(row[column]) for row in cells) for column in range(len(heads))]
        for number, row in enumerate(cells):
            line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            self.say(line)
            if number == 0:
                self.say("  ".join("-" * width for width in widths))

    def check(self, what: str, *, expected: object, found: object) -> None:
        """Compare, and say so; a difference is kept in `failed` and the story goes on."""
        if expected == found:
            self.say(f"ok    {what}")
            return
        self.failed.append(what)
        self.say(f"WRONG {what}")
        self.say(f"      expected {expected}")
        self.say(f"      found    {found}")
