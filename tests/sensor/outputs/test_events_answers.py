"""What the API server's answers mean, and what is tried again."""

from __future__ import annotations

import json
import ssl
import time

import pytest
from tests.sensor.outputs.support import examples, receiver

from falcon_sensor.clients import connection
from falcon_sensor.outputs import backoff
from falcon_sensor.outputs.kubernetes_events import client, ledger, objects, publisher
from falcon_sensor.settings import receivers

SOURCE = objects.Source("node-1", "falcon-sensor-x7k2p")
POD = {"pod_uid": "uid", "pod_name": "web-0", "pod_namespace": "team"}


@pytest.fixture
def server():
    found = receiver.Receiver()
    yield found
    found.close()


def find(url, token=None):
    base = url.removesuffix("/hook")
    return lambda: connection.Connection(base, ssl.create_default_context(), token)


def job(create=True, **about):
    book = ledger.Ledger(receivers.KubernetesEvents(), SOURCE, time.time_ns)
    book.take(examples.alert(1, **about), 0)
    made = book.job(0)
    assert made is not None
    if create:
        return made
    book.done(made, 0)
    book.take(examples.alert(2, **{**about, "output": examples.alert(1).output}), 0)
    changed = book.job(100)
    assert changed is not None
    return changed


def status(code, reason="", message="", **details):
    body = {"kind": "Status", "reason": reason, "message": message, "details": details}
    return receiver.Answer(code, body=json.dumps(body).encode())


TERMINATING = {"causes": [{"reason": "NamespaceTerminating", "message": "namespace team is being terminated"}]}


@pytest.mark.parametrize(
    ("create", "answer", "meaning"),
    [
        (True, receiver.Answer(201), client.Meaning.DONE),
        (False, receiver.Answer(200), client.Meaning.DONE),
        (True, status(409, "AlreadyExists"), client.Meaning.EXISTS),
        (False, status(409, "Conflict"), client.Meaning.FAILED),
        (True, status(404, "NotFound", kind="namespaces"), client.Meaning.GONE),
        (False, status(404, "NotFound", kind="events"), client.Meaning.VANISHED),
        (True, receiver.Answer(404, body=b"404 page not found"), client.Meaning.REFUSED),
        (True, status(403, "Forbidden", **TERMINATING), client.Meaning.GONE),
        (True, status(403, "Forbidden", 'events is forbidden: User "x" cannot create'), client.Meaning.FAILED),
        (True, status(422, "Invalid"), client.Meaning.REFUSED),
        (True, status(400, "BadRequest"), client.Meaning.REFUSED),
        (True, status(401, "Unauthorized"), client.Meaning.LATER),
        (True, status(429, "TooManyRequests"), client.Meaning.LATER),
        (True, status(500, "InternalError"), client.Meaning.FAILED),
        (True, status(503, "ServiceUnavailable"), client.Meaning.LATER),
        (True, receiver.Answer(502, body=b"<html>bad gateway</html>"), client.Meaning.LATER),
        (True, receiver.Answer(500, body=b"[1]"), client.Meaning.FAILED),
    ],
)
def test_answers(server, create, answer, meaning):
    server.answers.append(answer)
    assert client.Client(find(server.url)).ask(job(create, **POD)).meaning is meaning


def test_a_server_that_is_not_there_is_asked_again_later(server):
    server.close()
    outcome = client.Client(find(server.url)).ask(job(**POD))
    assert outcome.meaning is client.Meaning.LATER
    assert "Connection refused" in outcome.why


def test_requests_are_what_the_api_documents(server, tmp_path):
    token = tmp_path / "token"
    token.write_text("secret\n")
    asked = client.Client(find(server.url, connection.Token(file=token)))
    asked.ask(job(**POD))
    asked.ask(job(create=False, **POD))
    create, patch = server.wait(2)
    assert (create.method, create.path) == ("POST", "/apis/events.k8s.io/v1/namespaces/team/events")
    assert create.headers["authorization"] == "Bearer secret"
    assert create.json["metadata"]["namespace"] == "team"
    assert (patch.method, patch.path) == ("PATCH", f"{create.path}/{create.json['metadata']['name']}")
    assert patch.headers["content-type"] == "application/merge-patch+json"
    assert patch.json["series"]["count"] == 2


def test_names_cannot_break_out_of_the_path(server):
    client.Client(find(server.url)).ask(job(**{**POD, "pod_namespace": "../../secrets?x="}))
    assert server.wait(1)[0].path == "/apis/events.k8s.io/v1/namespaces/..%2F..%2Fsecrets%3Fx%3D/events"


