"""Conditions and operands as two tables, every entry built from earlier ones.

    operands:    ["field", name, argument, kind, many]   ["call", name, [operand...], argument, kind, many]
                 ["value", value]                        ["items", [operand...]]
    conditions:  ["all", [condition...]]  ["some", [...]]  ["not", condition]  ["truth", bool]
                 ["is", op, modifier, operand, [value...]]  ["against", op, modifier, operand, operand]
    values:      true   5   {"b": text}   {"n": [address in hex, bits]}

What is read is checked by shape, not by type rules: whoever signs bundles has compiled them. But
references only point backwards, so no input can make a loop, and patterns are tried, so that a
sensor fails while loading and not while watching.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from falcon_rules import typed
from falcon_rules.patterns import regex
from falcon_rules.wire import shapes
from falcon_rules.wire.shapes import WireError

_T = TypeVar("_T")

_LIST_OPS: Final = frozenset({"in", "intersects", "pmatch"})
_TEXT_OPS: Final = typed.TEXT_TESTS | {"pmatch"}
_OPS: Final = frozenset({"exists", "=", "!=", "<", "<=", ">", ">="}) | _LIST_OPS | _TEXT_OPS
_MODIFIERS: Final = frozenset({None, "oneof", "anyof", "allof"})
_CALLS: Final = frozenset({"tolower", "toupper", "b64", "basename", "len", "join", "concat", "getopt"})


class Writer:
    """Fills the tables; equal nodes get one entry, so equal rules get equal tables."""

    def __init__(self) -> None:
        self.operands: list[Any] = []
        self.conditions: list[Any] = []
        self._known_operands: dict[object, int] = {}
        self._known_conditions: dict[object, int] = {}

    def condition(self, condition: typed.Condition) -> int:
        """The number of a condition's entry."""
        done: dict[int, int] = {}
        for part in typed.postorder(condition):
            done[id(part)] = self._add_condition(part, done)
        return done[id(condition)]

    def _add_condition(self, part: typed.Condition, done: dict[int, int]) -> int:
        match part:
            case typed.Truth(value=value):
                entry: list[Any] = ["truth", value]
            case typed.Negation(child=child):
                entry = ["not", done[id(child)]]
            case typed.All(children=children):
                entry = ["all", [done[id(child)] for child in children]]
            case typed.Some(children=children):
                entry = ["some", [done[id(child)] for child in children]]
            case typed.Comparison(right=tuple() as right):
                values = [_written_value(value) for value in right]
                entry = ["is", part.op, part.modifier, self.operand(part.left), values]
            case typed.Comparison(right=operand):
                assert not isinstance(operand, tuple)
                entry = ["against", part.op, part.modifier, self.operand(part.left), self.operand(operand)]
        return _number(entry, self.conditions, self._known_conditions)

    def operand(self, operand: typed.Operand) -> int:
        """The number of an operand's entry. Calls nest a hundred levels at most."""
        match operand:
            case typed.FieldRef():
                entry: list[Any] = ["field", operand.name, operand.argument, str(operand.kind), operand.many]
            case typed.Transform():
                arguments = [self.operand(argument) for argument in operand.arguments]
                entry = ["call", operand.name, arguments, operand.argument, str(operand.kind), operand.many]
            case typed.Constant(value=value):
                entry = ["value", _written_value(value)]
            case typed.ListOf(items=items):
                entry = ["items", [self.operand(item) for item in items]]
        return _number(entry, self.operands, self._known_operands)


def _number(entry: list[Any], table: list[Any], known: dict[object, int]) -> int:
    key = repr(entry)  # tells True from 1, which a tuple as key would not
    if key not in known:
        known[key] = len(table)
        table.append(entry)
    return known[key]


def _written_value(value: typed.Value) -> Any:
    if isinstance(value, bytes):
        return {"b": shapes.written(value)}
    if isinstance(value, typed.Network):
        return {"n": [value.address.hex(), value.bits]}
    return value


def _read_value(value: Any, where: str) -> typed.Value:
    if isinstance(value, dict) and len(value) == 1:
        if "b" in value:
            return shapes.raw(value["b"], where)
        if "n" in value:
            return _read_network(value["n"], where)
    if isinstance(value, bool | int):
        return value
    raise WireError(f"{where}: this is no value")


def _read_network(value: Any, where: str) -> typed.Network:
    address_text, bits = shapes.items(value, where, 2)
    try:
        address = bytes.fromhex(shapes.text(address_text, where))
    except ValueError:
        raise WireError(f"{where}: this is no network address") from None
    if len(address) not in (4, 16) or not 0 <= shapes.whole(bits, where) <= 8 * len(address):
        raise WireError(f"{where}: this is no network")
    return typed.Network(address, bits)


