"""The table of fields: which exist, of which type, with which kind of argument.

First stop of every field name that a rule writes. `lookup` turns a name as written, in its
bracket form (`proc.aname[2]`) or dot form (`evt.arg.flags`), into the field and its argument,
or says what is wrong and what was probably meant.
"""

from __future__ import annotations

import difflib
import functools
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources

from falcon_rules.fields import events


class Type(StrEnum):
    """Falco's types, as its documentation writes them; the evaluator folds them into a few kinds."""

    CHARBUF = "CHARBUF"
    FSPATH = "FSPATH"
    FSRELPATH = "FSRELPATH"
    BYTEBUF = "BYTEBUF"
    INT8 = "INT8"
    INT16 = "INT16"
    INT32 = "INT32"
    INT64 = "INT64"
    UINT8 = "UINT8"
    UINT16 = "UINT16"
    UINT32 = "UINT32"
    UINT64 = "UINT64"
    FD = "FD"
    PID = "PID"
    ERRNO = "ERRNO"
    SIGTYPE = "SIGTYPE"
    MODE = "MODE"
    FLAGS8 = "FLAGS8"
    FLAGS16 = "FLAGS16"
    FLAGS32 = "FLAGS32"
    ENUMFLAGS8 = "ENUMFLAGS8"
    ENUMFLAGS16 = "ENUMFLAGS16"
    ENUMFLAGS32 = "ENUMFLAGS32"
    UID = "UID"
    GID = "GID"
    RELTIME = "RELTIME"
    ABSTIME = "ABSTIME"
    PORT = "PORT"
    BOOL = "BOOL"
    DOUBLE = "DOUBLE"
    IPADDR = "IPADDR"
    IPNET = "IPNET"
    SOCKADDR = "SOCKADDR"
    SOCKTUPLE = "SOCKTUPLE"
    FDLIST = "FDLIST"
    SIGSET = "SIGSET"
    DYNAMIC = "DYNAMIC"


class ArgumentForm(StrEnum):
    """How a field takes its argument."""

    NONE = "none"
    OPTIONAL_NUMBER = "optional_number"
    """`proc.aname` or `proc.aname[2]`"""
    NUMBER = "number"
    OPTIONAL_KEY = "optional_key"
    """`proc.env` or `proc.env[HOME]`"""
    KEY = "key"
    """`container.label[app]`"""
    EVENT_ARGUMENT = "event_argument"
    """`evt.arg.flags` or `evt.arg[0]`"""
    RAW_EVENT_ARGUMENT = "raw_event_argument"
    """`evt.rawarg.flags`"""
    EVENT_NAME = "event_name"
    """`evt.type.is.openat`"""
    PATH_END = "path_end"
    """`evt.abspath` or `evt.abspath.src`"""
    DOTTED = "dotted"
    """`thread.cgroup.cpu`"""


class AnyOf(StrEnum):
    """A field with several candidates: a comparison holds if it holds for one of them."""

    ANCESTORS = "ancestors"
    """for every operator, `!=` included"""
    ENDS = "ends"
    """client and server; `!=` holds only if both differ"""


class Print(StrEnum):
    PLAIN = "plain"
    HEX = "hex"
    NINE_DIGITS = "nine_digits"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the table.

    name: without argument. many: its value is a list. any_of: how a comparison treats the
    candidates when no argument picks one. category: the prefix group in listings (`proc`).
    """

    name: str
    type: Type
    many: bool = False
    argument: ArgumentForm = ArgumentForm.NONE
    flags: frozenset[str] = frozenset()
    description: str = ""
    category: str = ""
    print: Print = Print.PLAIN
    any_of: AnyOf | None = None

    @property
    def filter_only(self) -> bool:
        """Meant for conditions; has no text form."""
        return "filter_only" in self.flags

    @property
    def no_transformer(self) -> bool:
        return "no_transformer" in self.flags

    @property
    def no_field_comparison(self) -> bool:
        return "no_field_comparison" in self.flags

    @property
    def deprecated(self) -> bool:
        return "deprecated" in self.flags


@dataclass(frozen=True, slots=True)
class Found:
    """`field` with the argument it was written with; `type` differs from the field's for `evt.rawarg.X`."""

    field: Field
    argument: str | None
    type: Type

    @property
    def any_of(self) -> AnyOf | None:
        return self.field.any_of if self.argument is None else None


class UnknownField(Exception):
    """The name is no field, or its argument does not fit."""

    def __init__(self, message: str, meant: Callable[[], str | None] = lambda: None) -> None:
        super().__init__(message)
        self._meant = meant

    @property
    def suggestion(self) -> str | None:
        """A close name that exists. Looked for only when asked: `lookup` is also used to try names."""
        return self._meant()


@functools.cache
def fields() -> Mapping[str, Field]:
    """All fields of the source `syscall` by name, in the order of listings."""
    text = resources.files("falcon_rules.fields").joinpath("fields.json").read_text("utf-8")
    table = {}
    for entry in json.loads(text):
        table[entry["name"]] = Field(
            name=entry["name"],
            type=Type(entry["type"]),
            many=entry.get("many", False),
            argument=ArgumentForm(entry.get("argument", "none")),
            flags=frozenset(entry.get("flags", ())),
            description=entry["description"],
            category=entry["class"],
            print=Print(entry.get("print", "plain")),
            any_of=AnyOf(entry["any_of"]) if "any_of" in entry else None,
        )
    return table


