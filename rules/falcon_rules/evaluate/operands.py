"""Operands in generated source: which slot holds a value, and how it gets there.

Every distinct field and transformer call has a slot. In a function a slot is a local variable
that is filled where it is first read; `...` marks one not filled yet (None is a value: the field
is unavailable).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from falcon_rules import typed
from falcon_rules.evaluate import transforms

Resolver: TypeAlias = Callable[[typed.FieldRef], Callable[[Any], Any]]
"""Gives the extractor of a field: event to value, None when unavailable."""

MakeTest: TypeAlias = Callable[[], Callable[[Any], bool]]

Slotted: TypeAlias = typed.FieldRef | typed.Transform


class Bindings:
    """The names generated source may use: everything from rule texts is data behind one of them."""

    def __init__(self) -> None:
        self.namespace: dict[str, Any] = {}
        self._names: dict[object, str] = {}
        self._notes: dict[str, str] = {}
        self._serials: dict[int, int] = {}

    def bind(self, prefix: str, key: object, make: Callable[[], Any], note: str = "") -> str:
        """The name of a value that `key` identifies, made on first use."""
        name = self._names.get((prefix, key))
        if name is None:
            name = self._names[prefix, key] = f"{prefix}{len(self.namespace)}"
            self.namespace[name] = make()
            self._notes[name] = note
        return name

    def serial(self, key: int) -> int:
        """A small number for each key, in order of first use."""
        return self._serials.setdefault(key, len(self._serials))

    def value(self, value: Any) -> str:
        """A literal: numbers as they are, everything else behind a name."""
        if isinstance(value, bool) or not isinstance(value, int):
            return self.bind("k", (type(value), value), lambda: value, ascii(value))
        return str(value) if value >= 0 else f"({value})"

    def described(self) -> str:
        """One comment line per name; `ascii` keeps whatever rule texts contain on that line."""
        return "".join(f"# {name} = {note}\n" for name, note in self._notes.items())


class Slots:
    """Numbers the distinct operands of all rules and writes how each is computed."""

    def __init__(self, resolver: Resolver, bindings: Bindings) -> None:
        self._resolver = resolver
        self._bindings = bindings
        self._numbers: dict[Slotted, int] = {}
        self.operands: list[Slotted] = []

    def number(self, operand: Slotted) -> int:
        found = self._numbers.get(operand)
        if found is None:
            found = self._numbers[operand] = len(self.operands)
            self.operands.append(operand)
        return found

    def computation(self, operand: Slotted, read: Callable[[Slotted], str]) -> str:
        """The expression that computes `operand`; `read` writes how its fields are read."""
        if isinstance(operand, typed.FieldRef):
            note = operand.name if operand.argument is None else f"{operand.name}[{operand.argument}]"
            extract = self._bindings.bind("x", operand, lambda: self._resolver(operand), ascii(note))
            return f"{extract}(e)"
        arguments = [self._argument(argument, read) for argument in operand.arguments]
        if operand.name == "getopt" and operand.argument is not None:
            arguments.append(self._bindings.value(operand.argument.encode("utf-8", "surrogateescape")))
        function = runtime_function(operand)
        # The function of one name differs with the shape of its operands; they are few.
        name = self._bindings.bind("t", _shape(operand), lambda: function, operand.name)
        return f"{name}({', '.join(arguments)})"

    def _argument(self, operand: typed.Operand, read: Callable[[Slotted], str]) -> str:
        if isinstance(operand, typed.Constant):
            return self._bindings.value(operand.value)
        if isinstance(operand, typed.ListOf):
            return "(" + "".join(f"{self._argument(item, read)}, " for item in operand.items) + ")"
        return read(operand)


def _shape(operand: typed.Transform) -> tuple[str, bool, bool]:
    return (operand.name, operand.many, operand.argument is None)


_OTHERS: Final[Mapping[str, Callable[..., Any]]] = {
    "len": transforms.length,
    "join": transforms.join,
    "concat": transforms.concat,
}


def runtime_function(operand: typed.Transform) -> Callable[..., Any]:
    """What computes a call from the values of its arguments."""
    if operand.name in transforms.PLAIN:
        plain = transforms.PLAIN[operand.name]
        return transforms.each(plain) if operand.many else plain
    if operand.name == "getopt":
        return transforms.options if operand.argument is None else transforms.option
    return _OTHERS[operand.name]


def extractor(operand: typed.FieldRef | typed.Transform, resolver: Resolver) -> Callable[[Any], Any]:
    """One operand as a function of the event, for those who read few (outputs)."""
    if isinstance(operand, typed.FieldRef):
        return resolver(operand)
    parts = [_part(argument, resolver) for argument in operand.arguments]
    function = runtime_function(operand)
    if operand.name == "getopt" and operand.argument is not None:
        selected = operand.argument.encode("utf-8", "surrogateescape")
        parts.append(lambda _: selected)
    return lambda event: function(*[part(event) for part in parts])


def _part(operand: typed.Operand, resolver: Resolver) -> Callable[[Any], Any]:
    if isinstance(operand, typed.Constant):
        return functools.partial(_constant, operand.value)
    if isinstance(operand, typed.ListOf):
        items = [_part(item, resolver) for item in operand.items]
        return lambda event: tuple(item(event) for item in items)
    return extractor(operand, resolver)


def _constant(value: bytes | int, _: Any) -> bytes | int:
    return value
