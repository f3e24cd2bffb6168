#!/usr/bin/env python3
"""Chromium that takes no notice of network interfaces; called as Chromium is.

When an interface comes or goes, and other tests start containers, Chromium breaks off what it is loading with
ERR_NETWORK_CHANGED, from this machine itself too. It learns of interfaces by netlink, so here a filter of system calls
lets it have no such socket; without one it believes to be online and goes on.
"""

from __future__ import annotations

import ctypes
import os
import platform
import sys

CHROMIUM = "/usr/bin/chromium"

_SOCKET = {"x86_64": 41, "aarch64": 198}
_AF_NETLINK = 16
_EAFNOSUPPORT = 97
_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2
_PR_SET_NO_NEW_PRIVS = 38
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_NUMBER, _FIRST_ARGUMENT = 0, 16
"""Where seccomp's data has them."""
_ALLOW, _FAIL = 0x7FFF0000, 0x00050000


class _Instruction(ctypes.Structure):
    _fields_ = (("code", ctypes.c_ushort), ("true", ctypes.c_ubyte), ("false", ctypes.c_ubyte), ("k", ctypes.c_uint))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.POINTER(_Instruction)))


def no_netlink(socket_number: int) -> None:
    """From now on, for this process and what it starts. Raises OSError."""
    instructions = (_Instruction * 6)(
        _Instruction(_LOAD, 0, 0, _NUMBER),
        _Instruction(_JUMP_IF_EQUAL, 0, 3, socket_number),
        _Instruction(_LOAD, 0, 0, _FIRST_ARGUMENT),
        _Instruction(_JUMP_IF_EQUAL, 0, 1, _AF_NETLINK),
        _Instruction(_RETURN, 0, 0, _FAIL | _EAFNOSUPPORT),
        _Instruction(_RETURN, 0, 0, _ALLOW),
    )
    program = _Program(len(instructions), instructions)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(
        _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0
    ):
        raise OSError(ctypes.get_errno(), "no filter of system calls can be set")


if __name__ == "__main__":
    if number := _SOCKET.get(platform.machine()):
        no_netlink(number)
    os.execv(CHROMIUM, [CHROMIUM, *sys.argv[1:]])
