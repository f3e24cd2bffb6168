"""Arguments of the calls in `records.calls`, read off the record's registers and names.

What each register means stands in that table; here is how each meaning looks to a rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from falcon_rules.fields import events
from falcon_sensor.engine import event
from falcon_sensor.engine.fields import fd, kinds, names, sockets, targets
from falcon_sensor.records import calls, constants, layout


class Argument(NamedTuple):
    """value: as `evt.rawarg` gives it. text: the better text, None where there is none. show: the value as text."""

    value: kinds.Extractor
    text: kinds.Extractor | None = None
    show: Callable[[Any], bytes] = lambda value: value if isinstance(value, bytes) else b"%d" % value


def octal(value: int) -> bytes:
    return b"0%o" % value if value else b"0"


def error(e: event.Event) -> bytes | None:
    return names.error(e.head.result) if e.failed else None


RESULT = Argument(lambda e: e.head.result, error)


def described_fd(e: event.Event) -> bytes | None:
    """`<f>/etc/passwd`, `<4t>1.2.3.4:5->6.7.8.9:10`; the error of a call that gave no descriptor."""
    if e.failed and (e.kind is layout.Kind.OPEN or fd.is_result(e)):
        return error(e)
    character, name = fd.kind_character(e), fd.name(e)
    if character is None:
        return None
    protocol = sockets.layer4(e) if character in (b"4", b"6") else None
    letter = protocol[:1] if protocol in (b"tcp", b"udp") else b""
    return b"<" + character + letter + b">" + (name or b"")


def _register(position: int) -> kinds.Extractor:
    return lambda e: e.record.argument(position)


def _directory(position: int, blob: str) -> kinds.Extractor:
    def extract(e: event.Event) -> bytes | None:
        if e.record.argument(position) == event.AT_FDCWD:
            return b"AT_FDCWD"
        base = e.record.blob(blob)
        return b"<d>" + base if base else None

    return extract


def _named(table: constants.Table, position: int) -> kinds.Extractor:
    return lambda e: table.text(e.record.argument(position))


def _process(position: int) -> kinds.Extractor:
    return lambda e: e.session.state.comm_of(e.record, e.record.argument(position))


def _user(position: int) -> kinds.Extractor:
    return lambda e: e.session.state.user_name(e.record, e.record.argument(position))


def _group(position: int) -> kinds.Extractor:
    return lambda e: e.session.state.group_name(e.record, e.record.argument(position))


def _file_name(event_type: str, which: targets.Which) -> Argument:
    if which == "name" and event_type in calls.TARGETS:
        return Argument(lambda e: targets.given(e, "name"))

    def text(e: event.Event) -> bytes | None:
        given, absolute = targets.given(e, which), targets.absolute(e, which)
        return absolute if absolute != given else None

    return Argument(lambda e: targets.given(e, which), text)


def _argument(event_type: str, position: int, register: calls.Register) -> Argument:
    role = calls.Role
    value = _register(position)
    if register.role is role.NAME:
        return _file_name(event_type, "name")
    if register.role is role.SECOND:
        return _file_name(event_type, "second")
    if register.role is role.TEXT:
        return Argument(lambda e: e.record.blob("text"))
    if register.role is role.DIRECTORY:
        return Argument(value, _directory(position, "base"))
    if register.role is role.SECOND_DIRECTORY:
        return Argument(value, _directory(position, "second_base"))
    if register.role is role.DESCRIPTOR:
        return Argument(value, described_fd)
    if register.role is role.PROCESS:
        return Argument(value, _process(position))
    if register.role in (role.USER, role.GROUP):
        return Argument(value, (_user if register.role is role.USER else _group)(position))
    table = constants.of(event_type, register.name)
    if table is not None:
        return Argument(value, _named(table, position))
    return Argument(value, None, octal) if register.role is role.MODE else Argument(value)


def _results(event_type: str) -> Iterator[tuple[str, Argument]]:
    """What the call gives back: `res`, or `fd` where it makes a descriptor."""
    declared = dict(events.arguments().get(event_type, ()))
    makes = calls.position(event_type, calls.Role.DESCRIPTOR) is None
    descriptor = Argument(lambda e: e.head.result, described_fd)
    if "res" in declared or not declared:
        is_descriptor = declared.get("res") == "FD"
        yield "res", descriptor if is_descriptor else RESULT
    elif makes and "fd" in declared:
        yield "fd", descriptor if calls.CALLS[event_type].shape is calls.Shape.DESCRIPTOR else RESULT
    if "tuple" in declared:
        yield "tuple", Argument(sockets.name)
    if "size" in declared:
        # How much was asked for is not recorded; what was sent or came is.
        yield "size", Argument(lambda e: None if e.failed else e.head.result)
    if event_type == "bind":
        yield "addr", Argument(sockets.name)


def arguments_of(event_type: str) -> dict[str, Argument]:
    """By name, for an event type of `calls.CALLS`."""
    found = dict(_results(event_type))
    for position, register in enumerate(calls.CALLS[event_type].registers):
        if register.name:
            found[register.name] = _argument(event_type, position, register)
    return found
