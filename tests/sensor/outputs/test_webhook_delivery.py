"""What the webhook does when the receiver is slow, gone, or does not want an alert."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from tests.sensor.outputs.support import examples, receiver

from falcon_sensor.outputs import base, render
from falcon_sensor.outputs.webhook import sink
from falcon_sensor.settings import model, receivers

ROOT = Path(__file__).parents[3]
FAST = receivers.Retry(initial_seconds=0.01, max_seconds=0.05)


@pytest.fixture
def there():
    found = receiver.Receiver()
    yield found
    found.close()


@pytest.fixture
def spool(tmp_path):
    return tmp_path / "spool"


@pytest.fixture
def made():
    outputs: list[base.Output] = []
    yield outputs
    for output in outputs:
        output.start_closing()
        output.wait_closed(time.monotonic() + 5)


@pytest.fixture
def webhook(made, spool):
    """Makes outputs with a spool that end with the test."""

    def make(url, tell=None, capacity=1000, *, spooled=True, **options):
        bounds = options.pop("bounds", {})
        kept = receivers.WebhookSpool(directory=str(spool) if spooled else None, fsync=False, **bounds)
        settings = receivers.HttpOutput(enabled=True, url=url, spool=kept, **{"retry": FAST, **options})
        tell = tell or (lambda line: None)
        output = base.Output(sink.Webhook(settings, render.as_json(model.Settings()), tell), capacity, tell)
        made.append(output)
        return output

    return make


def numbers(requests):
    return [examples.number(each.json) for each in requests]


def closed_port():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


def stop(output):
    output.start_closing()
    assert output.wait_closed(time.monotonic() + 20)


@pytest.mark.parametrize("spooled", [True, False])
@pytest.mark.parametrize("status", [429, 500, 503])
def test_failures_of_the_server_are_repeated_in_order(there, webhook, spooled, status):
    told: list[str] = []
    there.answers.extend([receiver.Answer(), receiver.Answer(status), receiver.Answer(status)])
    output = webhook(there.url, told.append, spooled=spooled)
    for number in range(4):
        output.put(examples.alert(number))
    assert numbers(there.wait(6)) == [0, 1, 1, 1, 2, 3]
    receiver.until(lambda: output.sink.measures()["sent"] == 4)
    assert output.sink.measures()["retries"] == 2
    name = f"webhook http://localhost:{there.port}"
    assert told == [f"{name}: HTTP {status}; alerts wait until it works again", f"{name} works again"]


def test_a_connection_that_ends_without_an_answer_is_repeated(there, webhook):
    there.dead = True
    output = webhook(there.url)
    output.put(examples.alert(1))
    there.wait(2)
    there.dead = False
    receiver.until(lambda: output.sink.measures()["sent"] == 1)
    assert set(numbers(there.requests)) == {1}


@pytest.mark.parametrize("spooled", [True, False])
def test_a_receiver_that_comes_later_gets_everything_in_order(webhook, spooled):
    port = closed_port()
    told: list[str] = []
    output = webhook(f"http://localhost:{port}/", told.append, spooled=spooled)
    for number in range(50):
        output.put(examples.alert(number))
    receiver.until(lambda: output.sink.measures()["retries"] >= 3)
    assert told[0].endswith("Connection refused; alerts wait until it works again")
    there = receiver.Receiver(port=port)
    requests = there.wait(50)
    there.close()
    assert numbers(requests) == list(range(50))


def test_retry_after_is_waited_for(there, webhook):
    there.answers.append(receiver.Answer(503, (("Retry-After", "1"),)))
    output = webhook(there.url)
    before = time.monotonic()
    output.put(examples.alert())
    there.wait(2)
    assert time.monotonic() - before >= 1.0


@pytest.mark.parametrize("status", [301, 400, 401, 404, 413, 422])
def test_what_the_receiver_does_not_want_is_kept_aside_and_not_repeated(there, webhook, spool, status):
    told: list[str] = []
    headers = (("Location", there.url),) if status == 301 else ()
    there.answers.extend([receiver.Answer(status, headers, b"no such field")] * 2)
    output = webhook(there.url, told.append)
    for number in range(3):
        output.put(examples.alert(number))
    assert numbers(there.wait(3)) == [0, 1, 2]
    receiver.until(lambda: output.sink.measures()["sent"] == 1)
    assert output.sink.measures()["refused"] == 2
    assert len(told) == 1
    assert f"answers HTTP {status}" in told[0]
    kept = [json.loads(line) for line in (spool / "refused.ndjson").read_text().splitlines()]
    assert [examples.number(each["alert"]) for each in kept] == [0, 1]
    assert (kept[0]["refused"]["status"], kept[0]["refused"]["answer"]) == (status, "no such field")
    assert (spool / "refused.ndjson").stat().st_mode & 0o777 == 0o600


def test_what_is_kept_aside_is_bounded(there, webhook, spool):
    there.answers.extend([receiver.Answer(400)] * 20)
    output = webhook(there.url, bounds={"refused_bytes": 2000})
    for number in range(20):
        output.put(examples.alert(number))
    receiver.until(lambda: output.sink.measures()["refused"] == 20)
    sizes = [(spool / name).stat().st_size for name in ("refused.ndjson", "refused.ndjson.1")]
    assert all(0 < size <= 2000 for size in sizes)
    last = (spool / "refused.ndjson").read_text().splitlines()[-1]
    assert examples.number(json.loads(last)["alert"]) == 19


def test_one_bad_alert_does_not_take_its_batch_along(there, webhook, spool):
    """The receiver accepts no request that has alert 5 in it."""
    batches: list[list[int]] = []
    genuine = there._take

    def take(handler, body):
        batch = [examples.number(each) for each in json.loads(body)]
        batches.append(batch)
        if 5 in batch:
            there.answers.append(receiver.Answer(422))
        genuine(handler, body)

    there._take = take
    there.open.clear()
    output = webhook(there.url, batch=receivers.WebhookBatch(max_alerts=8, max_wait_ms=0))
    output.put(examples.alert(0))
    there.wait(1)
    for number in range(1, 9):
        output.put(examples.alert(number))
    receiver.until(lambda: output.sink.measures()["waiting"] == 9)
    there.open.set()
    receiver.until(lambda: output.sink.measures()["sent"] == 8)
    assert output.sink.measures()["refused"] == 1
    accepted = [number for batch in batches if 5 not in batch for number in batch]
    assert accepted == [0, 1, 2, 3, 4, 6, 7, 8]
    kept = (spool / "refused.ndjson").read_text().splitlines()
    assert [examples.number(json.loads(line)["alert"]) for line in kept] == [5]


def test_alerts_wait_for_company_when_batching(there, webhook):
    output = webhook(there.url, batch=receivers.WebhookBatch(max_alerts=3, max_wait_ms=60_000))
    for number in range(3):
        output.put(examples.alert(number))
    assert [examples.number(each) for each in there.wait(1)[0].json] == [0, 1, 2]


def test_an_alert_waits_only_so_long(there, webhook):
    webhook(there.url, batch=receivers.WebhookBatch(max_alerts=100, max_wait_ms=50)).put(examples.alert(7))
    assert [examples.number(each) for each in there.wait(1)[0].json] == [7]


def test_an_answer_that_never_ends_is_given_up(webhook):
    """A byte now and then must not hold the output: the bound is on the whole answer."""
    listener = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def drip():
        connection, _ = listener.accept()
        connection.recv(65536)
        try:
            while True:
                connection.sendall(b"H")
                time.sleep(0.02)
        except OSError:
            ended.set()

    threading.Thread(target=drip, daemon=True).start()
    told: list[str] = []
    output = webhook(f"http://127.0.0.1:{listener.getsockname()[1]}/", told.append, timeout_seconds=0.3)
    output.put(examples.alert())
    receiver.until(lambda: told)
    assert "no answer in time" in told[0]
    assert ended.wait(10)
    listener.close()


def test_a_receiver_that_hangs_delays_no_other_output_and_no_alert(there, webhook):
    there.open.clear()
    output = webhook(there.url)
    taken: list = []

    class Other:
        name = "other"

        def write(self, batch):
            taken.extend(batch)

        def reopen(self): ...

        def close(self): ...

    both = base.Outputs([output, base.Output(Other(), 1000)])
    for number in range(300):
        both.put(examples.alert(number))
    receiver.until(lambda: len(taken) == 300)
    receiver.until(lambda: output.delivered == 300)
    assert output.lost == 0
    assert len(there.requests) <= 1


def test_without_a_spool_the_queue_is_the_bound_and_what_it_loses_is_counted(there, webhook):
    told: list[str] = []
    there.open.clear()
    output = webhook(there.url, told.append, capacity=10, spooled=False)
    output.put(examples.alert(0))
    there.wait(1)
    for number in range(1, 31):
        output.put(examples.alert(number))
    assert output.lost == 20
    there.open.set()
    assert numbers(there.wait(11)) == list(range(11))


def test_what_waits_outlives_the_sensor(webhook, there):
    port = closed_port()
    before = webhook(f"http://localhost:{port}/")
    for number in range(5):
        before.put(examples.alert(number))
    stop(before)
    told: list[str] = []
    after = webhook(there.url, told.append)
    after.put(examples.alert(5))
    assert numbers(there.wait(6)) == list(range(6))
    assert "5 alerts from before wait" in told[0]


def test_what_arrived_is_not_sent_again_after_a_restart(webhook, there):
    before = webhook(there.url)
    for number in range(5):
        before.put(examples.alert(number))
    there.wait(5)
    stop(before)
    webhook(there.url).put(examples.alert(5))
    assert numbers(there.wait(6)) == list(range(6))


def test_two_sensors_never_share_a_spool(webhook, there):
    webhook(there.url)
    with pytest.raises(sink.Unusable, match="another sensor uses"):
        webhook(there.url)


def run(spool, url, first, count):
    command = [sys.executable, "-m", "tests.sensor.outputs.support.spooling", spool, url, str(first), str(count)]
    return subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, cwd=ROOT)


def kill_after(process, taken):
    """Once it has printed that many numbers. Returns all it printed."""
    printed = [int(process.stdout.readline()) for _ in range(taken)]
    os.kill(process.pid, signal.SIGKILL)
    rest = process.stdout.read().splitlines()
    process.wait()
    process.stdout.close()
    return printed + [int(line) for line in rest if line]


def test_a_killed_sensor_loses_nothing_it_has_taken(spool, webhook, there):
    """Killed three times in the middle of its work, with nobody there to take alerts."""
    nobody = f"http://localhost:{closed_port()}/"
    taken: list = []
    for round_ in range(3):
        taken += kill_after(run(spool, nobody, round_ * 10_000, 10_000), 20 + 37 * round_)
    webhook(there.url)
    # Not by their number: some whose taking was not told may be among them.
    receiver.until(lambda: set(numbers(there.requests)) >= set(taken), 60)
    found = numbers(there.requests)
    # One whose taking was not told any more may follow each kill.
    assert [each for each in found if each in set(taken)] == taken
    assert len(found) <= len(taken) + 3


def test_a_sensor_killed_while_it_sends_loses_nothing_and_keeps_the_order(spool, webhook, there):
    taken = kill_after(run(spool, there.url, 0, 2_000), 2_000)
    webhook(there.url)
    receiver.until(lambda: len(set(numbers(there.requests))) == 2_000, 60)
    found = numbers(there.requests)
    firsts = sorted(set(found), key=found.index)
    assert firsts == taken
    # At most the one under way, and those whose position the killed one had not written.
    assert len(found) <= 2_002
