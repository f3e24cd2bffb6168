"""The canonical text of a tree: parentheses around every `and` and `or`, single blanks.

It parses back to the same tree (apart from spans), because words stay words and quoted strings
stay quoted. Bytes outside ASCII control characters are written as they are.
"""

from __future__ import annotations

from falcon_rules import tree
from falcon_rules.syntax import quoting


def text(node: tree.Node) -> str:
    """The condition's canonical text."""
    match node:
        case tree.And(children):
            return "(" + " and ".join(map(text, children)) + ")"
        case tree.Or(children):
            return "(" + " or ".join(map(text, children)) + ")"
        case tree.Not(tree.Not() as child):
            # Without the parenthesis the two would cancel.
            return f"not ({text(child)})"
        case tree.Not(child):
            return f"not {text(child)}"
        case tree.MacroRef(name):
            return name
        case tree.Check(op, left, None):
            return f"{operand(left)} {op}"
        case tree.Check(op, left, right):
            assert right is not None
            return f"{operand(left)} {op} {operand(right)}"


def operand(node: tree.Operand) -> str:
    """One side of a check, or an argument of a transformer."""
    match node:
        case tree.Field(name, argument):
            return name + _brackets(argument)
        case tree.Call(name, arguments, argument):
            return f"{name}({', '.join(map(operand, arguments))}){_brackets(argument)}"
        case tree.Literal(value, quoted):
            return quoting.quote(value) if quoted else value
        case tree.LiteralList(items):
            return "(" + ", ".join(map(operand, items)) + ")"
        case tree.CallList(parts):
            return "(" + ", ".join(map(operand, parts)) + ")"


def _brackets(argument: str | None) -> str:
    return "" if argument is None else f"[{quoting.quote_argument(argument)}]"
