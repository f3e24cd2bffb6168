"""Numbers to names, kernel time to wall time."""

from __future__ import annotations

import os
import time

import pytest

from falcon_sensor.state import clock, ttys


def encoded(major, minor):
    """As the kernel's new_encode_dev."""
    return (minor & 0xFF) | major << 8 | (minor & ~0xFF) << 12


@pytest.mark.parametrize(
    ("major", "minor", "name"),
    [
        (136, 0, b"/dev/pts/0"),
        (136, 3, b"/dev/pts/3"),
        (136, 1000, b"/dev/pts/1000"),
        (137, 4, b"/dev/pts/260"),
        (4, 1, b"/dev/tty1"),
        (4, 64, b"/dev/ttyS0"),
        (5, 1, b"/dev/console"),
        (229, 0, b"/dev/hvc0"),
        (204, 64, b"/dev/ttyAMA0"),
        (1, 3, None),
    ],
)
def test_terminals_have_names(major, minor, name):
    assert ttys.name(encoded(major, minor)) == name
    assert ttys.major_minor(encoded(major, minor)) == (major, minor)


def test_no_terminal_has_no_name():
    assert ttys.name(0) is None


def test_a_real_terminal_is_named_as_the_system_does():
    controller, terminal = os.openpty()
    try:
        device = os.fstat(terminal).st_rdev
        assert ttys.name(encoded(os.major(device), os.minor(device))) == os.fsencode(os.ttyname(terminal))
    finally:
        os.close(controller)
        os.close(terminal)


def test_now_in_boot_time_is_now_on_the_wall():
    before = time.time_ns()
    now = clock.Clock().wall(clock.Clock.now())
    assert before - 1_000_000_000 < now < time.time_ns() + 1_000_000_000


def test_a_stepped_wall_clock_is_followed(monkeypatch):
    offsets = iter([100, 5_000])
    monkeypatch.setattr(clock, "boot_offset", lambda: next(offsets))
    times = iter([0, clock.REFRESH_NS, clock.REFRESH_NS + 1, clock.REFRESH_NS + 2])
    monkeypatch.setattr(clock.Clock, "now", staticmethod(lambda: next(times)))
    ours = clock.Clock()
    assert ours.wall(7) == 107
    assert ours.wall(7) == 5_007
