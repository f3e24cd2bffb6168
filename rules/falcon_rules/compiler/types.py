"""Type checking: a syntax tree without macros becomes a typed condition.

Looks every field up, converts every literal to the type of its field, and refuses operators a
type does not have. `check` also folds constants; `check_exactly` leaves them, for the questions
that must see what was written (`event_types`).
"""

from __future__ import annotations

import difflib
from typing import Final

from falcon_rules import operands, tree, typed
from falcon_rules.compiler import fold, literals
from falcon_rules.fields import events, table
from falcon_rules.patterns import regex

CheckError = operands.CheckError
Code = operands.Code

_EQUALITY: Final = frozenset({"=", "!="})
_ORDER: Final = frozenset({"<", "<=", ">", ">="})
_LISTS: Final = frozenset({"in", "intersects"})
_TEXT_OPS: Final = _EQUALITY | _ORDER | _LISTS | (typed.TEXT_TESTS - {"bcontains", "bstartswith"}) | {"pmatch"}
_BYTES_OPS: Final = _EQUALITY | _LISTS | {"contains", "startswith", "endswith", "bcontains", "bstartswith"}
_NUMBER_OPS: Final = _EQUALITY | _ORDER | _LISTS
_PLAIN_OPS: Final = _EQUALITY | _LISTS
_OPERATORS: Final = {
    typed.Kind.TEXT: _TEXT_OPS,
    typed.Kind.BYTES: _BYTES_OPS,
    typed.Kind.NUMBER: _NUMBER_OPS,
    typed.Kind.BOOL: _PLAIN_OPS,
    typed.Kind.ADDRESS: _PLAIN_OPS,
    typed.Kind.NETWORK: _PLAIN_OPS,
}
_MODIFIED: Final = _EQUALITY | typed.TEXT_TESTS
_LISTABLE: Final = frozenset(
    {
        table.Type.CHARBUF,
        table.Type.FSPATH,
        table.Type.FSRELPATH,
        table.Type.UINT64,
        table.Type.RELTIME,
        table.Type.ABSTIME,
        table.Type.BOOL,
        table.Type.IPADDR,
        table.Type.IPNET,
    }
)
_NS_PER_MS: Final = 1_000_000


def check(node: tree.Node, source: str = "syscall", extra: operands.Extra = None) -> typed.Condition:
    """The typed form of `node` with constants folded and equal parts shared. Raises CheckError.

    extra: fields besides the table's, by name.
    """
    return fold.fold(check_exactly(node, source, extra))


def check_exactly(node: tree.Node, source: str = "syscall", extra: operands.Extra = None) -> typed.Condition:
    """The typed form of `node` as written. Raises CheckError.

    Walks with a stack of its own: rules may nest deeper than Python's. A sub-tree that occurs
    twice as one object (a macro used twice) is checked once.
    """
    if source != "syscall":
        raise CheckError(f"no fields are known for source {source}", node.span, Code.UNKNOWN_FIELD)
    done: dict[int, typed.Condition] = {}
    todo: list[tuple[tree.Node, bool]] = [(node, False)]
    while todo:
        current, children_done = todo.pop()
        if id(current) in done:
            continue
        match current:
            case tree.Check():
                done[id(current)] = _check(current, extra)
            case tree.MacroRef():
                raise CheckError(f"undefined macro {current.name}", current.span, Code.UNDEFINED_MACRO)
            case _ if not children_done:
                todo.append((current, True))
                children = (current.child,) if isinstance(current, tree.Not) else current.children
                todo += [(child, False) for child in reversed(children)]
            case tree.Not(child=child):
                done[id(current)] = typed.Negation(done[id(child)])
            case tree.And() | tree.Or():
                make = typed.All if isinstance(current, tree.And) else typed.Some
                done[id(current)] = make(tuple(done[id(child)] for child in current.children))
    return done[id(node)]


def _check(node: tree.Check, extra: operands.Extra) -> typed.Condition:
    written, _, modifier = node.op.partition(" ")
    op = "=" if written == "==" else written
    if isinstance(node.left, tree.Call) and node.left.name == "val":
        raise CheckError("val() stands on the right side only", node.left.span, Code.BAD_TRANSFORMER)
    left = operands.check(node.left, extra)
    assert isinstance(left.operand, typed.FieldRef | typed.Transform)
    _refuse_transformed_event_type(node)
    if left.operand.name == "evt.around" and isinstance(left.operand, typed.FieldRef):
        return _around(node, op, modifier, left.operand)
    if op == "exists":
        return typed.Comparison("exists", left.operand)
    _check_operator(node, op, modifier, left)
    if isinstance(node.right, tree.Literal | tree.LiteralList):
        return typed.Comparison(op, left.operand, _literals(node.right, op, left), modifier or None)
    assert isinstance(node.right, tree.Call)
    return typed.Comparison(op, left.operand, _right_operand(node, node.right, op, left, extra))


