"""What transformers do to values when a condition is evaluated or an output is printed.

Each takes and gives what extractors give: bytes, int, tuples of them, or None for "unavailable".
Anything unavailable makes the result unavailable.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

Item: TypeAlias = bytes | int | None
Text: TypeAlias = bytes | None


def tolower(value: Text) -> Text:
    return None if value is None else value.lower()


def toupper(value: Text) -> Text:
    return None if value is None else value.upper()


def basename(value: Text) -> Text:
    """What follows the last slash; of `/a/` that is the empty text."""
    return None if value is None else value.rpartition(b"/")[2]


def b64(value: Text) -> Text:
    """The decoded bytes; padding may be missing. None for what is not base64."""
    if value is None:
        return None
    stripped = value.rstrip(b"=")
    if len(value) - len(stripped) > 2:
        return None
    try:
        return base64.b64decode(stripped + b"=" * (-len(stripped) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def length(value: bytes | Sequence[Item] | None) -> int | None:
    """Bytes of a text, items of a list."""
    if value is None or (isinstance(value, tuple) and None in value):
        return None
    return len(value)


def join(separator: Text, items: Sequence[Item] | None) -> Text:
    texts = _texts(items)
    return None if separator is None or texts is None else separator.join(texts)


def concat(*items: Item) -> Text:
    texts = _texts(items)
    return None if texts is None else b"".join(texts)


def options(items: Sequence[Item] | None, known: bytes) -> tuple[bytes, ...] | None:
    """getopt(3) over `items`: letters and values in order; `?` for a letter that is not `known`."""
    texts = _texts(items)
    if texts is None:
        return None
    found: list[bytes] = []
    for letter, value in _scan(texts, known):
        found.append(letter)
        if value is not None:
            found.append(value)
    return tuple(found)


def option(items: Sequence[Item] | None, known: bytes, selected: bytes) -> Text:
    """The last value of one option (its own letter if it takes none); None if it never occurs."""
    texts = _texts(items)
    result = None
    for letter, value in _scan(texts or (), known):
        if letter == selected:
            result = letter if value is None else value
    return result


def _scan(items: Sequence[bytes], known: bytes) -> list[tuple[bytes, bytes | None]]:
    """(letter, value or None if it takes none) for each option before the first other item."""
    takes_value = _declared(known)
    found: list[tuple[bytes, bytes | None]] = []
    at = 0
    while at < len(items):
        item = items[at]
        at += 1
        if item == b"--" or item == b"-" or not item.startswith(b"-"):
            break
        if item.startswith(b"--"):
            continue
        for position in range(1, len(item)):
            letter = item[position : position + 1]
            if letter not in takes_value:
                found.append((b"?", None))
            elif not takes_value[letter]:
                found.append((letter, None))
            else:
                rest = item[position + 1 :]
                if not rest and at < len(items):
                    rest = items[at]
                    at += 1
                found.append((letter, rest))
                break
    return found


def _declared(known: bytes) -> Mapping[bytes, bool]:
    """Which letters `"ab:"` names, and whether a value follows them."""
    return {known[i : i + 1]: known[i + 1 : i + 2] == b":" for i in range(len(known)) if known[i : i + 1] != b":"}


def _texts(items: Sequence[Item] | None) -> list[bytes] | None:
    if items is None:
        return None
    texts = []
    for item in items:
        if item is None:
            return None
        texts.append(item if isinstance(item, bytes) else b"%d" % item)
    return texts


def each(function: Callable[[Text], Text]) -> Callable[[Sequence[Text] | None], tuple[Text, ...] | None]:
    """`function` item by item; one unavailable item makes the list unavailable."""

    def mapped(values: Sequence[Text] | None) -> tuple[Text, ...] | None:
        if values is None:
            return None
        results = tuple(function(value) for value in values)
        return None if None in results else results

    return mapped


PLAIN: Final[Mapping[str, Callable[[Text], Text]]] = {
    "tolower": tolower,
    "toupper": toupper,
    "basename": basename,
    "b64": b64,
}
"""Those that work item by item on lists."""
