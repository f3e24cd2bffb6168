"""Which outputs settings give."""

from __future__ import annotations

import dataclasses

import pytest

from falcon_sensor.api import metrics
from falcon_sensor.outputs import build
from falcon_sensor.settings import feeds, model, receivers

QUIET = model.Settings(stdout_output=model.StdoutOutput(enabled=False))
KUBECONFIG = """
current-context: test
contexts: [{name: test, context: {cluster: test, user: test}}]
clusters: [{name: test, cluster: {server: "https://127.0.0.1:1", certificate-authority: ca.pem}}]
users: [{name: test, user: {token: t}}]
"""


def names(settings):
    built = build.outputs(settings)
    try:
        return sorted(built.outputs.measures())
    finally:
        built.outputs.close(10)


@pytest.fixture
def kubeconfig(tmp_path):
    """Of a server that is not there."""
    from tests.sensor.outputs.support import certificates

    certificates.Authority(tmp_path, "ca")
    path = tmp_path / "kubeconfig"
    path.write_text(KUBECONFIG)
    return str(path)


def test_standard_output_alone_unless_told_otherwise():
    assert names(model.Settings()) == ["stdout"]


@pytest.mark.parametrize(
    ("cluster", "enabled", "expected"),
    [
        (False, None, []),
        (True, None, ["kubernetes events"]),
        (True, False, []),
        (False, True, ["kubernetes events"]),
    ],
)
def test_events_in_a_cluster_or_when_told(kubeconfig, cluster, enabled, expected):
    settings = dataclasses.replace(
        QUIET,
        cluster=model.Cluster(enabled=cluster, kubeconfig=kubeconfig),
        kubernetes_events=receivers.KubernetesEvents(enabled=enabled),
    )
    assert names(settings) == expected


def test_events_without_a_cluster_are_an_error_that_says_what_to_set(monkeypatch):
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    settings = dataclasses.replace(QUIET, kubernetes_events=receivers.KubernetesEvents(enabled=True))
    with pytest.raises(build.Unusable, match=r"kubernetes_events: KUBERNETES_SERVICE_HOST is not set.*cluster.kubecon"):
        build.outputs(settings)


def test_a_webhook(tmp_path):
    url = "https://receiver.example:8443/secret"
    settings = dataclasses.replace(QUIET, http_output=receivers.HttpOutput(enabled=True, url=url))
    assert names(settings) == ["webhook https://receiver.example:8443"]


@pytest.mark.parametrize("kind", ["webhook", "events", "syslog", "program", "grpc"])
def test_whatever_an_output_measures_is_a_metric(kind, kubeconfig, tmp_path):
    cluster = model.Cluster(kubeconfig=kubeconfig)
    chosen: dict[str, dict] = {
        "webhook": {"http_output": receivers.HttpOutput(enabled=True, url="http://receiver.example/")},
        "syslog": {"syslog_output": feeds.SyslogOutput(enabled=True)},
        "program": {"program_output": feeds.ProgramOutput(enabled=True, program="true")},
        "grpc": {"grpc": feeds.Grpc(enabled=True, bind_address=f"unix://{tmp_path}/s")},
        "events": {"kubernetes_events": receivers.KubernetesEvents(enabled=True), "cluster": cluster},
    }
    built = build.outputs(dataclasses.replace(QUIET, **chosen[kind]))
    (output,) = built.outputs.all()
    own = output.own()
    built.outputs.close(10)
    assert own
    assert set(own) <= set(metrics._OWN)


def test_what_every_output_measures_and_what_is_its_own(tmp_path):
    options = receivers.HttpOutput(enabled=True, url="http://receiver.example/")
    built = build.outputs(dataclasses.replace(QUIET, http_output=options))
    (measures,) = built.outputs.measures().values()
    built.outputs.close(10)
    assert {"queued", "lost", "delivered", "sent", "retries", "refused", "spooled_bytes"} <= set(measures)
