"""The chart and the programs understand each other: settings, environment, rules, metrics, schema."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import helm_python
import prometheus_client
import pytest
import yaml
from tests.charts.support import rendering
from tests.charts.support.rendering import VALUES, Object

from falcon_operator import settings as operator_settings
from falcon_operator.app import operator
from falcon_operator.cli import check
from falcon_sensor.api import bundles, health, metrics, refusals
from falcon_sensor.settings import load

ENVIRONMENT = "FALCON_OPERATOR_"
FREE = {"global", "extra_fields", "headers", "customRules", "issuerRef"} | {
    *("labels", "commonLabels", "podLabels", "annotations", "podAnnotations", "nodeSelector"),
    *("affinity", "requests", "limits", "resources"),
}
"""Values whose keys are anybody's."""


def environment(container: Object) -> dict[str, str]:
    """Variables as the container sees them; what the cluster fills in, as a word."""
    return {each["name"]: each.get("value", "filled-in") for each in container.get("env", [])}


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_the_sensor_takes_its_settings(values: Object, tmp_path: Path):
    objects = rendering.render(values)
    name = values.get("fullnameOverride", "falcon")
    (container,) = rendering.one(objects, "DaemonSet", f"{name}-sensor")["spec"]["template"]["spec"]["containers"]
    file = tmp_path / "settings.yaml"
    file.write_text(rendering.one(objects, "ConfigMap", f"{name}-sensor")["data"]["settings.yaml"])
    settings, warnings = load.load(str(file), [], environment(container))
    assert warnings == []
    assert settings.cluster.enabled
    assert settings.cluster.operator_account == f"{name}-operator"
    assert settings.cluster.namespace == rendering.NAMESPACE
    assert settings.cluster.node_name == settings.hostname == "filled-in"
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert (settings.cluster.api_port, settings.cluster.health_port) == (ports["api"], ports["health"])
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert (settings.cluster.tls_dir, settings.cluster.state_dir) == (mounts["tls"], mounts["state"])
    assert (settings.http_output.spool.directory or "").startswith(mounts["state"])


def test_users_settings_reach_the_sensor(tmp_path: Path):
    file = tmp_path / "settings.yaml"
    file.write_text(
        rendering.one(rendering.render(VALUES["most"]), "ConfigMap", "guard-sensor")["data"]["settings.yaml"]
    )
    settings, _ = load.load(str(file), [], {})
    assert settings.extra_fields == {"environment": "production", "datacenter": "paris"}
    assert (settings.http_output.enabled, settings.http_output.url) == (True, "https://receiver.example/falcon")
    assert settings.kubernetes_events.enabled


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_the_operator_takes_its_settings(values: Object):
    objects = rendering.render(values)
    name = values.get("fullnameOverride", "falcon")
    deployment = rendering.one(objects, "Deployment", f"{name}-operator")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    given = {
        variable.removeprefix(ENVIRONMENT).lower(): value
        for variable, value in environment(container).items()
        if variable.startswith(ENVIRONMENT)
    }
    assert set(given) <= set(operator_settings.Settings.model_fields)
    settings = operator_settings.Settings.model_validate(given)
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert (settings.health_port, settings.admission_port) == (ports["health"], ports["admission"])
    (mount,) = container["volumeMounts"]
    assert str(settings.sensor_token_file.parent) == mount["mountPath"]
    service = rendering.one(objects, "Service", settings.service_name)
    assert service["metadata"]["namespace"] == rendering.NAMESPACE
    webhooks = [each["metadata"]["name"] for each in objects if each["kind"] == "ValidatingWebhookConfiguration"]
    assert webhooks == ([settings.webhook_name] if settings.webhook_name else [])
    if settings.manage_certificates:
        secrets = {each["metadata"]["name"] for each in objects if each["kind"] == "Secret"}
        wanted = (
            settings.secret_name,
            settings.ca_secret_name,
            settings.admission_secret_name,
            settings.held_secret_name,
        )
        hub = {settings.hub_tls_secret_name} if settings.hub_service_name else set()
        assert secrets == {*wanted, *hub} | ({settings.hub_token_secret} - {""})
    labels = rendering.one(objects, "DaemonSet", f"{name}-sensor")["spec"]["template"]["metadata"]["labels"]
    selector = dict(each.split("=") for each in settings.sensor_selector.split(","))
    assert selector.items() <= labels.items()


