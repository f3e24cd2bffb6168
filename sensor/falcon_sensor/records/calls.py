"""Which system calls are recorded beyond exec, open and connect: a table instead of a program for each.

Three shapes cover them all, each carried by one kind of record and read by one kernel program:

    NAMES       up to two file names, each relative to a directory descriptor or the current directory
    DESCRIPTOR  a descriptor, and what it is: a file's path, or a socket's two ends
    PLAIN       numbers only

`CALLS` says of each call what its registers hold. The C text is generated from it (widths, which
register is a name), the plan and the engine read arguments through it. A register is copied as
wide as the kernel itself reads it: the bits above are whatever the caller left there, and must
not decide what a rule sees.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

ARGUMENTS = 6
"""Registers of a system call."""


class Shape(Enum):
    NAMES = "names"
    DESCRIPTOR = "descriptor"
    PLAIN = "plain"


class Role(Enum):
    """What a register means to those who read it; NUMBER: nothing more than its value."""

    NUMBER = "number"
    NAME = "name"
    SECOND = "second"
    """the second file name"""
    DIRECTORY = "directory"
    """what a relative NAME is relative to"""
    SECOND_DIRECTORY = "second directory"
    DESCRIPTOR = "descriptor"
    """the descriptor the event is about; calls without it are about the one they return"""
    OTHER_DESCRIPTOR = "other descriptor"
    ADDRESS = "address"
    LENGTH = "length"
    """of ADDRESS: a value"""
    LENGTH_AT = "length at"
    """of ADDRESS: where the value is"""
    MESSAGE = "message"
    """a struct msghdr, which has an address"""
    TEXT = "text"
    """a short string of the caller's"""
    PROCESS = "process"
    USER = "user"
    GROUP = "group"
    MODE = "mode"
    CONSTANT = "constant"
    """a constant or flags, named by `constants.of(event, name)`"""


class Register(NamedTuple):
    """name: of the argument as rules know it (`evt.arg.NAME`), empty for none. bits: how wide the kernel reads it."""

    name: str
    role: Role = Role.NUMBER
    bits: int = 32
    signed: bool = False


class Call(NamedTuple):
    """bound: the descriptor's own end is the server's, whatever else is known of it."""

    shape: Shape
    registers: tuple[Register, ...]
    bound: bool = False


def _number(name: str = "", bits: int = 32, *, signed: bool = False) -> Register:
    return Register(name, Role.NUMBER, bits, signed)


def _constant(name: str, bits: int = 32) -> Register:
    return Register(name, Role.CONSTANT, bits)


def _descriptor(name: str, role: Role = Role.DESCRIPTOR) -> Register:
    return Register(name, role, 32, True)


def _at(name: str, role: Role) -> Register:
    return Register(name, role, 64)


def _names(*registers: Register) -> Call:
    return Call(Shape.NAMES, registers)


def _plain(*registers: Register) -> Call:
    return Call(Shape.PLAIN, registers)


def _on(*registers: Register, bound: bool = False) -> Call:
    return Call(Shape.DESCRIPTOR, registers, bound)


_SKIP = Register("", Role.NUMBER, 0)
"""A register nobody asks for: buffers, lengths of what is not read."""
_FD = _descriptor("fd")
_MODE = Register("mode", Role.MODE, 16)
_FLAGS = _constant("flags")
_PID = Register("pid", Role.PROCESS, 32, True)
_MESSAGE = _at("", Role.MESSAGE)


def _dir(name: str, role: Role = Role.DIRECTORY) -> Register:
    return _descriptor(name, role)


def _name(name: str) -> Register:
    return _at(name, Role.NAME)


def _second(name: str) -> Register:
    return _at(name, Role.SECOND)


def _user(name: str) -> Register:
    return Register(name, Role.USER)


def _group(name: str) -> Register:
    return Register(name, Role.GROUP)