def lookup(name: str, argument: str | None = None, extra: Mapping[str, Field] | None = None) -> Found:
    """The field that `name` or `name[argument]` names.

    extra: further fields by name, looked at first (tests declare synthetic ones).
    Raises UnknownField.
    """
    known = fields()
    field = (extra or {}).get(name) or known.get(name)
    if field is not None:
        return Found(field, *_bracket_argument(field, argument))
    if argument is None:
        for base, _, rest in _dot_splits(name):
            if base in known and known[base].argument in DOT_FORMS:
                return _dot_argument(known[base], rest)
    raise UnknownField(f"unknown field {_written(name, argument)}", lambda: suggest(name))


def suggest(name: str) -> str | None:
    """The known field name most like `name`, if any is close."""
    if len(name) > 100:
        return None  # far longer than any field, and comparing takes time with the length
    close = difflib.get_close_matches(name, fields(), n=1, cutoff=0.75)
    return close[0] if close else None


def any_of(name: str, argument: str | None) -> AnyOf | None:
    """How comparisons with a field that has passed `lookup` treat several candidates."""
    field = fields().get(name)
    return field.any_of if field is not None and argument is None else None


DOT_FORMS = frozenset(
    {
        ArgumentForm.EVENT_ARGUMENT,
        ArgumentForm.RAW_EVENT_ARGUMENT,
        ArgumentForm.EVENT_NAME,
        ArgumentForm.PATH_END,
        ArgumentForm.DOTTED,
    }
)
_MANDATORY = frozenset(
    {
        ArgumentForm.NUMBER,
        ArgumentForm.KEY,
        ArgumentForm.EVENT_ARGUMENT,
        ArgumentForm.RAW_EVENT_ARGUMENT,
        ArgumentForm.EVENT_NAME,
        ArgumentForm.DOTTED,
    }
)
_NUMERIC = frozenset({ArgumentForm.NUMBER, ArgumentForm.OPTIONAL_NUMBER, ArgumentForm.EVENT_ARGUMENT})
_KEYED = frozenset({ArgumentForm.KEY, ArgumentForm.OPTIONAL_KEY})
_WORD = re.compile(r"[A-Za-z0-9_]+")


def _dot_splits(name: str) -> list[tuple[str, str, str]]:
    # No field with a dot form has more than three parts before its argument.
    parts = name.split(".", 3)
    return [(".".join(parts[:i]), ".", ".".join(parts[i:])) for i in range(len(parts) - 1, 1, -1)]


def _written(name: str, argument: str | None) -> str:
    return name if argument is None else f"{name}[{argument}]"


def written(name: str, argument: str | None) -> str:
    """A field that has passed `lookup`, as a rule writes it: `proc.aname[2]`, `evt.arg.flags`."""
    field = fields().get(name)
    if argument is not None and field is not None and field.argument in DOT_FORMS and not argument.isdigit():
        return f"{name}.{argument}"
    return _written(name, argument)


def _bracket_argument(field: Field, argument: str | None) -> tuple[str | None, Type]:
    if argument is None:
        if field.argument in _MANDATORY:
            raise UnknownField(f"field {field.name} needs an argument")
        return None, field.type
    if field.argument in _KEYED:
        return argument, field.type
    if field.argument in _NUMERIC:
        # Ten digits hold every 32-bit index; far longer ones would be refused by int() with a worse message.
        if not (argument.isascii() and argument.isdigit() and len(argument) <= 20):
            raise UnknownField(f"{argument!r} in {_written(field.name, argument)} is not a number")
        return str(int(argument)), field.type
    raise UnknownField(f"field {field.name} takes no argument in brackets")


def _dot_argument(field: Field, rest: str) -> Found:
    written = f"{field.name}.{rest}"
    if field.argument in (ArgumentForm.EVENT_ARGUMENT, ArgumentForm.RAW_EVENT_ARGUMENT):
        kind = events.argument_type(rest)
        if kind is None:
            meant = functools.partial(_below, field.name, rest, events.argument_names())
            raise UnknownField(f"unknown event argument {rest} in {written}", meant)
        return Found(field, rest, Type(kind) if field.argument == ArgumentForm.RAW_EVENT_ARGUMENT else field.type)
    if field.argument == ArgumentForm.EVENT_NAME:
        if not (events.is_known(rest) or (rest.isascii() and rest.isdigit())):
            meant = functools.partial(_below, field.name, rest, sorted(events.names()))
            raise UnknownField(f"unknown event type {rest} in {written}", meant)
    elif field.argument == ArgumentForm.PATH_END:
        if rest not in ("src", "dst"):
            raise UnknownField(f"unknown field {written}", lambda: f"{field.name}.src")
    elif not _WORD.fullmatch(rest):
        raise UnknownField(f"unknown field {written}")
    return Found(field, rest, field.type)


def _below(name: str, rest: str, known: Sequence[str]) -> str | None:
    close = difflib.get_close_matches(rest, known, n=1)
    return f"{name}.{close[0]}" if close else None
