"""Alerts held back are counted and told, by rule and container, in the records' own time."""

from __future__ import annotations

from falcon_rules import bundle
from falcon_sensor.engine import limiter

SECOND = 1_000_000_000
TWO_PER_SECOND = bundle.RateLimit(alerts=2, per_seconds=1.0)


def admit(limits, now, rule="r", container=b"c", limit=TWO_PER_SECOND):
    return limits.admit(rule, container, limit, int(now * SECOND))


def test_a_burst_passes_and_the_rest_is_held_back():
    limits = limiter.Limiter()
    assert [admit(limits, 0) for _ in range(4)] == [0, 0, None, None]


def test_the_next_alert_tells_how_many_were_held_back_and_only_once():
    limits = limiter.Limiter()
    for _ in range(5):
        admit(limits, 0)
    assert [admit(limits, 1), admit(limits, 1), admit(limits, 3)] == [3, 0, 0]
    assert limits.totals() == {"r": 3}


def test_tokens_come_back_evenly():
    limits = limiter.Limiter()
    admit(limits, 0)
    admit(limits, 0)
    assert admit(limits, 0.4) is None
    assert admit(limits, 0.5) == 1


def test_many_small_steps_earn_what_one_large_step_earns():
    limits = limiter.Limiter()
    admit(limits, 0)
    admit(limits, 0)
    told = [admit(limits, step / 1000) for step in range(1, 501)]
    assert told[:-1] == [None] * 499
    assert told[-1] == 499


def test_rules_and_containers_do_not_share():
    limits = limiter.Limiter()
    for _ in range(3):
        admit(limits, 0)
    assert admit(limits, 0, container=b"other") == 0
    assert admit(limits, 0, rule="other") == 0


def test_records_out_of_order_neither_earn_nor_lose():
    limits = limiter.Limiter()
    assert [admit(limits, 10), admit(limits, 9), admit(limits, 8)] == [0, 0, None]
    assert admit(limits, 10.4) is None
    assert admit(limits, 10.5) == 2


def test_rules_without_a_limit_have_the_default():
    limits = limiter.Limiter(bundle.RateLimit(alerts=1, per_seconds=60.0))
    assert [admit(limits, 0, limit=None), admit(limits, 0, limit=None)] == [0, None]


def test_no_limit_at_all():
    limits = limiter.Limiter(None)
    assert [admit(limits, 0, limit=None) for _ in range(1000)] == [0] * 1000


def test_a_limit_of_nothing_holds_everything_back():
    limits = limiter.Limiter()
    nothing = bundle.RateLimit(alerts=0, per_seconds=1.0)
    assert [admit(limits, now, limit=nothing) for now in range(3)] == [None, None, None]


def test_the_number_of_keys_is_bounded_and_totals_survive():
    limits = limiter.Limiter(capacity=10)
    for number in range(100):
        for _ in range(3):
            admit(limits, 0, container=b"%d" % number)
    assert len(limits) == 10
    assert limits.totals() == {"r": 100}


def test_the_key_that_was_quiet_longest_is_forgotten_first():
    limits = limiter.Limiter(capacity=2)
    for _ in range(3):
        admit(limits, 0, container=b"busy")
    admit(limits, 0, container=b"quiet")
    admit(limits, 0, container=b"busy")
    admit(limits, 0, container=b"new")
    assert admit(limits, 0, container=b"busy") is None
