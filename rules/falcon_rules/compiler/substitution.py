"""Lists go into conditions as text, before parsing.

Wherever the name of a list stands between delimiters, its items take its place, joined by
commas. Items that name lists are expanded too, at any depth. The pieces keep their origin, so
an error in an item points at the item.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping

from falcon_rules.model.definitions import ListDefinition
from falcon_rules.model.documents import Piece, Text

MAX_NESTING = 50
"""Lists in lists. Files written by people have two or three levels."""
MAX_CHARACTERS = 4_000_000
"""What one list may expand to: four times the largest condition we promise to read."""

_BLANKS = " \t\n\r"
_DELIMITERS = re.escape(_BLANKS + "(),=")


class ExpansionError(Exception):
    """Lists that nest too deeply or grow too large."""


class Lists:
    """Substitutes lists and remembers which were used."""

    def __init__(self, lists: Mapping[str, ListDefinition]) -> None:
        self._lists = lists
        self._expanded: dict[str, list[Piece]] = {}
        self._loops = 0
        self.used: set[str] = set()
        # Names with delimiters in them are odd but legal; they must be looked for by themselves.
        odd = sorted((n for n in lists if re.search(f"[{_DELIMITERS}]", n)), key=len, reverse=True)
        names = "".join(f"(?:(?<=[{_DELIMITERS}])|(?<![\\s\\S])){re.escape(n)}(?=[{_DELIMITERS}]|\\Z)|" for n in odd)
        self._word = re.compile(f"{names}[^{_DELIMITERS}]+")

    def extended(self, lists: Mapping[str, ListDefinition]) -> Lists:
        """These lists and further ones, which go before those of the same name; what the others hold stays."""
        result = Lists({**self._lists, **lists})
        for name in self._lists.keys() - lists.keys():
            # One that grows too large says so again where it is used.
            with contextlib.suppress(ExpansionError):
                result._expanded[name] = self._expand(self._lists[name], ())
        return result

    def apply(self, text: Text) -> Text:
        """The text with every list in it expanded. Raises ExpansionError."""
        return self._replace(text, lambda _: True, ())

    def mark_nested(self) -> None:
        """Counts lists as used that are items of other lists, whether those are used or not."""
        for definition in self._lists.values():
            self.used.update(item.string for item in definition.items if item.string in self._lists)

    def _replace(self, text: Text, wanted: Callable[[ListDefinition], bool], active: tuple[str, ...]) -> Text:
        if not self._lists:
            return text
        string, pieces, done = text.string, list[Piece](), 0
        for match in self._word.finditer(string):
            definition = self._lists.get(match.group())
            if definition is None or self._is_active(definition, active) or not wanted(definition):
                continue
            self.used.add(definition.name)
            items = self._expand(definition, active)
            start, end = _widened(string, match.start(), match.end(), done, bool(items))
            pieces += text.slice(done, start)
            pieces += [Piece(" "), *items, Piece(" ")] if start > 0 else [*items, Piece(" ")]
            done = end
        if done == 0:
            return text
        return Text([*pieces, *text.slice(done, len(string))])

    def _expand(self, definition: ListDefinition, active: tuple[str, ...]) -> list[Piece]:
        cached = self._expanded.get(definition.name)
        if cached is not None:
            return cached
        if len(active) >= MAX_NESTING:
            raise ExpansionError(f"lists nest more than {MAX_NESTING} levels deep, down to {definition.name!r}")
        inside = (*active, definition.name)
        loops = self._loops
        pieces: list[Piece] = []
        characters = 0
        for item in definition.items:
            expanded = self._item(item, definition, inside)
            if expanded:
                pieces += [Piece(", "), *expanded] if pieces else expanded
            characters += sum(len(piece.text) for piece in expanded)
            if characters > MAX_CHARACTERS:
                raise ExpansionError(f"the list {definition.name!r} expands to more than {MAX_CHARACTERS:,} characters")
        if not active or loops == self._loops:
            # Within a loop of lists the expansion depends on where the loop was entered.
            self._expanded[definition.name] = pieces
        return pieces

    def _is_active(self, definition: ListDefinition, active: tuple[str, ...]) -> bool:
        """Whether the list is being expanded already; then its name stays as it is."""
        if definition.name not in active:
            return False
        self._loops += 1
        return True

    def _item(self, item: Text, owner: ListDefinition, active: tuple[str, ...]) -> list[Piece]:
        nested = self._lists.get(item.string)
        if nested is not None and not self._is_active(nested, active):
            self.used.add(nested.name)
            return self._expand(nested, active)
        pieces = [piece for piece in item.pieces if piece.text]
        if " " in item.string and item.string[0] not in "\"'":
            pieces = [Piece('"'), *pieces, Piece('"')]
        # Inside of an item only names of later lists are looked for: those were substituted after this one.
        return list(self._replace(Text(pieces), lambda other: other.first > owner.first, active).pieces)


def _widened(string: str, start: int, end: int, done: int, filled: bool) -> tuple[int, int]:
    """What goes with the name: blanks around it, and one comma if nothing takes its place."""
    while start > done and string[start - 1] in _BLANKS:
        start -= 1
    while end < len(string) and string[end] in _BLANKS:
        end += 1
    if not filled:
        if start > done and string[start - 1] == ",":
            start -= 1
        elif end < len(string) and string[end] == ",":
            end += 1
    return start, end
