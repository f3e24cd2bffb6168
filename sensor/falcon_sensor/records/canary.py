"""The act by which the sensor asks the kernel side whether it still sees.

An open that fails, of a name that says which one it is. The programs know it by its flags, a
combination nobody has a use for, and by the sensor's own process, so nobody else can give an answer
in its place; they ship it whatever the filter says, but after asking the filter. Nothing is opened,
no file system is reached: the first component does not exist.
"""

from __future__ import annotations

import contextlib
import os
from typing import Final

FLAGS: Final = os.O_APPEND | os.O_NOATIME | os.O_NONBLOCK | os.O_DIRECTORY | os.O_CLOEXEC
"""Nobody appends to a directory. All of them survive the kernel's own reading of flags (with O_PATH most would not), so
they are the same wherever in an open a program looks at them."""

EVENT: Final = "openat"

_PREFIX: Final = "/falcon-canary/"


def act(number: int) -> None:
    """Takes some 3 us."""
    with contextlib.suppress(OSError):  # ENOENT
        os.close(os.open(f"{_PREFIX}{number}", FLAGS))


def number_in(name: bytes) -> int:
    """Which act this name is of. Raises ValueError when of none."""
    return int(name.removeprefix(_PREFIX.encode()))
