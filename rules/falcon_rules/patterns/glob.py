"""Globs with the meaning of fnmatch(3) without flags, on bytes, in the C locale.

Python's fnmatch differs (no backslash, no `[[:class:]]`, no `[^x]`) and works on text. A glob is
cut into one set of bytes per position and stars between them; common shapes (`/etc/*`, `*.so`)
become plain prefix and suffix tests, the rest goes to RE2 with bytes as characters.
"""

from __future__ import annotations

import functools
import re
import string
from collections.abc import Callable
from typing import Final, TypeAlias

import re2

STAR: Final = None
Token: TypeAlias = frozenset[int] | None
"""What one byte of the value may be; None is a star."""

ANY: Final = frozenset(range(256))


def _bytes_of(characters: str) -> frozenset[int]:
    return frozenset(characters.encode("ascii"))


_CLASSES: Final = {
    b"alnum": _bytes_of(string.ascii_letters + string.digits),
    b"alpha": _bytes_of(string.ascii_letters),
    b"blank": _bytes_of(" \t"),
    b"cntrl": frozenset(range(32)) | {127},
    b"digit": _bytes_of(string.digits),
    b"graph": frozenset(range(33, 127)),
    b"lower": _bytes_of(string.ascii_lowercase),
    b"print": frozenset(range(32, 127)),
    b"punct": _bytes_of(string.punctuation),
    b"space": _bytes_of(" \t\n\v\f\r"),
    b"upper": _bytes_of(string.ascii_uppercase),
    b"xdigit": _bytes_of(string.hexdigits),
}
_NAMED: Final = re.compile(rb"\[:([a-z]*):\]")


def is_glob(pattern: bytes) -> bool:
    """Whether `pattern` has a wildcard at all."""
    return any(mark in pattern for mark in (b"*", b"?", b"["))


@functools.lru_cache(maxsize=4096)
def compile_glob(pattern: bytes, ignore_case: bool = False) -> Callable[[bytes], bool]:
    """A test whether a value matches as a whole; every text is a glob."""
    tokens = tokenize(pattern, ignore_case)
    if tokens is None:
        return _never
    return _affixes(tokens) or _automaton(tokens)


def tokenize(pattern: bytes, ignore_case: bool = False) -> tuple[Token, ...] | None:
    """The positions and stars of a glob; None when nothing can match it."""
    tokens: list[Token] = []
    at = 0
    while at < len(pattern):
        byte = pattern[at : at + 1]
        at += 1
        if byte == b"*":
            if not tokens or tokens[-1] is not STAR:
                tokens.append(STAR)
        elif byte == b"?":
            tokens.append(ANY)
        elif byte == b"\\":
            if at == len(pattern):
                return None  # fnmatch(3): a trailing backslash matches nothing
            tokens.append(_letters(pattern[at], ignore_case))
            at += 1
        elif byte == b"[" and (found := _bracket(pattern, at, ignore_case)) is not None:
            members, at = found
            tokens.append(members)
        else:
            tokens.append(_letters(byte[0], ignore_case))
    return tuple(tokens)


def _fold(byte: int) -> int:
    return byte + 32 if 65 <= byte <= 90 else byte


def _letters(byte: int, ignore_case: bool) -> frozenset[int]:
    return frozenset(b for b in range(256) if _fold(b) == _fold(byte)) if ignore_case else frozenset((byte,))


def _bracket(pattern: bytes, at: int, ignore_case: bool) -> tuple[frozenset[int], int] | None:
    """The set that starts after `[` at `at` and the offset behind it; None if it never ends."""
    negated = pattern[at : at + 1] in (b"!", b"^")
    at += negated
    members: frozenset[int] = frozenset()
    first = True
    while first or pattern[at : at + 1] != b"]":
        first = False
        if named := _NAMED.match(pattern, at):
            members |= _CLASSES.get(named[1], frozenset())
            at = named.end()
            continue
        found = _member(pattern, at, b".=")
        if found is None:
            return None
        low, at = found
        high = low
        if pattern[at : at + 1] == b"-" and pattern[at + 1 : at + 2] not in (b"]", b""):
            found = _member(pattern, at + 1, b".")
            if found is None:
                return None
            high, at = found
        members |= _range(low, high, ignore_case)
        if at >= len(pattern):
            return None
    return (ANY - members if negated else members), at + 1


def _member(pattern: bytes, at: int, marks: bytes) -> tuple[int, int] | None:
    """One byte of a set: quoted, plain, or `[.x.]` and the like with one of `marks`."""
    if at >= len(pattern):
        return None
    if pattern[at : at + 1] == b"\\":
        return (pattern[at + 1], at + 2) if at + 1 < len(pattern) else None
    mark = pattern[at + 1 : at + 2]
    if pattern[at] == ord("[") and mark and mark in marks and pattern[at + 3 : at + 5] == mark + b"]":
        return pattern[at + 2], at + 5
    return pattern[at], at + 1


def _range(low: int, high: int, ignore_case: bool) -> frozenset[int]:
    if ignore_case:
        low, high = _fold(low), _fold(high)
        return frozenset(b for b in range(256) if low <= _fold(b) <= high)
    return frozenset(range(low, high + 1))


def _never(_: bytes) -> bool:
    return False


def _affixes(tokens: tuple[Token, ...]) -> Callable[[bytes], bool] | None:
    """A plain test for globs that are literal text around at most one star, or between two."""
    if any(token is not STAR and len(token) != 1 for token in tokens):
        return None
    parts: list[bytearray] = [bytearray()]
    for token in tokens:
        if token is STAR:
            parts.append(bytearray())
        else:
            parts[-1] += bytes(token)
    texts = [bytes(part) for part in parts]
    if len(texts) == 1:
        return texts[0].__eq__
    if len(texts) == 2:
        head, tail = texts
        length = len(head) + len(tail)
        return lambda value: len(value) >= length and value.startswith(head) and value.endswith(tail)
    if len(texts) == 3 and not texts[0] and not texts[2]:
        middle = texts[1]
        return lambda value: middle in value
    return None


def _automaton(tokens: tuple[Token, ...]) -> Callable[[bytes], bool]:
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.dot_nl = True
    options.never_capture = True
    options.log_errors = False
    pattern = b"".join(b".*" if token is STAR else _re2_set(token) for token in tokens)
    full_match = re2.compile(pattern, options).fullmatch
    return lambda value: full_match(value) is not None


def _re2_set(members: frozenset[int]) -> bytes:
    if members == ANY:
        return b"."
    if not members:
        return b"[^\\x00-\\xff]"
    if len(members) == 1:
        return b"\\x%02x" % next(iter(members))
    return b"[" + b"".join(b"\\x%02x" % byte for byte in sorted(members)) + b"]"
