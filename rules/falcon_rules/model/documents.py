"""Documents and origins: where each stretch of text came from.

The text of a condition is seldom one stretch of a file: lists are inserted, appends joined,
exceptions wrapped around it. So it is kept as pieces that remember their origin, and an offset
in the whole can always be turned back into a line and column of a file.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from falcon_rules import diagnostics


@dataclass(frozen=True)
class Document:
    """One rule file, given as text. `name` is what diagnostics call it."""

    name: str
    text: str = field(repr=False)

    @cached_property
    def _line_starts(self) -> list[int]:
        starts, at = [0], self.text.find("\n")
        while at >= 0:
            starts.append(at + 1)
            at = self.text.find("\n", at + 1)
        return starts

    def place(self, offset: int, length: int = 1) -> diagnostics.Place:
        offset = max(0, min(offset, len(self.text)))
        line = bisect.bisect_right(self._line_starts, offset)
        start = self._line_starts[line - 1]
        end = self.text.find("\n", start)
        text = self.text[start:] if end < 0 else self.text[start:end]
        return diagnostics.Place(self.name, line, offset - start + 1, text, length)


class Origin(Protocol):
    """Something that text was read from, such as a scalar of a YAML file."""

    def place(self, offset: int = 0, length: int = 1) -> diagnostics.Place:
        """Where the character at `offset` of the text stands."""
        ...


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text that starts at `offset` of its origin; without origin it was made up."""

    text: str
    origin: Origin | None = None
    offset: int = 0


class Text:
    """Text made of pieces. Immutable."""

    __slots__ = ("_starts", "pieces", "string")

    def __init__(self, pieces: Iterable[Piece]) -> None:
        self.pieces = tuple(pieces)
        self.string = "".join(piece.text for piece in self.pieces)
        self._starts: list[int] | None = None

    @classmethod
    def of(cls, string: str, origin: Origin | None = None) -> Text:
        return cls((Piece(string, origin),))

    def __str__(self) -> str:
        return self.string

    def joined(self, other: Text) -> Text:
        """Both with one blank between, the way `append` works."""
        return Text((*self.pieces, Piece(" "), *other.pieces))

    def slice(self, start: int, end: int) -> list[Piece]:
        """The pieces of a stretch."""
        found, at = [], 0
        for piece in self.pieces:
            low, high = max(start, at), min(end, at + len(piece.text))
            if low < high:
                found.append(Piece(piece.text[low - at : high - at], piece.origin, piece.offset + low - at))
            at += len(piece.text)
        return found

    def place(self, offset: int, length: int = 1) -> diagnostics.Place | None:
        """Where the character at `offset` was written; None when every piece was made up.

        In made-up text (the parentheses around exceptions) it is the nearest written text before.
        """
        if self._starts is None:
            self._starts, at = [], 0
            for piece in self.pieces:
                self._starts.append(at)
                at += len(piece.text)
        index = bisect.bisect_right(self._starts, offset) - 1
        written = [i for i, piece in enumerate(self.pieces) if piece.origin is not None]
        if not written:
            return None
        nearest = max((i for i in written if i <= index), default=written[0])
        piece = self.pieces[nearest]
        assert piece.origin is not None
        inside = max(0, offset - self._starts[nearest])
        if inside >= len(piece.text) and nearest != index:
            inside = max(0, len(piece.text) - 1)
        return piece.origin.place(piece.offset + inside, length)
