"""The one exception of this package."""

from __future__ import annotations

from falcon_rules import tree


class ConditionSyntaxError(Exception):
    """The text is not a condition.

    span: where, in characters of the text. suggestion: what was probably meant, if anything.
    """

    def __init__(self, message: str, span: tree.Span, suggestion: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.span = span
        self.suggestion = suggestion

    @property
    def offset(self) -> int:
        return self.span.start
