"""Token bucket, backoff and breaker by themselves."""

from __future__ import annotations

from falcon_hub.routing import pacing
from falcon_hub.sinks import options


def test_a_bucket_gives_what_it_has_and_refills() -> None:
    bucket = pacing.Bucket(options.RateLimit(messages=3, per_seconds=6), 0)
    assert bucket.available(0) == 3
    bucket.take(3)
    assert bucket.available(0) == 0
    assert bucket.wait(0) == 2
    assert [bucket.available(now) for now in (1.9, 2, 4, 100)] == [0, 1, 2, 3]


def test_backoff_grows_to_its_longest_and_starts_anew() -> None:
    backoff = pacing.Backoff(options.Retry(initial_seconds=1, longest_seconds=10), draw=lambda: 1.0)
    assert [backoff.failed() for _ in range(6)] == [1, 2, 4, 8, 10, 10]
    backoff.succeeded()
    assert backoff.failed() == 1


def test_backoff_draws_between_nothing_and_its_ceiling() -> None:
    backoff = pacing.Backoff(options.Retry(initial_seconds=4, longest_seconds=4))
    assert all(0 <= backoff.failed() <= 4 for _ in range(100))


def test_what_the_receiver_asks_for_is_waited_for_whole() -> None:
    backoff = pacing.Backoff(options.Retry(longest_seconds=10), draw=lambda: 0.5)
    assert backoff.failed(asked=100) == 100.5


def test_a_breaker_opens_after_failures_in_a_row_only() -> None:
    breaker = pacing.Breaker(options.Breaker(failures=2, pause_seconds=30))
    assert breaker.failed() == 0
    breaker.succeeded()
    assert breaker.failed() == 0
    assert breaker.failed() == 30
    assert str(breaker.state) == "open"
    breaker.try_again()
    assert str(breaker.state) == "half-open"
    assert breaker.failed() == 30
    breaker.try_again()
    breaker.succeeded()
    assert (breaker.state, breaker.failures) == (pacing.State.CLOSED, 0)
