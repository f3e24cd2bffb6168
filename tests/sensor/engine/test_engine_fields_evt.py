"""Fields of the event itself: number, time, type."""

from __future__ import annotations

SECOND = 1_000_000_000


def test_events_are_numbered_from_one(build, read):
    assert [read(build.open(b"/x", b"/x"), "evt.num") for _ in range(3)] == [1, 2, 3]


def test_wall_clock_times_agree_with_each_other(build, read, monkeypatch, session):
    wall = 1_700_000_000 * SECOND + 12_345
    monkeypatch.setattr(type(session.state.clock), "wall", lambda self, boottime: wall)
    record = build.open(b"/x", b"/x")
    assert read(record, "evt.rawtime", "evt.rawtime.s", "evt.rawtime.ns") == (wall, 1_700_000_000, 12_345)
    assert read(record, "evt.time.iso8601") == b"2023-11-14T22:13:20.000012345+0000"
    assert read(record, "evt.time").endswith(b":13:20.000012345") or b":20.000012345" in read(record, "evt.time")
    assert read(record, "evt.datetime").startswith(b"2023-11-1")


def test_relative_times(build, read):
    read(build.open(b"/x", b"/x", time=100 * SECOND), "evt.num")
    record = build.open(b"/x", b"/x", time=102 * SECOND + 5)
    assert read(record, "evt.reltime", "evt.reltime.s", "evt.reltime.ns") == (2 * SECOND + 5, 2, 5)
    late = build.open(b"/x", b"/x", time=104 * SECOND)
    assert read(late, "evt.deltatime", "evt.deltatime.s") == (2 * SECOND - 5, 1)


def test_type_category_and_constants(build, read):
    record = build.exec(b"x", event_type="execveat")
    assert read(record, "evt.type", "syscall.type", "evt.category") == (b"execveat", b"execveat", b"process")
    assert read(record, "evt.type.is.execveat", "evt.type.is.execve") == (1, 0)
    assert read(record, "evt.source", "evt.dir", "evt.hostname") == (b"syscall", b"<", b"node1")
    assert read(record, "evt.is_async", "evt.latency", "evt.count", "evt.pluginname") == (False, 0, 1, None)


def test_absolute_path_of_calls_with_a_directory_descriptor(build, read):
    record = build.open(b"x", base=b"/srv", dirfd=7)
    assert read(record, "evt.abspath", "evt.abspath.src", "evt.arg.dirfd") == (b"/srv/x", None, b"<d>/srv")
    assert read(build.open(b"/a", b"/a", event_type="open"), "evt.abspath") is None


def test_errors_without_a_name_are_numbers(build, read):
    assert read(build.open(b"/x", result=-512), "evt.res") == b"512"