class Reader:
    """The tables of a bundle as objects; shared entries become shared objects."""

    def __init__(self, operands: Any, conditions: Any) -> None:
        self._operands: list[typed.Operand] = []
        self._conditions: list[typed.Condition] = []
        for index, entry in enumerate(shapes.items(operands, "operands")):
            self._operands.append(self._operand(entry, f"operands[{index}]"))
        for index, entry in enumerate(shapes.items(conditions, "conditions")):
            self._conditions.append(self._condition(entry, f"conditions[{index}]"))

    def condition(self, number: Any, where: str) -> typed.Condition:
        """The condition with this number, which must have been read already."""
        return _earlier(self._conditions, number, where)

    def operand(self, number: Any, where: str) -> typed.FieldRef | typed.Transform:
        """The field or call with this number."""
        found = _earlier(self._operands, number, where)
        if not isinstance(found, typed.FieldRef | typed.Transform):
            raise WireError(f"{where}: a field or a call is expected")
        return found

    def _operand(self, entry: Any, where: str) -> typed.Operand:
        tag, rest = _tagged(entry, where)
        match tag:
            case "field":
                name, argument, kind, many = shapes.items(rest, where, 4)
                return typed.FieldRef(
                    shapes.text(name, where),
                    shapes.optional_text(argument, where),
                    _kind(kind, where),
                    shapes.flag(many, where),
                )
            case "call":
                return self._call(rest, where)
            case "value":
                value = _read_value(shapes.items(rest, where, 1)[0], where)
                if isinstance(value, typed.Network | bool):
                    raise WireError(f"{where}: this is no value of a call")
                return typed.Constant(value)
            case "items":
                return typed.ListOf(self._earlier_operands(shapes.items(rest, where, 1)[0], where))
            case _:
                raise WireError(f"{where}: unknown kind of operand {tag}")

    def _call(self, rest: list[Any], where: str) -> typed.Transform:
        name, arguments, argument, kind, many = shapes.items(rest, where, 5)
        if shapes.text(name, where) not in _CALLS:
            raise WireError(f"{where}: unknown transformer {name}")
        return typed.Transform(
            name,
            self._earlier_operands(arguments, where),
            shapes.optional_text(argument, where),
            _kind(kind, where),
            shapes.flag(many, where),
        )

    def _earlier_operands(self, numbers: Any, where: str) -> tuple[typed.Operand, ...]:
        return tuple(_earlier(self._operands, number, where) for number in shapes.items(numbers, where))

    def _condition(self, entry: Any, where: str) -> typed.Condition:
        tag, rest = _tagged(entry, where)
        match tag:
            case "truth":
                return typed.Truth(shapes.flag(shapes.items(rest, where, 1)[0], where))
            case "not":
                return typed.Negation(self.condition(shapes.items(rest, where, 1)[0], where))
            case "all" | "some":
                numbers = shapes.items(shapes.items(rest, where, 1)[0], where)
                children = tuple(self.condition(number, where) for number in numbers)
                if not children:
                    raise WireError(f"{where}: {tag} needs children")
                return typed.All(children) if tag == "all" else typed.Some(children)
            case "is":
                op, modifier, left, values = shapes.items(rest, where, 4)
                right = tuple(_read_value(value, where) for value in shapes.items(values, where))
                return self._comparison(op, modifier, left, right, where)
            case "against":
                op, modifier, left, number = shapes.items(rest, where, 4)
                return self._comparison(op, modifier, left, self.operand(number, where), where)
            case _:
                raise WireError(f"{where}: unknown kind of condition {tag}")

    def _comparison(
        self,
        op: Any,
        modifier: Any,
        left: Any,
        right: tuple[typed.Value, ...] | typed.FieldRef | typed.Transform,
        where: str,
    ) -> typed.Comparison:
        if shapes.text(op, where) not in _OPS:
            raise WireError(f"{where}: unknown operator {op}")
        if shapes.optional_text(modifier, where) not in _MODIFIERS:
            raise WireError(f"{where}: unknown modifier {modifier}")
        operand = self.operand(left, where)
        if isinstance(right, tuple):
            _check_values(op, modifier, operand.kind, right, where)
        return typed.Comparison(op, operand, right, modifier)


def _check_values(op: str, modifier: str | None, kind: typed.Kind, right: tuple[typed.Value, ...], where: str) -> None:
    if op == "exists":
        if right:
            raise WireError(f"{where}: exists takes no value")
        return
    if op not in _LIST_OPS and modifier is None and len(right) != 1:
        raise WireError(f"{where}: {op} takes one value, not {len(right)}")
    for value in right:
        if not _FITS[kind](value) or (op in _TEXT_OPS and not isinstance(value, bytes)):
            raise WireError(f"{where}: a value does not fit a field of kind {kind}")
        if op == "regex":
            assert isinstance(value, bytes)
            try:
                regex.compile_regex(value)
            except regex.BadPattern as error:
                raise WireError(f"{where}: not a regular expression: {error}") from None


_FITS: Final[dict[typed.Kind, Callable[[typed.Value], bool]]] = {
    typed.Kind.TEXT: lambda value: isinstance(value, bytes),
    typed.Kind.BYTES: lambda value: isinstance(value, bytes),
    typed.Kind.NUMBER: lambda value: isinstance(value, int) and not isinstance(value, bool),
    typed.Kind.BOOL: lambda value: isinstance(value, bool),
    typed.Kind.ADDRESS: lambda value: isinstance(value, bytes) and len(value) in (4, 16),
    typed.Kind.NETWORK: lambda value: isinstance(value, typed.Network),
}


def _earlier(table: Sequence[_T], number: Any, where: str) -> _T:
    index = shapes.whole(number, where)
    if not 0 <= index < len(table):
        raise WireError(f"{where}: reference {index} points nowhere")
    return table[index]


def _tagged(entry: Any, where: str) -> tuple[str, list[Any]]:
    if not isinstance(entry, list) or not entry or not isinstance(entry[0], str):
        raise WireError(f"{where}: an entry with a tag is expected")
    return entry[0], entry[1:]


def _kind(value: Any, where: str) -> typed.Kind:
    try:
        return typed.Kind(value)
    except ValueError:
        raise WireError(f"{where}: unknown kind {value}") from None
