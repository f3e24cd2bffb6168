"""Who exchanges programs does not wait until the kernel has taken off the old ones."""

from __future__ import annotations

import threading
import typing

from falcon_sensor.app import retired
from falcon_sensor.kernel import probes


class Probes:
    """Takes until `allowed` to close."""

    def __init__(self) -> None:
        self.allowed, self.closed = threading.Event(), threading.Event()

    def close(self) -> None:
        self.allowed.wait()
        self.closed.set()


def close(by: retired.Retired, old: object) -> None:
    by.close(typing.cast(probes.Probes, old))


def test_closing_is_not_waited_for():
    slow, leaving = Probes(), retired.Retired()
    close(leaving, slow)
    assert not slow.closed.is_set()
    slow.allowed.set()
    leaving.wait()
    assert slow.closed.is_set()


def test_all_are_closed_after_waiting():
    first, second, leaving = Probes(), Probes(), retired.Retired()
    close(leaving, first)
    close(leaving, second)
    second.allowed.set()
    first.allowed.set()
    leaving.wait()
    assert first.closed.is_set()
    assert second.closed.is_set()


def test_nothing_to_wait_for():
    retired.Retired().wait()


def test_what_cannot_be_closed_is_told(capfd):
    class Broken:
        def close(self) -> None:
            raise OSError("closed already")

    leaving = retired.Retired()
    close(leaving, Broken())
    leaving.wait()
    assert "closed already" in capfd.readouterr().err