def test_a_refused_token_is_read_again_at_once(server, tmp_path):
    token = tmp_path / "token"
    token.write_text("old")
    asked = client.Client(find(server.url, connection.Token(file=token)))
    server.answers.append(status(401))
    asked.ask(job(**POD))
    token.write_text("new")
    asked.ask(job(**POD))
    assert [each.headers["authorization"] for each in server.wait(2)] == ["Bearer old", "Bearer new"]


def test_events_about_nodes_go_where_the_server_takes_them(server):
    """Before 1.21 that is kube-system alone."""
    message = 'involvedObject.namespace: Invalid value: "": does not match event.namespace'
    server.answers.append(status(422, "Invalid", message))
    asked = client.Client(find(server.url))
    for _ in range(2):
        assert asked.ask(job()).meaning is client.Meaning.DONE
    paths = [each.path.split("/")[5] for each in server.wait(3)]
    assert paths == ["default", "kube-system", "kube-system"]
    assert server.requests[1].json["metadata"]["namespace"] == "kube-system"


class Scripted:
    """A client that gives these answers, then Meaning.DONE."""

    def __init__(self, *meanings):
        self.meanings = list(meanings)
        self.asked: list[ledger.Job] = []

    def ask(self, job):
        self.asked.append(job)
        return client.Outcome(self.meanings.pop(0) if self.meanings else client.Meaning.DONE, "as scripted", 0.0)

    def close(self):
        pass


@pytest.fixture
def publish(monkeypatch):
    """Publishes alerts through a scripted client: (client, publisher, what was told)."""
    monkeypatch.setattr(publisher, "_FIRST_PAUSE", 0.001)
    monkeypatch.setattr(publisher, "_LONGEST_PAUSE", 0.001)
    made: list[publisher.Publisher] = []

    def run(scripted, alerts, **options):
        told: list[str] = []
        book = ledger.Ledger(receivers.KubernetesEvents(**options), SOURCE, time.time_ns)
        made.append(publisher.Publisher("events", book, scripted, told.append))
        made[0].take(alerts)
        made[0].start()
        return made[0], told

    yield run
    for each in made:
        each.finish()


def pods(count):
    return [examples.alert(n, **{**POD, "pod_uid": f"uid-{n}", "pod_name": f"web-{n}"}) for n in range(count)]


def test_a_server_that_cannot_now_gets_the_same_again_however_often(publish):
    scripted = Scripted(*[client.Meaning.LATER] * 20)
    running, told = publish(scripted, pods(2))
    receiver.until(lambda: running.measures()["created"] == 2)
    assert [job.name.split(".")[0] for job in scripted.asked] == ["web-0"] * 21 + ["web-1"]
    assert told == ["events: as scripted; Events wait until it works again", "events: the API server works again"]


def test_what_the_server_fails_at_again_and_again_does_not_hold_up_others(publish):
    scripted = Scripted(*[client.Meaning.FAILED] * 8)
    running, _ = publish(scripted, pods(2))
    receiver.until(lambda: running.measures()["created"] == 1)
    assert [job.name.split(".")[0] for job in scripted.asked] == ["web-0"] * 8 + ["web-1"]
    assert running.measures()["held_back"] == 1


def test_refusals_are_told_once_counted_and_summarised(publish):
    scripted = Scripted(*[client.Meaning.REFUSED] * 3)
    running, told = publish(scripted, pods(4))
    receiver.until(lambda: running.measures()["created"] == 1)
    assert len(told) == 1
    running.finish()
    assert scripted.asked[-1].body["note"].startswith("3 alerts within ")


def test_an_event_made_by_a_lost_answer_has_its_count_updated(publish):
    scripted = Scripted(client.Meaning.EXISTS)
    first = pods(1)[0]
    running, _ = publish(scripted, [first, first, first], update_seconds=0.01)
    receiver.until(lambda: running.measures()["updated"] == 1)
    assert [(job.create, job.count) for job in scripted.asked] == [(True, 3), (False, 3)]


def test_a_fault_of_ours_does_not_end_the_thread(publish):
    class Faulty(Scripted):
        def ask(self, job):
            if not self.asked:
                self.asked.append(job)
                raise RuntimeError("oops")
            return super().ask(job)

    running, told = publish(Faulty(), pods(2))
    receiver.until(lambda: running.measures()["created"] == 1)
    assert "please report this: RuntimeError: oops" in told[0]


def test_at_the_end_a_server_that_is_away_is_not_waited_for_and_what_is_left_is_known(publish):
    scripted = Scripted(*[client.Meaning.LATER] * 1000)
    running, _ = publish(scripted, pods(3))
    running.finish()
    assert running.measures()["unsaved"] == 3


def test_pauses_of_all_outputs_are_bounded():
    pauses = backoff.Backoff(0.2, 10.0, draw=lambda: 1.0)
    assert max(pauses.failed() for _ in range(100)) == 10.0