def _refuse_transformed_event_type(node: tree.Check) -> None:
    """Which events a rule is for must be readable from its literals."""
    todo: list[tree.Operand] = [node.left]
    while todo:
        part = todo.pop()
        if isinstance(part, tree.Call):
            todo += part.arguments
        elif isinstance(part, tree.CallList):
            todo += part.items
        elif (
            isinstance(part, tree.Field)
            and part.name == "evt.type"
            and (part is not node.left or isinstance(node.right, tree.Call))
        ):
            message = "evt.type can only be compared as it is and with literals"
            raise CheckError(message, node.span, Code.BAD_COMPARISON)


def _check_operator(node: tree.Check, op: str, modifier: str, left: operands.Checked) -> None:
    if left.many:
        allowed = _LISTS if left.type in _LISTABLE else frozenset()
        what = f"lists of type {left.type}"
    else:
        allowed = frozenset() if operands.is_opaque(left.type) else _OPERATORS[operands.kind_of(left.type)]
        what = f"type {left.type}"
    if op not in allowed:
        close = difflib.get_close_matches(op, sorted(allowed), n=1, cutoff=0.5)
        raise CheckError(
            f"operator {op} does not apply to {what}", node.span, Code.BAD_OPERATOR, close[0] if close else None
        )
    if modifier and op not in _MODIFIED:
        raise CheckError(f"{modifier} does not go with {op}", node.span, Code.BAD_OPERATOR)


def _literals(right: tree.Literal | tree.LiteralList, op: str, left: operands.Checked) -> tuple[typed.Value, ...]:
    items = right.items if isinstance(right, tree.LiteralList) else (right,)
    return tuple(_literal(item, op, left) for item in items)


def _literal(item: tree.Literal, op: str, left: operands.Checked) -> typed.Value:
    text = operands.literal_bytes(item)
    if left.field is not None and left.field.name == "evt.type":
        name = text.decode("utf-8", "replace")
        if text and not events.is_known(name):
            raise CheckError(f"unknown event type {name}", item.span, Code.UNKNOWN_EVENT_TYPE, events.suggest(name))
    try:
        value = literals.convert(text, left.type, op)
        if op == "regex":
            regex.compile_regex(text)
    except regex.BadPattern as error:
        raise CheckError(f"not a regular expression: {error}", item.span, Code.BAD_LITERAL) from None
    except literals.BadLiteral as error:
        raise CheckError(str(error), item.span, Code.BAD_LITERAL) from None
    return value


def _right_operand(
    node: tree.Check, call: tree.Call, op: str, left: operands.Checked, extra: operands.Extra
) -> typed.FieldRef | typed.Transform:
    if op in ("pmatch", "regex") or left.type is table.Type.IPNET:
        what = "networks" if left.type is table.Type.IPNET else op
        raise CheckError(f"{what} can only be compared with literals", node.span, Code.BAD_COMPARISON)
    right = _val(call, extra) if call.name == "val" else operands.check(call, extra)
    for side in (left, right):
        if side.field is not None and side.field.no_field_comparison:
            raise CheckError(
                f"field {side.field.name} cannot be compared with another field", node.span, Code.BAD_COMPARISON
            )
    if (left.type, left.many) != (right.type, right.many):
        raise CheckError(
            f"the sides have different types: {_type_name(left)} and {_type_name(right)}",
            node.span,
            Code.BAD_COMPARISON,
        )
    assert isinstance(right.operand, typed.FieldRef | typed.Transform)
    return right.operand


def _type_name(side: operands.Checked) -> str:
    return f"LIST({side.type})" if side.many else str(side.type)


def _val(call: tree.Call, extra: operands.Extra) -> operands.Checked:
    if len(call.arguments) != 1 or not isinstance(call.arguments[0], tree.Field) or call.argument is not None:
        raise CheckError("val() takes one field", call.span, Code.BAD_TRANSFORMER)
    return operands.check_field(call.arguments[0], extra)


def _around(node: tree.Check, op: str, modifier: str, field: typed.FieldRef) -> typed.Condition:
    """`evt.around[T] = D`: the event is within D milliseconds of time T (ns)."""
    if op != "=" or modifier or not isinstance(node.right, tree.Literal):
        raise CheckError("evt.around supports only = with a number", node.span, Code.BAD_OPERATOR)
    try:
        distance = literals.convert(operands.literal_bytes(node.right), table.Type.UINT64)
    except literals.BadLiteral as error:
        raise CheckError(str(error), node.right.span, Code.BAD_LITERAL) from None
    assert isinstance(distance, int)
    centre = int(field.argument or 0)
    time = typed.FieldRef("evt.rawtime", None, typed.Kind.NUMBER)
    return typed.All(
        (
            typed.Comparison(">=", time, (max(0, centre - distance * _NS_PER_MS),)),
            typed.Comparison("<=", time, (centre + distance * _NS_PER_MS,)),
        )
    )
