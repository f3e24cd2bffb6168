"""Rendering: an output text compiled once, then filled for each match.

A match is the rare case, but it must not be slow either: each field is read once for both the
message and `output_fields`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from falcon_rules import bundle, times, typed
from falcon_rules.evaluate import operands
from falcon_rules.fields import table
from falcon_rules.output import values

_Operand: TypeAlias = typed.FieldRef | typed.Transform
_OWN_PID: Final = typed.FieldRef("proc.pid", None, typed.Kind.NUMBER)


@dataclass(frozen=True, slots=True)
class Extra:
    """A field that settings or a rule add to `output_fields`.

    raw: the first placeholder's value with its type; else the whole text rendered.
    """

    name: str
    output: bundle.Output
    raw: bool = False


@dataclass(frozen=True, slots=True)
class _Part:
    """One placeholder: which reading it shows and how."""

    reading: int
    show: values.Show
    width: int | None


@dataclass(frozen=True, slots=True)
class _Member:
    """One entry of `output_fields`."""

    key: str
    reading: int
    plain: values.Plain


class _Readings:
    """The distinct operands of an output, each read once per rendering."""

    def __init__(self, resolver: operands.Resolver) -> None:
        self._resolver = resolver
        self._numbers: dict[_Operand, int] = {}
        self.read: list[Callable[[Any, int], Any]] = []

    def number(self, operand: _Operand) -> int:
        found = self._numbers.get(operand)
        if found is None:
            found = self._numbers[operand] = len(self.read)
            self.read.append(self._reader(operand))
        return found

    def _reader(self, operand: _Operand) -> Callable[[Any, int], Any]:
        if isinstance(operand, typed.FieldRef):
            if text_of := times.TEXT_FIELDS.get(operand.name):
                return lambda _, time_ns: text_of(time_ns).encode("ascii")
            if table.any_of(operand.name, operand.argument) is table.AnyOf.ENDS:
                return lambda *_: None  # fields for conditions: they have no single value
        extract = operands.extractor(operand, self._resolver)
        return lambda event, _: extract(event)


class Renderer:
    """A compiled output text."""

    def __init__(self, output: bundle.Output, resolver: operands.Resolver, extras: Sequence[Extra]) -> None:
        readings = _Readings(resolver)
        self._pieces = _pieces(output, readings)
        self._members = _members(output, readings)
        self._extra_raw: list[_Member] = []
        self._extra_text: list[tuple[str, list[bytes | _Part]]] = []
        for extra in extras:
            if extra.raw:
                self._extra_raw += _raw(extra, readings)
            else:
                self._extra_text.append((extra.name, _pieces(extra.output, readings)))
        self._read = readings.read

    def render(self, event: Any, time_ns: int) -> tuple[str, dict[str, Any]]:
        """The message, and `output_fields` without the time that a line starts with.

        time_ns: of the event, since the epoch.
        """
        found = [read(event, time_ns) for read in self._read]
        members: dict[str, Any] = {}
        for member in (*self._members, *self._extra_raw):
            if member.key in times.TEXT_FIELDS:
                members[member.key] = time_ns
            else:
                value = found[member.reading]
                members[member.key] = None if value is None else member.plain(value)
        for name, pieces in self._extra_text:
            members[name] = _filled(pieces, found)
        return _filled(self._pieces, found), members


def compile_output(output: bundle.Output, resolver: operands.Resolver, extras: Sequence[Extra] = ()) -> Renderer:
    """Look up everything an output needs, once. The resolver is that of `evaluate`."""
    return Renderer(output, resolver, extras)


def _filled(pieces: Sequence[bytes | _Part], found: Sequence[Any]) -> str:
    texts = []
    for piece in pieces:
        if isinstance(piece, bytes):
            texts.append(piece)
            continue
        value = found[piece.reading]
        text = values.UNAVAILABLE if value is None else piece.show(value)
        texts.append(text if piece.width is None else text[: piece.width].ljust(piece.width))
    return b"".join(texts).decode("utf-8", "replace")


def _pieces(output: bundle.Output, readings: _Readings) -> list[bytes | _Part]:
    pieces: list[bytes | _Part] = []
    for piece in output.pieces:
        if isinstance(piece, str):
            pieces.append(piece.encode("utf-8", "surrogateescape"))
        else:
            operand = _printed(piece.operand)
            pieces.append(_Part(readings.number(operand), values.show(operand), piece.width))
    return pieces


def _members(output: bundle.Output, readings: _Readings) -> list[_Member]:
    """One entry for each distinct field that is written, inside calls too."""
    members: dict[str, _Member] = {}
    for piece in output.pieces:
        if isinstance(piece, str):
            continue
        written = [(values.written(field), field) for field in values.fields_in(piece.operand)]
        if isinstance(piece.operand, typed.FieldRef):
            written = [(piece.text, piece.operand)]
        for key, field in written:
            members.setdefault(key, _member(key, field, readings))
    return list(members.values())


def _raw(extra: Extra, readings: _Readings) -> list[_Member]:
    first = next((piece for piece in extra.output.pieces if not isinstance(piece, str)), None)
    return [] if first is None else [_member(extra.name, first.operand, readings)]


def _member(key: str, operand: _Operand, readings: _Readings) -> _Member:
    operand = _printed(operand)
    return _Member(key, readings.number(operand), values.plain(operand))


def _printed(operand: _Operand) -> _Operand:
    """`proc.apid` compares with every ancestor but prints the own id."""
    if isinstance(operand, typed.FieldRef) and (operand.name, operand.argument) == ("proc.apid", None):
        return _OWN_PID
    return operand
