"""Fields and transformer calls, looked up and type-checked.

Both sides of a comparison and the placeholders of an output text consist of these, so this
stands below the compiler and `output`. In: operands of a syntax tree, where anything may be
written. Out: operands of which every name exists and every argument fits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from falcon_rules import tree, typed
from falcon_rules.fields import table

Extra: TypeAlias = Mapping[str, table.Field] | None
"""Fields besides the table's, by name."""

MAX_NESTING: Final = 100
"""Calls within calls. Real rules need two or three; the limit keeps recursion harmless."""


class Code(StrEnum):
    """What kind of mistake a CheckError is about."""

    UNKNOWN_FIELD = "unknown_field"
    UNKNOWN_EVENT_TYPE = "unknown_event_type"
    UNDEFINED_MACRO = "undefined_macro"
    BAD_OPERATOR = "bad_operator"
    BAD_LITERAL = "bad_literal"
    BAD_TRANSFORMER = "bad_transformer"
    BAD_COMPARISON = "bad_comparison"
    BAD_OUTPUT = "bad_output"


class CheckError(Exception):
    """A condition or an operand is well-formed but wrong: `message` says what, `span` where.

    suggestion: what was probably meant, if something is close.
    """

    def __init__(self, message: str, span: tree.Span, code: Code, suggestion: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.span = span
        self.code = code
        self.suggestion = suggestion


@dataclass(frozen=True, slots=True)
class Checked:
    """A typed operand with its exact type, which comparisons of two fields must agree on.

    field: the table's entry when the operand is a field itself and no call.
    """

    operand: typed.Operand
    type: table.Type
    many: bool = False
    field: table.Field | None = None


_TEXT_TYPES: Final = frozenset({table.Type.CHARBUF, table.Type.FSPATH, table.Type.FSRELPATH})
_OPAQUE_TYPES: Final = frozenset(
    {table.Type.SOCKADDR, table.Type.SOCKTUPLE, table.Type.FDLIST, table.Type.SIGSET, table.Type.DYNAMIC}
)
_KINDS: Final = {
    table.Type.BOOL: typed.Kind.BOOL,
    table.Type.IPADDR: typed.Kind.ADDRESS,
    table.Type.IPNET: typed.Kind.NETWORK,
    table.Type.BYTEBUF: typed.Kind.BYTES,
} | dict.fromkeys(_OPAQUE_TYPES, typed.Kind.BYTES)
_WIDE: Final = frozenset(
    {
        table.Type.INT64,
        table.Type.UINT64,
        table.Type.FD,
        table.Type.PID,
        table.Type.ERRNO,
        table.Type.RELTIME,
        table.Type.ABSTIME,
    }
)
"""The number types that lists inside calls print."""


def is_text(kind: table.Type) -> bool:
    return kind in _TEXT_TYPES


def is_opaque(kind: table.Type) -> bool:
    """Values that only `exists` can ask about."""
    return kind in _OPAQUE_TYPES


def kind_of(kind: table.Type) -> typed.Kind:
    """What a value of this type is to the evaluator."""
    if kind in _TEXT_TYPES:
        return typed.Kind.TEXT
    return _KINDS.get(kind, typed.Kind.NUMBER)


def check(operand: tree.Operand, extra: Extra = None) -> Checked:
    """Type-check a field or a call (anything that may stand on a left side). Raises CheckError."""
    return _check(operand, extra, 0)


def check_field(node: tree.Field, extra: Extra = None) -> Checked:
    """Look one field up. Raises CheckError."""
    try:
        found = table.lookup(node.name, node.argument, extra)
    except table.UnknownField as error:
        raise CheckError(str(error), node.span, Code.UNKNOWN_FIELD, error.suggestion) from None
    return Checked(reference(found), found.type, found.field.many, found.field)


def reference(found: table.Found) -> typed.FieldRef:
    """A looked-up field as typed conditions and outputs hold it."""
    return typed.FieldRef(found.field.name, found.argument, kind_of(found.type), found.field.many)


def _check(node: tree.Operand, extra: Extra, depth: int) -> Checked:
    match node:
        case tree.Field():
            return check_field(node, extra)
        case tree.Call():
            if depth >= MAX_NESTING:
                raise _refused(f"more than {MAX_NESTING} calls within each other", node)
            return _check_call(node, extra, depth)
        case tree.Literal():
            return Checked(typed.Constant(literal_bytes(node)), table.Type.CHARBUF)
        case tree.CallList():
            return _check_list(node, extra, depth)
        case tree.LiteralList():
            items = tuple(typed.Constant(literal_bytes(item)) for item in node.items)
            return Checked(typed.ListOf(items), table.Type.CHARBUF, many=True)


def literal_bytes(node: tree.Literal) -> bytes:
    """The bytes a literal stands for. Raises CheckError for text no encoding can express."""
    try:
        return node.text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise CheckError("text is not valid Unicode", node.span, Code.BAD_LITERAL) from None


def _check_list(node: tree.CallList, extra: Extra, depth: int) -> Checked:
    items: list[typed.Operand] = []
    for item in node.items:
        checked = _check(item, extra, depth + 1)
        if checked.many or not (is_text(checked.type) or checked.type in _WIDE):
            raise _refused(f"type {_type_name(checked)} cannot be an item of a list: text or 64-bit numbers can", item)
        items.append(checked.operand)
    return Checked(typed.ListOf(tuple(items)), table.Type.CHARBUF, many=True)


def _check_call(node: tree.Call, extra: Extra, depth: int) -> Checked:
    signature = _SIGNATURES.get(node.name)
    if signature is None:
        raise _refused(f"unknown transformer {node.name}()", node)
    if node.argument is not None and node.name != "getopt":
        raise _refused(f"{node.name}() takes no argument in brackets", node)
    arguments = tuple(_check(argument, extra, depth + 1) for argument in node.arguments)
    for argument in arguments:
        if argument.field is not None and argument.field.no_transformer:
            raise _refused(f"field {argument.field.name} cannot be used in {node.name}()", node)
    kind, many = signature(node, arguments)
    operand = typed.Transform(node.name, tuple(a.operand for a in arguments), node.argument, kind_of(kind), many)
    return Checked(operand, kind, many)


def _refused(message: str, node: tree.Operand) -> CheckError:
    return CheckError(message, node.span, Code.BAD_TRANSFORMER)


def _type_name(checked: Checked) -> str:
    return f"LIST({checked.type})" if checked.many else str(checked.type)


def _single(node: tree.Call, arguments: tuple[Checked, ...]) -> Checked:
    if len(arguments) != 1:
        raise _refused(f"{node.name}() takes one argument, not {len(arguments)}", node)
    return arguments[0]


def _text_to_text(node: tree.Call, arguments: tuple[Checked, ...]) -> tuple[table.Type, bool]:
    argument = _single(node, arguments)
    if not is_text(argument.type) or isinstance(argument.operand, typed.ListOf):
        raise _refused(f"{node.name}() takes text, not {_type_name(argument)}", node)
    return argument.type, argument.many


def _b64(node: tree.Call, arguments: tuple[Checked, ...]) -> tuple[table.Type, bool]:
    argument = _single(node, arguments)
    readable = is_text(argument.type) or argument.type is table.Type.BYTEBUF
    if not readable or isinstance(argument.operand, typed.ListOf):
        raise _refused(f"b64() takes text or bytes, not {_type_name(argument)}", node)
    return argument.type, argument.many


def _len(node: tree.Call, arguments: tuple[Checked, ...]) -> tuple[table.Type, bool]:
    argument = _single(node, arguments)
    if not (argument.many or is_text(argument.type) or argument.type is table.Type.BYTEBUF):
        raise _refused(f"len() takes text, bytes or a list, not {_type_name(argument)}", node)
    return table.Type.UINT64, False


def _join(node: tree.Call, arguments: tuple[Checked, ...]) -> tuple[table.Type, bool]:
    if len(arguments) != 2:
        raise _refused(f"join() takes a separator and a list, not {len(arguments)} arguments", node)
    separator, items = arguments
    if separator.many or not is_text(separator.type):
        raise _refused("the first argument of join() must be text", node)
    if not items.many or not is_text(items.type):
        raise _refused("the second argument of join() must be a list of text", node)
    return table.Type.CHARBUF, False


def _concat(node: tree.Call, arguments: tuple[Checked, ...]) -> tuple[table.Type, bool]:
    if len(arguments) < 2:
        raise _refused("concat() takes two or more arguments", node)
    if any(argument.many or not is_text(argument.type) for argument in arguments):
        raise _refused("the arguments of concat() must be text", node)
    return table.Type.CHARBUF, False


def _getopt(node: tree.Call, arguments: tuple[Checked, ...]) -> tuple[table.Type, bool]:
    if len(arguments) != 2:
        raise _refused(f"getopt() takes a list and an option text, not {len(arguments)} arguments", node)
    items, options = arguments
    if not items.many or not is_text(items.type):
        raise _refused("the first argument of getopt() must be a list of text", node)
    if not isinstance(options.operand, typed.Constant):
        raise _refused('the second argument of getopt() must be a text such as "ab:"', node)
    if node.argument is not None and len(node.argument.encode("utf-8", "surrogateescape")) != 1:
        raise _refused("the selector of getopt() must be one character", node)
    return table.Type.CHARBUF, node.argument is None


_SIGNATURES: Final[Mapping[str, Callable[[tree.Call, tuple[Checked, ...]], tuple[table.Type, bool]]]] = {
    "tolower": _text_to_text,
    "toupper": _text_to_text,
    "basename": _text_to_text,
    "b64": _b64,
    "len": _len,
    "join": _join,
    "concat": _concat,
    "getopt": _getopt,
}
