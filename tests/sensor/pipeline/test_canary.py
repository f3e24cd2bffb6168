"""Acts that come back, acts that are lost, and that nobody else's program start counts as one."""

from __future__ import annotations

import time

import pytest

from falcon_sensor.pipeline import canary
from falcon_sensor.records import canary as acts


class Record:
    """As much of one as is asked."""

    def __init__(self, **blobs):
        self.blobs = blobs
        self.head = self

    time = time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    def blob(self, name):
        return self.blobs[name]


@pytest.fixture
def made():
    return []


@pytest.fixture
def own(made):
    found = canary.Canary(made.append)
    yield found
    found.close()


def opened(number):
    return Record(name=b"/falcon-canary/%d" % number)


def test_it_acts_every_two_seconds(own, made):
    for tenth in range(61):
        own.tend(canary.How.OPEN, 100.0 + tenth / 10)
    assert made == [1, 2, 3, 4]


def test_what_came_back_is_not_missed(own):
    own.tend(canary.How.OPEN, 100.0)
    assert own.oldest().began == 100.0
    own.returned(opened(1))
    assert (own.oldest(), own.answered) == (None, 1)
    assert own.latency > 0


def test_a_lost_one_is_not_missed_once_a_later_one_came(own):
    for number in range(3):
        own.tend(canary.How.OPEN, 100.0 + 2 * number)
    own.returned(opened(2))
    assert own.oldest().number == 3


def test_acts_that_never_come_back_do_not_pile_up(own):
    for number in range(1000):
        own.tend(canary.How.OPEN, 100.0 + 2 * number)
    assert own.oldest().number == 1000 - 63


def test_after_forgetting_it_acts_at_once(own, made):
    own.tend(canary.How.OPEN, 100.0)
    own.forget()
    assert own.oldest() is None
    own.tend(canary.How.OPEN, 100.1)
    assert made == [1, 2]


def test_the_acts_name_says_which_it_is():
    assert acts.number_in(b"/falcon-canary/23") == 23
    with pytest.raises(ValueError):
        acts.number_in(b"/etc/shadow")


def test_a_programs_start_counts_once_and_only_with_the_word(own, monkeypatch):
    words = iter(["a" * 32, "b" * 32])
    monkeypatch.setattr("secrets.token_hex", lambda size: next(words))
    own.tend(canary.How.EXEC, 100.0)
    assert not own.is_answer(Record(args=b"falcon-canary\0" + b"f" * 32 + b"\0"))
    answer = Record(args=b"falcon-canary\0" + b"a" * 32 + b"\0")
    assert own.is_answer(answer)
    assert not own.is_answer(answer), "somebody who read the word and uses it is seen"
    assert own.oldest() is None
