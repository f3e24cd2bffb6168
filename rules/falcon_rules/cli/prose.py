"""Text for terminals: conditions laid out over lines, paragraphs, columns."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from falcon_rules import tree
from falcon_rules.syntax import printing

LINE = 100
"""Longest line of a condition, indentation included, where it can be broken."""


def condition(node: tree.Node, indent: int = 2) -> str:
    """The condition over as many lines as it takes, each `and` and `or` of a long part on a line of its own."""
    return "\n".join(_lines(node, indent))


def paragraph(text: str, indent: int = 0) -> str:
    """Wrapped to the terminal."""
    blank = " " * indent
    width = min(shutil.get_terminal_size().columns, 120)
    return textwrap.fill(" ".join(text.split()), max(width, indent + 40), initial_indent=blank, subsequent_indent=blank)


def columns(rows: Iterable[Sequence[str]], indent: int = 0) -> str:
    """Rows whose cells stand below each other; the last cell is not padded. A text of lines, each with its end."""
    listed = [list(row) for row in rows]
    if not listed:
        return ""
    widths = [max(len(row[i]) for row in listed if i < len(row)) for i in range(max(map(len, listed)))]
    blank = " " * indent
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip() for row in listed]
    return "".join(f"{blank}{line}\n" for line in lines)


def shortened(text: str, most: int = LINE) -> str:
    """At most so many characters, with dots where something is missing."""
    return text if len(text) <= most else f"{text[: most - 4]} ..."


def _lines(node: tree.Node, indent: int) -> Iterator[str]:
    blank = " " * indent
    if isinstance(node, tree.And | tree.Or) and len(_plain(node)) + indent > LINE:
        word = "and " if isinstance(node, tree.And) else "or "
        for number, child in enumerate(_flat(node)):
            yield from _part(child, blank + (word if number else ""), indent)
    else:
        yield from _part(node, blank, indent, outermost=True)


def _part(node: tree.Node, start: str, indent: int, *, outermost: bool = False) -> Iterator[str]:
    """One part; `start` is what its first line begins with, `indent` how far its last one is in."""
    text = _plain(node) if outermost else printing.text(node)
    if len(start) + len(text) <= LINE:
        yield start + text
        return
    match node:
        case tree.Not(child):
            yield from _part(child, start + "not ", indent)
        case tree.And() | tree.Or():
            yield start + "("
            yield from _lines(node, indent + 2)
            yield " " * indent + ")"
        case _:
            further = " " * (indent + 4)
            yield from textwrap.wrap(
                text,
                LINE,
                initial_indent=start,
                subsequent_indent=further,
                break_long_words=False,
                break_on_hyphens=False,
            )


def _flat(node: tree.And | tree.Or) -> Iterator[tree.Node]:
    """Children, those of children of the same kind included: parentheses around them say nothing."""
    for child in node.children:
        if isinstance(child, type(node)) and isinstance(child, tree.And | tree.Or):
            yield from _flat(child)
        else:
            yield child


def _plain(node: tree.Node) -> str:
    """Without parentheses around the whole."""
    text = printing.text(node)
    return text[1:-1] if isinstance(node, tree.And | tree.Or) else text
