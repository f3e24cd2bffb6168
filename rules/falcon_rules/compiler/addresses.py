"""One address space for the texts of all conditions.

A tree may be put together from several texts (a rule's, those of its macros). Each text gets a
range of addresses of its own and is parsed with spans in that range, so that any node can be
traced back to the place where it was written, wherever it has been inserted since.
"""

from __future__ import annotations

import bisect

from falcon_rules import diagnostics, tree
from falcon_rules.model import documents


class Addresses:
    """Hands out ranges."""

    def __init__(self) -> None:
        self._bases: list[int] = []
        self._texts: list[documents.Text] = []
        self._next = 0

    def add(self, text: documents.Text) -> int:
        """The address of the text's first character."""
        base = self._next
        self._bases.append(base)
        self._texts.append(text)
        # One spare address, so that "one past the end" still belongs to the text.
        self._next += len(text.string) + 1
        return base

    def mark(self) -> int:
        """For `release`: how many texts there are."""
        return len(self._texts)

    def release(self, mark: int) -> None:
        """Forgets the texts since the mark; spans in them lose their meaning."""
        if mark < len(self._texts):
            self._next = self._bases[mark]
            del self._bases[mark:], self._texts[mark:]

    def place(self, span: tree.Span) -> diagnostics.Place | None:
        """Where the span's first character was written; None for text that nobody wrote."""
        index = bisect.bisect_right(self._bases, span.start) - 1
        if index < 0:
            return None
        return self._texts[index].place(span.start - self._bases[index], max(1, span.end - span.start))
