"""What a run says to whoever started it, besides alerts."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable
from typing import TextIO

from falcon_sensor.app import prepare
from falcon_sensor.outputs import base


def write(stream: TextIO, text: str) -> None:
    """Writes and flushes; a closed stream means that nobody wants it."""
    with contextlib.suppress(OSError, ValueError):
        stream.write(text)
        stream.flush()


def report(error: prepare.Failed) -> None:
    """Says on standard error what went wrong."""
    if error.complete:
        write(sys.stderr, f"{error}\n")
    else:
        base.say(str(error))


def warn(warnings: Iterable[str]) -> None:
    """Whole diagnostics, on standard error."""
    write(sys.stderr, "".join(f"{warning}\n" for warning in warnings))
