"""The C text cut into parts that are compiled apart: side by side, and only those that have changed.

    text     structs, maps, helpers, filters, programs        all of it, as `csource` prints it
    part     ev_open -> falcon_want_open -> falcon_walk_text -> falcon_paths ...        in the text's order

A part holds what some programs need, and nothing else of the text. So a rule about opens changes the part with the
programs of opens and leaves the others as they were, byte for byte, with what has been compiled of them. Programs of
different parts meet where they always do, in maps (tail calls are one, too), and maps of one name are one map.

This knows the form in which our own C is written and no more of C. What it does not know is in every part. What is
needed is told by its name, so no name may be put together by the preprocessor.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_WORD = re.compile(r"[A-Za-z_]\w*")
_DEFINE = re.compile(r"\s*#\s*define\s+(\w+)")
_TABLE = re.compile(r"BPF_TABLE\((?:[^,]+,){3}\s*(\w+)")
_MAP = re.compile(r"BPF_[A-Z_]+\((\w+)")
_TYPE = re.compile(r"struct\s+(\w+)\s*\{")
_POINTER = re.compile(r"static\s[\w\s*]*\(\*(\w+)\)")
_FUNCTION = re.compile(r"(static __always_inline|int)\s[\w\s*]*?(\w+)\(")


@dataclass(frozen=True, slots=True)
class _Block:
    """One declaration, or a line for the preprocessor. names: what others know it by; none: it is in every part."""

    lines: range
    names: frozenset[str]
    words: frozenset[str]
    is_program: bool = False


def split(text: str, groups: Iterable[Collection[str]]) -> list[str]:
    """A part for each group of programs and maps of which some program is in the text. A program in none of the groups
    is in the last part. Lines keep their numbers."""
    lines = _COMMENT.sub(lambda comment: "\n" * comment[0].count("\n"), text).split("\n")
    blocks = list(_blocks(lines))
    programs = {name for block in blocks if block.is_program for name in block.names}
    given = list(map(set, groups))
    given[-1] |= programs.difference(*given)
    return [_part(lines, blocks, group) for group in given if group & programs]


def _part(lines: Sequence[str], blocks: Sequence[_Block], wanted: Collection[str]) -> str:
    by_name = defaultdict(list)
    for block in blocks:
        for name in block.names:
            by_name[name].append(block)
    kept = {block.lines: block for block in blocks if not block.names}
    words = {*wanted, *(word for block in kept.values() for word in block.words)}
    pending = list(words)
    while pending:
        for block in by_name.get(pending.pop(), ()):
            if block.lines not in kept:
                kept[block.lines] = block
                pending += block.words - words
                words |= block.words
    shown = {number for block in kept for number in block}
    return "\n".join(line if number in shown else "" for number, line in enumerate(lines))


def _blocks(lines: Sequence[str]) -> Iterator[_Block]:
    start, depth, directive = 0, 0, False
    for number, line in enumerate(lines):
        if start == number and not line.strip():
            start = number + 1
            continue
        if start == number:
            directive = line.lstrip().startswith("#")
        if not directive:
            depth += line.count("{") - line.count("}")
        ended = not line.endswith("\\") if directive else not depth and line.rstrip().endswith((";", "}"))
        if ended:
            yield _block(range(start, number + 1), "\n".join(lines[start : number + 1]))
            start = number + 1
    if start < len(lines):
        yield _block(range(start, len(lines)), "\n".join(lines[start:]))


def _block(lines: range, text: str) -> _Block:
    words = frozenset(_WORD.findall(text))
    if text.startswith("enum {"):
        return _Block(lines, words - {"enum"}, words)
    for form in (_DEFINE, _TABLE, _MAP, _TYPE, _POINTER):
        if found := form.match(text):
            return _Block(lines, frozenset((found[1],)), words)
    if found := _FUNCTION.match(text):
        return _Block(lines, frozenset((found[2],)), words, found[1] == "int")
    return _Block(lines, frozenset(), words)
