"""Terminal device numbers as the kernel gives them, and their names.

`proc.tty` is the number itself (rules test `proc.tty != 0`); the name is for people. The number
is in `new_encode_dev` form: minor bits 0-7 in bits 0-7, major in bits 8-19, the rest of the minor
in bits 20-31. /proc/PID/stat prints the same form.
"""

from __future__ import annotations

UNIX98_PTY_SLAVE_MAJORS = range(136, 144)
"""Eight majors of 256 minors each; Linux today uses the first one with minors beyond 255."""


def major_minor(device: int) -> tuple[int, int]:
    """(major, minor) of an encoded device number."""
    return (device >> 8) & 0xFFF, (device & 0xFF) | ((device >> 12) & 0xFFF00)


def name(device: int) -> bytes | None:
    """Path of the terminal (`/dev/pts/3`); None without one or for a kind we have no name for."""
    if device == 0:
        return None
    major, minor = major_minor(device)
    if major in UNIX98_PTY_SLAVE_MAJORS:
        return b"/dev/pts/%d" % (minor + 256 * (major - 136))
    if major == 4:
        return b"/dev/tty%d" % minor if minor < 64 else b"/dev/ttyS%d" % (minor - 64)
    if major == 5:
        return {0: b"/dev/tty", 1: b"/dev/console"}.get(minor)
    if major == 204 and minor >= 64:  # serial ports of ARM and of virtual consoles
        return b"/dev/ttyAMA%d" % (minor - 64)
    if major == 229:
        return b"/dev/hvc%d" % minor
    return None
