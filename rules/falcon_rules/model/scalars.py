"""From an offset in a scalar's text back to the place in its source.

YAML changes text on the way: quotes and escapes go, lines fold, indentation goes. To point at
a character of a condition, the scalar is decoded a second time, this time noting where each
character came from. That happens only when there is something to report.
"""

from __future__ import annotations

import re
from functools import lru_cache

_PROPERTIES = re.compile(r"(?:[&!][^\s]*\s+)*")
_HEADER = re.compile(r"[|>]([-+0-9]*)[^\n]*\n?")
_ESCAPE_LENGTHS = {"x": 2, "u": 4, "U": 8}
_ESCAPES = dict(zip("ntrbf0aveN_LP", "\n\t\r\b\f\0\a\v\x1b\x85\xa0\u2028\u2029", strict=True))
_BREAK = re.compile(r"[ \t]*\r?\n[ \t]*")


VERBATIM = "verbatim"
"""The style of a scalar that is its source: a value that came without YAML around it."""


def source_offset(source: str, style: str, text: str, offset: int) -> int:
    """Where in `source` (the scalar as it stands in the file) character `offset` of `text` begins.

    `style` is "" for plain, else ``'``, ``"``, ``|``, ``>`` or VERBATIM. The offset may be one past the end.
    """
    if style == VERBATIM:
        return offset
    origins = _origins(source, style, text)
    if not origins:
        return 0
    if offset < len(origins):
        return origins[offset]
    return min(origins[-1] + 1, len(source))


@lru_cache(maxsize=64)
def _origins(source: str, style: str, text: str) -> tuple[int, ...]:
    """The source index of each character of `text`; empty if the two cannot be brought together."""
    match = _PROPERTIES.match(source)
    start = match.end() if match else 0
    if style in ("|", ">"):
        return _block(source, start, style == ">", text)
    if style == "":
        pairs = _flow(source, start, len(source), "")
    else:
        end = source.rfind(style)
        pairs = _flow(source, start + 1, end, style)
    found = "".join(char for char, _ in pairs)
    return tuple(index for _, index in pairs) if found == text else ()


def _flow(source: str, start: int, end: int, quote: str) -> list[tuple[str, int]]:
    """Plain and quoted scalars: a line break is a blank, further ones stay, blanks around them go."""
    pairs: list[tuple[str, int]] = []
    at = start
    while at < end:
        broken = _BREAK.match(source, at, end)
        if broken:
            at = _fold(source, broken, pairs, end)
        elif quote == "'" and source.startswith("''", at):
            pairs.append(("'", at))
            at += 2
        elif quote == '"' and source[at] == "\\":
            at = _escape(source, at, pairs)
        else:
            pairs.append((source[at], at))
            at += 1
    return pairs


def _fold(source: str, broken: re.Match[str], pairs: list[tuple[str, int]], end: int) -> int:
    at, breaks = broken.end(), [broken.start()]
    while following := _BREAK.match(source, at, end):
        breaks.append(at)
        at = following.end()
    if len(breaks) == 1:
        pairs.append((" ", breaks[0]))
    else:
        pairs.extend(("\n", index) for index in breaks[1:])
    return at


def _escape(source: str, at: int, pairs: list[tuple[str, int]]) -> int:
    letter = source[at + 1 : at + 2]
    if letter in ("\n", "\r"):
        # An escaped line break joins the lines without a blank.
        match = re.compile(r"\\\r?\n[ \t]*").match(source, at)
        return match.end() if match else at + 2
    length = 2 + _ESCAPE_LENGTHS.get(letter, 0)
    code = source[at + 2 : at + length]
    char = chr(int(code, 16)) if code else _ESCAPES.get(letter, letter)
    pairs.append((char, at))
    return at + length


def _block(source: str, start: int, folded: bool, text: str) -> tuple[int, ...]:
    header = _HEADER.match(source, start)
    if not header:
        return ()
    lines = _lines(source, header.end())
    first = next((line for _, line in lines if line.strip(" \r\n")), "")
    deepest = len(first) - len(first.lstrip(" "))
    explicit = any(char.isdigit() for char in header.group(1))
    # With an indentation indicator the depth counts from the parent's, which the scalar does not know.
    for indent in range(deepest, -1, -1) if explicit else [deepest]:
        pairs = _unindent(lines, indent, folded)
        if "".join(char for char, _ in pairs).rstrip("\n") == text.rstrip("\n"):
            return tuple(index for _, index in pairs)
    return ()


def _lines(source: str, start: int) -> list[tuple[int, str]]:
    lines, at = [], start
    for line in re.findall(r"[^\n]*\n|[^\n]+", source[start:]):
        lines.append((at, line))
        at += len(line)
    return lines


def _unindent(lines: list[tuple[int, str]], indent: int, folded: bool) -> list[tuple[str, int]]:
    """The block's characters. In folded ones a break between two unindented lines is a blank."""
    pairs: list[tuple[str, int]] = []
    breaks: list[int] = []
    blank_before = True
    for at, line in lines:
        body = line.rstrip("\r\n")
        content = body[indent:]
        if not content.strip(" ") and len(body) <= indent:
            breaks.append(at + len(body))
            continue
        blank_now = content[:1] in (" ", "\t")
        if folded and breaks and not blank_before and not blank_now and pairs:
            pairs += [(" ", breaks[0])] if len(breaks) == 1 else [("\n", index) for index in breaks[1:]]
        else:
            pairs += [("\n", index) for index in breaks]
        pairs += [(char, at + indent + i) for i, char in enumerate(content)]
        breaks = [at + len(body)]
        blank_before = blank_now
    return pairs + [("\n", index) for index in breaks]
