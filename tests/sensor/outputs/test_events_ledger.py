"""Which alerts become Events, which count up one there is, which are held back: with a clock of the test's own."""

from __future__ import annotations

import pytest
from tests.sensor.outputs.support import examples

from falcon_sensor.outputs.kubernetes_events import bucket, ledger, objects
from falcon_sensor.settings import receivers

SOURCE = objects.Source("node-1", "falcon-sensor-x7k2p")


class Book:
    """A ledger with an API server that takes everything, and the clock."""

    def __init__(self, **options):
        self.ledger = ledger.Ledger(receivers.KubernetesEvents(**options), SOURCE, lambda: 1_700_000_000_000_000_000)
        self.now = 1000.0
        self.number = 0

    def take(self, count=1, pod="web-0", **changes):
        for _ in range(count):
            self.number += 1
            about = {"pod_uid": f"uid-{pod}", "pod_name": pod, "pod_namespace": "team"} if pod else {}
            values = {"output": "a shell was spawned", "container_id": "c1", **about, **changes}
            self.ledger.take(examples.alert(self.number, **values), self.now)

    def begin(self) -> ledger.Job:
        """The next thing to do, under way."""
        job = self.ledger.job(self.now)
        assert job is not None
        return job

    def jobs(self, **options):
        """All there is to do now, done."""
        done = []
        while (job := self.ledger.job(self.now, **options)) is not None:
            self.ledger.done(job, self.now)
            done.append(job)
        return done


def shape(jobs):
    return [("create" if job.create else "patch", job.count) for job in jobs]


def test_the_first_alert_is_an_event_at_once_and_without_a_series():
    book = Book()
    book.take()
    jobs = book.jobs()
    assert shape(jobs) == [("create", 1)]
    assert "series" not in jobs[0].body
    assert book.ledger.wait(book.now) is None


def test_a_repeat_makes_a_series_that_counts_from_two():
    book = Book(update_seconds=2)
    book.take()
    first = book.jobs()[0]
    book.now += 10
    book.take()
    job = book.jobs()[0]
    assert (job.create, job.name, job.namespace) == (False, first.name, "team")
    assert job.body == {
        "metadata": {"annotations": {"falcon.dev/last-uuid": "00000000-0000-4000-8000-000000000002"}},
        "series": {"count": 2, "lastObservedTime": "2023-11-14T22:13:20.000000Z"},
    }


def test_repeats_are_gathered_into_one_update():
    book = Book(update_seconds=2)
    book.take()
    book.jobs()
    book.take(99)
    assert book.jobs() == []
    assert book.ledger.wait(book.now) == 2.0
    book.now += 2
    assert shape(book.jobs()) == [("patch", 100)]


def test_repeats_before_the_event_is_made_go_with_it():
    book = Book()
    book.take(5)
    jobs = book.jobs()
    assert shape(jobs) == [("create", 5)]
    assert jobs[0].body["series"]["count"] == 5
    assert jobs[0].body["metadata"]["annotations"]["falcon.dev/last-uuid"].endswith("5")


def test_repeats_while_a_request_is_under_way_are_told_next():
    book = Book(update_seconds=2)
    book.take()
    job = book.begin()
    book.take(3)
    book.ledger.done(job, book.now)
    book.now += 2
    assert shape(book.jobs()) == [("patch", 4)]


@pytest.mark.parametrize(
    "changes",
    [{"pod": "web-1"}, {"container_id": "c2"}, {"rule": "Another rule"}, {"output": "another text"}, {"pod": None}],
)
def test_what_differs_is_an_event_of_its_own(changes):
    book = Book()
    book.take()
    book.take(**changes)
    assert shape(book.jobs()) == [("create", 1), ("create", 1)]


def test_too_many_texts_of_one_rule_count_up_the_last_and_show_the_latest():
    book = Book(series_texts=3, update_seconds=1)
    for number in range(5):
        book.take(output=f"text {number}")
    jobs = book.jobs()
    assert [(job.body["note"], job.count) for job in jobs] == [("text 0", 1), ("text 1", 1), ("text 2", 3)]
    assert jobs[2].body["metadata"]["annotations"]["falcon.dev/last-output"] == "text 4"


def test_a_series_ends_when_it_was_not_seen_for_long():
    book = Book(series_seconds=60)
    book.take()
    book.jobs()
    book.now += 59
    book.take()
    book.jobs()
    book.now += 60
    book.take()
    book.now += 61
    book.take()
    assert sorted(shape(book.jobs())) == [("create", 1), ("patch", 3)]


def test_what_was_not_seen_for_long_is_forgotten():
    book = Book(series_seconds=60, max_burst=500)
    for number in range(100):
        book.take(pod=f"web-{number}")
    book.jobs()
    book.now += 61
    book.take(pod="other")
    assert len(book.ledger._groups) == 1


