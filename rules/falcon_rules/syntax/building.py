"""Nodes, made while parsing: one method for each rule of `grammar.lark`.

Methods get what the rule matched, tokens and finished nodes, and must not keep anything between
calls except `base`, the address at which the text being parsed starts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, cast

import lark

from falcon_rules import tree
from falcon_rules.syntax import quoting

Children: TypeAlias = "list[lark.Token | tree.Node | tree.Operand]"


class Builder(lark.Transformer[lark.Token, tree.Node]):
    """Lark calls these methods at each reduction, innermost first."""

    base = 0

    def start(self, children: Children) -> tree.Node:
        return cast(tree.Node, children[0])

    group = start

    def disjunction(self, children: Children) -> tree.Node:
        return self._chain(tree.Or, children)

    def conjunction(self, children: Children) -> tree.Node:
        return self._chain(tree.And, children)

    def _chain(self, kind: Callable[[tuple[tree.Node, ...], tree.Span], tree.Node], children: Children) -> tree.Node:
        # The closing parenthesis of `and(...)` is no operand.
        nodes = tuple(cast(tree.Node, child) for child in children if not isinstance(child, lark.Token))
        return kind(nodes, tree.Span(nodes[0].span.start, nodes[-1].span.end))

    def negation(self, children: Children) -> tree.Node:
        """Runs of `not` cancel in pairs; a group's own `not` is not part of the run."""
        tokens = [child for child in children if isinstance(child, lark.Token)]
        node = cast(tree.Node, next(child for child in children if not isinstance(child, lark.Token)))
        if sum(token.type != "CLOSE" for token in tokens) % 2 == 0:
            return node
        return tree.Not(node, tree.Span(self._start(tokens[0]), node.span.end))

    def macro(self, children: Children) -> tree.Node:
        (name,) = cast("list[lark.Token]", children)
        return tree.MacroRef(str(name), self._span(name))

    def exists(self, children: Children) -> tree.Node:
        left = self._operand(children[0])
        return tree.Check("exists", left, None, tree.Span(left.span.start, self._end(children[1])))

    def compare(self, children: Children) -> tree.Node:
        left, right = self._operand(children[0]), self._operand(children[-1])
        operator = " ".join(str(token) for token in children[1:-1])
        return tree.Check(operator, left, right, tree.Span(left.span.start, right.span.end))

    def value(self, children: Children) -> tree.Call:
        field, close = children
        start = self._operand(field).span.start - len("val(")
        return tree.Call("val", (self._operand(field),), None, tree.Span(start, self._end(close)))

    def call(self, children: Children) -> tree.Call:
        name, close = cast(lark.Token, children[0]), cast(lark.Token, children[-1])
        argument = quoting.argument(close[2:-1], close.start_pos or 0) if close.type == "CLOSE_ARGUMENT" else None
        arguments = tuple(self._operand(child) for child in children[1:-1])
        return tree.Call(str(name[:-1]), arguments, argument, tree.Span(self._start(name), self._end(close)))

    def call_list(self, children: Children) -> tree.CallList:
        *items, close = children
        operands = tuple(self._operand(item) for item in items)
        end = self._end(close)
        return tree.CallList(operands, tree.Span(operands[0].span.start - 1 if operands else end - 1, end))

    def list(self, children: Children) -> tree.LiteralList:
        *items, close = cast("list[lark.Token]", children)
        literals = tuple(self._literal(item) for item in items)
        end = self._end(close)
        return tree.LiteralList(literals, tree.Span(literals[0].span.start - 1 if literals else end - 1, end))

    def _operand(self, child: lark.Token | tree.Node | tree.Operand) -> tree.Operand:
        if not isinstance(child, lark.Token):
            return cast(tree.Operand, child)
        if child.type == "FIELD":
            return self._field(child)
        return self._literal(child)

    def _field(self, token: lark.Token) -> tree.Field:
        name, bracket, rest = str(token).partition("[")
        argument = quoting.argument(rest[:-1], (token.start_pos or 0) + len(name) + 1) if bracket else None
        return tree.Field(name, argument, self._span(token))

    def _literal(self, token: lark.Token) -> tree.Literal:
        if token.type == "QUOTED":
            return tree.Literal(quoting.unquote(token, token.start_pos or 0), True, self._span(token))
        return tree.Literal(str(token), False, self._span(token))

    def _start(self, token: lark.Token) -> int:
        return self.base + (token.start_pos or 0)

    def _end(self, token: object) -> int:
        return self.base + (cast(lark.Token, token).end_pos or 0)

    def _span(self, token: lark.Token) -> tree.Span:
        return tree.Span(self._start(token), self._end(token))