def test_what_comes_from_the_sources_is_as_they_are():
    run = subprocess.run(
        [sys.executable, rendering.ROOT / "scripts/chart", "--check"], capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stderr) == (0, "")


def rule_sets(values: Object) -> list[Object]:
    return [each for each in rendering.render(values) if each["kind"] == "FalconRuleSet"]


def test_default_rules_are_the_files_word_for_word():
    texts = [each["spec"]["rules"] for each in rule_sets({})]
    files = sorted((rendering.ROOT / "rules/default").glob("*.yaml"))
    assert texts == [file.read_text() for file in files]


@pytest.mark.parametrize("values", [VALUES["defaults"], VALUES["most"]], ids=["defaults", "most"])
def test_rules_compile_as_the_operator_loads_them(values: Object, tmp_path: Path):
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump_all(rule_sets(values)))
    told = io.StringIO()
    assert check.check([str(path)], told) == 0, told.getvalue()


def test_rules_are_switched_off_and_on_after_they_are_defined():
    sets = {each["metadata"]["name"]: each["spec"]["rules"] for each in rule_sets(VALUES["most"])}
    switches = yaml.safe_load(sets["00-falcon-99-values"])
    assert {each["rule"]: each["enabled"] for each in switches} == {
        "Terminal shell in container": False,
        "Package manager started in container": True,
    }
    assert all(each["override"] == {"enabled": "replace"} for each in switches)
    defaults = [name for name in sets if name not in ("00-falcon-99-values", "my-lists")]
    assert max(defaults) < "00-falcon-99-values" < "my-lists"


def test_alerts_of_prometheus_are_about_metrics_that_exist():
    objects = rendering.render(VALUES["most"])
    rule = rendering.one(objects, "PrometheusRule", "guard")
    expressions = [each["expr"] for group in rule["spec"]["groups"] for each in group["rules"]]
    used = {name for each in expressions for name in re.findall(r"falcon_[a-z_]+", each)} - {"falcon_system"}
    output = health.Output(name="webhook", queue=0, delivered=0, lost=0)
    sample = metrics.Sample(
        health=health.Health(drops={"ring": 1}, outputs=(output,)),
        in_force=bundles.InForce(digest="sha256:0"),
        refusals=refusals.Refusals({refusals.Reason.NO_TOKEN: 1}),
        requests={},
        version="0",
        agent_rss=0,
    )
    assert operator.Operator is not None  # its modules are where the operator's metrics are made
    text = metrics.text(sample).decode() + prometheus_client.generate_latest().decode()
    known = set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))
    assert used <= known, used - known
    reasons = {
        word for each in expressions for group in re.findall(r'reason=~"([^"]+)"', each) for word in group.split("|")
    }
    assert reasons <= set(refusals.Reason)


def mappings(value: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if not isinstance(value, dict) or (path and path[-1] in FREE):
        return []
    return [path, *(found for key, each in value.items() for found in mappings(each, (*path, key)))]


DEFAULTS = yaml.safe_load((rendering.CHART / "values.yaml").read_text())


@pytest.mark.parametrize("path", mappings(DEFAULTS), ids=".".join)
def test_a_misspelt_value_is_refused(path: tuple[str, ...]):
    values: Any = {"misspelt": True}
    for key in reversed(path):
        values = {key: values}
    with pytest.raises(helm_python.HelmError, match="misspelt"):
        rendering.render(values)


@pytest.mark.parametrize(
    "values",
    [
        {"operator": {"replicas": 0}},
        {"sensor": {"ports": {"api": 70000}}},
        {"sensor": {"stateDir": "var/lib"}},
        {"sensor": {"settings": {"priority": "loud"}}},
        {"sensor": {"settings": {"cluster": {"namespace": "elsewhere"}}}},
        {"operator": {"settings": {"namespace": "elsewhere"}}},
        {"webhook": {"failurePolicy": "Maybe"}},
        {"customRules": {"Not A Name": "- list: a\n  items: []"}},
        {"image": {"registry": ""}},
    ],
    ids=str,
)
def test_a_value_of_no_use_is_refused(values: Object):
    with pytest.raises(helm_python.HelmError):
        rendering.render(values)