CALLS: dict[str, Call] = {
    "link": _names(_name("oldpath"), _second("newpath")),
    "linkat": _names(
        _dir("olddir"), _name("oldpath"), _dir("newdir", Role.SECOND_DIRECTORY), _second("newpath"), _FLAGS
    ),
    # A symbolic link's target is text like any other: NAME without a directory is never made absolute.
    "symlink": _names(_name("target"), _second("linkpath")),
    "symlinkat": _names(_name("target"), _dir("linkdirfd", Role.SECOND_DIRECTORY), _second("linkpath")),
    "ptrace": _plain(_constant("request", 64), _PID, _number("addr", 64), _number("data", 64)),
    "dup": _on(_descriptor("oldfd", Role.OTHER_DESCRIPTOR)),
    "dup2": _on(_descriptor("oldfd", Role.OTHER_DESCRIPTOR), _descriptor("newfd", Role.OTHER_DESCRIPTOR)),
    "dup3": _on(_descriptor("oldfd", Role.OTHER_DESCRIPTOR), _descriptor("newfd", Role.OTHER_DESCRIPTOR), _FLAGS),
    "socket": _on(_constant("domain"), _number("type"), _number("proto")),
    "sendto": _on(_FD, _SKIP, _SKIP, _SKIP, _at("", Role.ADDRESS), Register("", Role.LENGTH)),
    "sendmsg": _on(_FD, _MESSAGE),
    "init_module": _plain(_SKIP, _number("length", 64), _at("uargs", Role.TEXT)),
    "finit_module": _on(_FD, _at("uargs", Role.TEXT), _FLAGS),
    "accept": _on(_SKIP, bound=True),
    "accept4": _on(_SKIP, _SKIP, _SKIP, _number("flags", signed=True), bound=True),
    "bpf": _plain(_constant("cmd")),
    "chmod": _names(_name("filename"), _MODE),
    "fchmod": _on(_FD, _MODE),
    "fchmodat": _names(_dir("dirfd"), _name("filename"), _MODE),
    "listen": _on(_FD, _number("backlog", signed=True), bound=True),
    "bind": _on(_FD, _at("", Role.ADDRESS), Register("", Role.LENGTH), bound=True),
    "rename": _names(_name("oldpath"), _second("newpath")),
    "renameat": _names(_dir("olddirfd"), _name("oldpath"), _dir("newdirfd", Role.SECOND_DIRECTORY), _second("newpath")),
    "renameat2": _names(
        _dir("olddirfd"), _name("oldpath"), _dir("newdirfd", Role.SECOND_DIRECTORY), _second("newpath"), _FLAGS
    ),
    "rmdir": _names(_name("path")),
    "setns": _on(_FD, _constant("nstype")),
    "setuid": _plain(_user("uid")),
    "unlink": _names(_name("path")),
    "unlinkat": _names(_dir("dirfd"), _name("name"), _FLAGS),
    "unshare": _plain(_FLAGS),
    "mkdir": _names(_name("path"), _MODE),
    "mkdirat": _names(_dir("dirfd"), _name("path"), _MODE),
    "recvfrom": _on(_FD, _SKIP, _SKIP, _SKIP, _at("", Role.ADDRESS), _at("", Role.LENGTH_AT)),
    "recvmsg": _on(_FD, _MESSAGE),
    "userfaultfd": _plain(_FLAGS),
    "memfd_create": _plain(_at("name", Role.TEXT), _FLAGS),
    "kill": _plain(_PID, _constant("sig")),
    "tkill": _plain(Register("tid", Role.PROCESS, 32, True), _constant("sig")),
    "tgkill": _plain(_PID, Register("tid", Role.PROCESS, 32, True), _constant("sig")),
    "prctl": _plain(_constant("option"), _number("arg2_int", 64, signed=True)),
    "mount": _names(_at("dev", Role.NAME), _second("dir"), _at("", Role.NUMBER), _FLAGS),
    "umount2": _names(_name("name"), _FLAGS),
    "chown": _names(_name("path"), _user("uid"), _group("gid")),
    "lchown": _names(_name("path"), _user("uid"), _group("gid")),
    "fchown": _on(_FD, _user("uid"), _group("gid")),
    "fchownat": _names(_dir("dirfd"), _name("pathname"), _user("uid"), _group("gid"), _FLAGS),
    "setgid": _plain(_group("gid")),
    "setresuid": _plain(_user("ruid"), _user("euid"), _user("suid")),
    "setresgid": _plain(_group("rgid"), _group("egid"), _group("sgid")),
    "open_by_handle_at": _on(_descriptor("mountfd", Role.OTHER_DESCRIPTOR), _SKIP, _FLAGS),
}
"""By event type, in the order in which `layout.EVENTS` goes on: only ever appended to."""

TARGETS = ("symlink", "symlinkat", "mount")
"""Calls whose NAME is no file's name to be made absolute."""


def position(event: str, role: Role) -> int | None:
    """Which register has this role, None for none. One call has at most one of each that this is asked about."""
    return next((at for at, found in enumerate(CALLS[event].registers) if found.role is role), None)


def register(event: str, name: str) -> tuple[int, Register] | None:
    """The argument of this name and its position; None when the call has none that is recorded."""
    registers = CALLS[event].registers if event in CALLS else ()
    return next(((at, found) for at, found in enumerate(registers) if name and found.name == name), None)
