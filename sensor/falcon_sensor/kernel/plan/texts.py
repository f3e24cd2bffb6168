"""Comparisons of text as patterns for the automaton.

proc.name in (sh, bash)              {^sh$, ^bash$}
fd.name startswith /etc/             {^/etc/}
fd.name glob /home/*/.ssh/*          {^/home/} and {/.ssh/}      (necessary, not sufficient)
fd.name pmatch (/opt)                {^/opt$, ^/opt/, ^opt$, ^opt/}
"""

from __future__ import annotations

from typing import NamedTuple

from falcon_rules import typed
from falcon_rules.patterns import glob
from falcon_sensor.kernel.plan import atoms, decisions, expression


class Piece(NamedTuple):
    """Literal text of a glob between wildcards."""

    text: bytes
    start: bool
    end: bool


def pattern_leaf(subject: atoms.Subject, *patterns: atoms.Pattern) -> expression.Expression:
    return expression.leaf(atoms.Text(subject, frozenset(patterns)))


def compare(subject: atoms.Subject, op: str, values: tuple[typed.Value, ...]) -> decisions.Decision:
    """`subject op values` for a text that is always there (or whose absence `Text` itself knows)."""
    literals = [value for value in values if isinstance(value, bytes)]
    if len(literals) != len(values):
        return decisions.UNKNOWN
    if op in ("=", "in", "intersects"):
        return decisions.exact(pattern_leaf(subject, *(atoms.Pattern(text, True, True) for text in literals)))
    if op == "pmatch":
        return decisions.either(below(subject, text) for text in literals)
    if len(literals) != 1:
        return decisions.UNKNOWN
    text = literals[0]
    if op == "!=":
        return compare(subject, "=", values).swapped
    if op == "glob":
        return fits_glob(subject, text)
    if op not in ("startswith", "endswith", "contains"):
        return decisions.UNKNOWN
    if not text:
        return decisions.ALWAYS
    return decisions.exact(pattern_leaf(subject, atoms.Pattern(text, op == "startswith", op == "endswith")))


def below(subject: atoms.Subject, path: bytes) -> decisions.Decision:
    """`pmatch`: the path itself or anything below; components with wildcards count from their first on as fitting."""
    parts = [part for part in path.split(b"/") if part]
    plain = next((i for i, part in enumerate(parts) if glob.is_glob(part)), len(parts))
    prefix = b"".join(b"/" + part for part in parts[:plain])
    # A leading slash is irrelevant: names without one are pipes, memfds and the like.
    inside = [atoms.Pattern(start + b"/", True) for start in (prefix, prefix[1:])]
    if not prefix:
        return decisions.ALWAYS if not parts else decisions.UNKNOWN
    if plain < len(parts):
        return decisions.Decision(pattern_leaf(subject, *inside), expression.TRUE)
    itself = [atoms.Pattern(text, True, True) for text in (prefix, prefix[1:])]
    return decisions.exact(pattern_leaf(subject, *inside, *itself))


def pieces(text: bytes) -> tuple[list[Piece], bool] | None:
    """Literal parts of a glob, and whether they say all there is to it; None when nothing can match it."""
    tokens = glob.tokenize(text)
    if tokens is None:
        return None
    found: list[Piece] = []
    run = bytearray()
    start = True
    stars_only = True
    for token in (*tokens, "end"):
        if isinstance(token, frozenset) and len(token) == 1:
            run += bytes(token)
            continue
        if run or (start and token == "end"):
            found.append(Piece(bytes(run), start, token == "end"))
        run.clear()
        start = False
        stars_only = stars_only and (token is glob.STAR or token == "end")
    return found, stars_only and len(found) <= 1


def fits_glob(subject: atoms.Subject, text: bytes) -> decisions.Decision:
    parts = pieces(text)
    if parts is None:
        return decisions.NEVER
    found, complete = parts
    condition = expression.every(
        *(pattern_leaf(subject, atoms.Pattern(piece.text, piece.start, piece.end)) for piece in found)
    )
    return decisions.exact(condition) if complete else decisions.Decision(condition, expression.TRUE)