def test_beyond_the_burst_alerts_are_held_back_counted_and_summarised_about_the_node():
    book = Book(rate=1, max_burst=3)
    for number in range(10):
        book.take(pod=f"web-{number}", rule="A" if number % 2 else "B")
    assert shape(book.jobs()) == [("create", 1)] * 3
    assert book.ledger.held_back == 7
    assert book.ledger.wait(book.now) == ledger.SUMMARY_SECONDS
    book.now += ledger.SUMMARY_SECONDS
    (summary,) = book.jobs()
    assert summary.body["regarding"]["kind"] == "Node"
    assert summary.body["reason"] == "AlertsHeldBack"
    assert summary.body["note"].startswith("7 alerts within 60 s have no Events of their own")
    assert summary.body["note"].endswith(": 4 A, 3 B")
    assert book.jobs() == []


def test_tokens_come_back_with_time():
    book = Book(rate=2, max_burst=1)
    for number in range(10):
        book.take(pod=f"web-{number}")
        book.now += 0.5
    assert shape(book.jobs()) == [("create", 1)] * 10
    assert book.ledger.held_back == 0


def test_repeats_are_never_held_back_only_told_later():
    book = Book(rate=0.1, max_burst=1, update_seconds=1)
    book.take()
    book.jobs()
    book.take(50)
    book.now += 5
    assert book.jobs() == []
    assert book.ledger.held_back == 0
    book.now += book.ledger.wait(book.now) or 0.0
    assert shape(book.jobs()) == [("patch", 51)]


def test_a_full_queue_holds_back():
    book = Book(queue=2, max_burst=100)
    for number in range(5):
        book.take(pod=f"web-{number}")
    assert book.ledger.waiting == 2
    assert book.ledger.held_back == 3
    assert book.ledger.unwritten == 5


def test_what_the_server_refuses_is_summarised_and_tried_anew_by_the_next_alert():
    book = Book()
    book.take(3)
    book.ledger.lost(book.begin(), book.now, summarise=True)
    assert book.ledger.held_back == 3
    book.take()
    assert shape(book.jobs()) == [("create", 1)]


def test_a_refused_summary_is_told_with_the_next_one():
    book = Book(rate=0.001, max_burst=1)
    book.take(pod="a")
    book.take(pod="b")
    book.jobs()
    book.now += 60
    job = book.begin()
    book.ledger.lost(job, book.now, summarise=True)
    book.take(pod="c")
    assert book.ledger.held_back == 2
    book.now += 60
    (summary,) = book.jobs()
    assert summary.body["note"].startswith("2 alerts within 60 s")


def test_of_a_namespace_that_is_gone_nothing_is_told():
    book = Book()
    book.take(3)
    book.ledger.lost(book.begin(), book.now, summarise=False)
    assert (book.ledger.held_back, book.ledger.waiting, book.ledger.unwritten) == (0, 0, 0)


def test_an_event_that_is_no_more_is_made_anew_with_what_it_was_not_told():
    book = Book(update_seconds=1)
    book.take()
    first = book.jobs()[0]
    book.now += 5
    book.take(3)
    job = book.begin()
    book.ledger.vanished(job)
    (again,) = book.jobs()
    assert again.create
    assert again.name != first.name
    assert again.count == again.body["series"]["count"] == 3
    book.now += 5
    book.take()
    assert shape(book.jobs()) == [("patch", 4)]


def test_at_the_end_updates_and_summaries_do_not_wait():
    book = Book(rate=0.001, max_burst=3, update_seconds=60)
    book.take(pod="a")
    book.take(pod="b")
    book.jobs()
    book.take(pod="a")
    book.take(pod="c")
    book.take(pod="d")
    assert shape(book.jobs()) == [("create", 1)]
    assert [(job.create, job.entry is None) for job in book.jobs(hurry=True)] == [(True, True)]
    assert book.ledger.unwritten == 1


def test_every_alert_is_told_of_in_some_way():
    """A storm of 20 pods, 3 rules, 7 texts: what Events and summaries count adds up to all alerts."""
    book = Book(rate=5, max_burst=20, series_texts=3, queue=10, series_seconds=30)
    told: dict[str, int] = {}
    for step in range(3000):
        book.take(pod=f"web-{step * 7 % 20}", rule=f"rule {step % 3}", output=f"text {step * 11 % 7}")
        book.now += 0.05
        if step % 10 == 0:
            for job in book.jobs():
                told[job.name] = job.count if job.entry is not None else sum(job.rules.values())
    while (wait := book.ledger.wait(book.now)) is not None:
        book.now += wait
        for job in book.jobs():
            told[job.name] = job.count if job.entry is not None else sum(job.rules.values())
    assert book.ledger.unwritten == 0
    assert sum(told.values()) == 3000


def test_the_bucket_is_full_at_first_and_never_more_than_full():
    tokens = bucket.Bucket(rate=1, burst=2)
    assert [tokens.take(0) for _ in range(3)] == [True, True, False]
    assert tokens.wait(0.25) == 0.75
    assert [tokens.take(100) for _ in range(3)] == [True, True, False]


def test_a_clock_that_steps_back_gives_no_tokens():
    tokens = bucket.Bucket(rate=1, burst=1)
    assert tokens.take(100)
    assert not tokens.take(50)
    assert not tokens.take(100.5)
