"""Output texts: what options add to them, and what no longer belongs into them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from falcon_rules import bundle, typed
from falcon_rules.compiler import hints, options
from falcon_rules.diagnostics import Code, Diagnostic, Severity
from falcon_rules.model.definitions import RuleDefinition
from falcon_rules.model.documents import Text

Parse = Callable[[str], bundle.Output]
"""How output texts are read. Raises operands.CheckError with a span of the text.

Handed in from above, because the package of outputs stands beside this one, not below it.
"""

_CONTAINER_INFO = re.compile(r"%container\.info(?![a-zA-Z0-9_.])")


def text_of(rule: RuleDefinition, wanted: options.Options, found: list[Diagnostic]) -> Text:
    """The rule's output with everything that options add to it."""
    text = _without_container_info(rule, found)
    for extra in wanted.extra_outputs:
        if extra.matches(rule.name, rule.source, rule.tags):
            text = text.joined(Text.of(extra.format))
    return text


def _without_container_info(rule: RuleDefinition, found: list[Diagnostic]) -> Text:
    text, pieces, done = rule.output, [], 0
    for match in _CONTAINER_INFO.finditer(text.string):
        pieces += text.slice(done, match.start())
        done = match.end()
    if not done:
        return text
    message = "%container.info is deprecated and left out; write the container fields you want"
    place = text.place(done - len("%container.info"), len("%container.info"))
    found.append(rule.entry.finding(Severity.WARNING, Code.DEPRECATED_ITEM, message, place))
    return Text([*pieces, *text.slice(done, len(text.string))])


def deprecated_fields(compiled: bundle.Output) -> set[str]:
    """The deprecated fields that an output prints."""
    names = {
        name for piece in compiled.pieces if isinstance(piece, bundle.Placeholder) for name in _names(piece.operand)
    }
    return names & hints.DEPRECATED_FIELDS


def _names(operand: typed.Operand) -> Iterator[str]:
    if isinstance(operand, typed.FieldRef):
        yield operand.name
    elif isinstance(operand, typed.Transform):
        for argument in operand.arguments:
            yield from _names(argument)
    elif isinstance(operand, typed.ListOf):
        for item in operand.items:
            yield from _names(item)
