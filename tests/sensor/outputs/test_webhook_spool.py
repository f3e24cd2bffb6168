"""The spool on disk: what it keeps, what its bounds drop, and what it makes of damage."""

from __future__ import annotations

import errno
import os

import pytest

from falcon_sensor.outputs import backoff, base
from falcon_sensor.outputs.webhook import buffer, spool


class Clock:
    now = 1_700_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def opened(tmp_path, clock):
    """Opens the spool, the one before being closed as by a killed process: without any last words."""
    current: list[spool.Spool] = []

    def make(size=1 << 20, age=3600.0, fsync=False):
        if current:
            current.pop().close()
        current.append(spool.Spool(str(tmp_path), buffer.Bounds(size, age), fsync=fsync, clock=clock))
        return current[0]

    yield make
    for each in current:
        each.close()


def lines(count, start=0):
    return [b'{"n": %d, "text": "%s"}' % (number, b"x" * 100) for number in range(start, start + count)]


def data(found):
    return [line.data for line in found]


def segment_files(tmp_path):
    return sorted(tmp_path.glob("*.alerts"))


@pytest.mark.parametrize("fsync", [False, True])
def test_what_goes_in_comes_out_in_order(opened, fsync):
    kept = opened(fsync=fsync)
    for start in range(0, 100, 10):
        kept.append(lines(10, start))
    assert data(kept.head(3)) == lines(3)
    assert data(kept.head(1000)) == lines(100)
    kept.remove(kept.head(40)[-1])
    assert data(kept.head(1000)) == lines(60, 40)
    assert kept.waiting.alerts == 60


def test_what_is_taken_off_is_gone_after_a_restart_too(opened):
    kept = opened()
    kept.append(lines(10))
    kept.remove(kept.head(4)[-1])
    kept = opened()
    kept.append(lines(1, 10))
    assert data(kept.head(100)) == lines(7, 4)


def test_files_go_when_their_alerts_have_gone(opened, tmp_path):
    kept = opened(size=64 << 10)
    for start in range(0, 200, 10):
        kept.append(lines(10, start))
    assert len(segment_files(tmp_path)) > 3
    kept.remove(kept.head(200)[-1])
    assert len(segment_files(tmp_path)) == 1
    assert kept.waiting.alerts == 0


def test_restarts_leave_no_empty_files(opened, tmp_path):
    for _ in range(5):
        opened()
    assert len(segment_files(tmp_path)) == 1


def test_beyond_its_size_the_oldest_go_and_are_counted(opened, tmp_path):
    kept = opened(size=64 << 10)
    for number in range(2000):
        kept.append(lines(1, number))
        assert sum(file.stat().st_size for file in segment_files(tmp_path)) <= 64 << 10
    found = kept.head(5000)
    assert data(found) == lines(len(found), 2000 - len(found))
    assert len(found) > 300
    assert kept.losses.too_many == 2000 - len(found)


def test_an_answer_for_what_was_dropped_meanwhile_takes_nothing_else_off(opened):
    kept = opened(size=64 << 10)
    kept.append(lines(1))
    under_way = kept.head(1)[0]
    for number in range(1, 2000):
        kept.append(lines(1, number))
    before = data(kept.head(5000))
    kept.remove(under_way)
    assert data(kept.head(5000)) == before


def test_old_alerts_are_dropped_and_counted(opened, clock):
    kept = opened(age=60)
    kept.append(lines(3))
    clock.now += 50
    kept.append(lines(2, 3))
    clock.now += 20
    assert data(kept.head(100)) == lines(2, 3)
    assert kept.losses.too_old == 3


def test_age_counts_across_restarts(opened, clock):
    opened(age=60).append(lines(3))
    clock.now += 61
    assert opened(age=60).head(100) == []


def test_a_torn_line_is_no_alert_and_does_not_spoil_the_next(opened, tmp_path):
    opened().append(lines(3))
    file = segment_files(tmp_path)[0]
    os.truncate(file, file.stat().st_size - 20)
    kept = opened()
    kept.append(lines(1, 9))
    assert data(kept.head(100)) == lines(2) + lines(1, 9)
    assert kept.losses.total == 0


def test_damage_costs_only_the_alert_it_hit(opened, tmp_path):
    opened().append(lines(5))
    file = segment_files(tmp_path)[0]
    content = bytearray(file.read_bytes())
    content[content.index(b'"n": 2') + 5] ^= 1
    file.write_bytes(content)
    kept = opened()
    assert data(kept.head(100)) == lines(2) + lines(2, 3)
    assert kept.losses.damaged == 1
    kept.remove(kept.head(100)[-1])
    assert kept.waiting.alerts == 0


@pytest.mark.parametrize("position", [b"", b"garbage", b"99999999999999999999 7\n", b"1 99999999\n"])
def test_without_a_sound_position_everything_is_sent_again(opened, tmp_path, position):
    kept = opened()
    kept.append(lines(5))
    kept.remove(kept.head(2)[-1])
    (tmp_path / "position").write_bytes(position)
    assert data(opened().head(100)) == lines(5)


def test_a_full_disk_loses_the_alerts_that_did_not_fit_and_no_others(opened, monkeypatch):
    kept = opened()
    kept.append(lines(2))

    def full(fd, written):
        os.write(fd, written[:50])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(base, "write_all", full)
        with pytest.raises(OSError, match="No space left"):
            kept.append(lines(2, 2))
    kept.append(lines(2, 4))
    assert data(kept.head(100)) == lines(2) + lines(2, 4)


def test_a_line_larger_than_what_is_read_at_once(opened):
    kept = opened(size=8 << 20)
    large = b'{"text": "%s"}' % (b"y" * 700_000)
    kept.append([*lines(2), large, *lines(2, 2)])
    assert data(kept.head(100)) == [*lines(2), large, *lines(2, 2)]


def test_others_cannot_read_it(tmp_path, clock):
    directory = tmp_path / "new"
    kept = spool.Spool(str(directory), buffer.Bounds(1 << 20, 60), fsync=True, clock=clock)
    kept.append(lines(1))
    kept.close()
    assert directory.stat().st_mode & 0o777 == 0o700
    assert all(file.stat().st_mode & 0o077 == 0 for file in directory.iterdir())


def test_pauses_double_up_to_the_longest_and_are_drawn_at_random():
    pauses = backoff.Backoff(0.5, 4.0, draw=lambda: 0.5)
    assert [pauses.failed() for _ in range(6)] == [0.25, 0.5, 1.0, 2.0, 2.0, 2.0]
    pauses.reset()
    assert pauses.failed() == 0.25


def test_retry_after_is_a_floor_with_jitter_on_top_and_a_bound():
    pauses = backoff.Backoff(0.5, 4.0, draw=lambda: 0.5)
    assert pauses.failed(10) == 10.25
    assert pauses.failed(86_400) == backoff.LONGEST_RETRY_AFTER + 0.25


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("7", 7),
        (" 7 ", 7),
        ("soon", None),
        ("-1", None),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 40),
        ("Thu, 01 Jan 1970 00:00:01 GMT", 0),
    ],
)
def test_retry_after_in_both_forms(header, seconds):
    assert backoff.retry_after(header, now=lambda: 60.0) == seconds
