"""The hub as a part of the chart: its settings, where sensors send to, and where its secrets come from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import helm_python
import pytest
from tests.charts.support import rendering
from tests.charts.support.rendering import VALUES, Object

from falcon_hub.settings import load as hub_load
from falcon_operator import settings as operator_settings
from falcon_operator.app import operator
from falcon_sensor.settings import load as sensor_load

WITH_HUB = {name: values for name, values in VALUES.items() if values.get("hub", {}).get("enabled")}
EVERYTHING = VALUES["hub with everything"]
"""Its names begin with guard, it has Secrets of its own for everything."""


def name_of(values: Object) -> str:
    return f"{values.get('fullnameOverride', 'falcon')}-hub"


def pod_of(values: Object) -> Object:
    found: Object = rendering.one(rendering.render(values), "StatefulSet", name_of(values))["spec"]["template"]["spec"]
    return found


def files(sources: list[Object]) -> dict[str, tuple[str, str]]:
    """What a projected volume holds: path to (Secret, key)."""
    return {
        item["path"]: (source["secret"]["name"], item["key"])
        for source in sources
        if "secret" in source
        for item in source["secret"]["items"]
    }


def volume(pod: Object, name: str) -> Any:
    (found,) = (each for each in pod["volumes"] if each["name"] == name)
    return found


def hub_settings(values: Object, tmp_path: Path) -> Any:
    """As the hub reads it: files of Secrets are there, variables too."""
    text = rendering.one(rendering.render(values), "ConfigMap", name_of(values))["data"]["hub.yaml"]
    for path in files(volume(pod_of(values), "settings")["projected"]["sources"]):
        mounted = tmp_path / path
        mounted.parent.mkdir(exist_ok=True)
        mounted.write_text("x" * 32)
    (tmp_path / "hub.yaml").write_text(text.replace("/etc/falcon-hub/", f"{tmp_path}/"))
    return hub_load.load(str(tmp_path / "hub.yaml"))[0]


def sensor_settings(values: Object, tmp_path: Path) -> Any:
    name = values.get("fullnameOverride", "falcon")
    text = rendering.one(rendering.render(values), "ConfigMap", f"{name}-sensor")["data"]["settings.yaml"]
    (tmp_path / "settings.yaml").write_text(text)
    settings, warnings = sensor_load.load(str(tmp_path / "settings.yaml"), [], {})
    assert warnings == []
    return settings


def test_nothing_of_it_is_there_unless_asked_for_but_its_secrets():
    """They are filled before, so that its pod need not wait for them once it is switched on."""
    for values, kinds in ((VALUES["defaults"], {"Secret"}), (VALUES["cert-manager"], {"Secret", "Certificate"})):
        found = [each for each in rendering.render(values) if "hub" in each["metadata"]["name"]]
        assert {each["kind"] for each in found} == kinds
    with_hub, without = rendering.render(VALUES["hub"]), rendering.render(VALUES["defaults"])
    for kind, name in (("Deployment", "falcon-operator"), ("Role", "falcon-operator")):
        assert rendering.one(with_hub, kind, name) == rendering.one(without, kind, name), "the operator goes on"
    assert {"falcon-hub-tls", "falcon-hub-token"} <= {each["metadata"]["name"] for each in without}


@pytest.mark.parametrize("values", WITH_HUB.values(), ids=WITH_HUB)
def test_the_hub_takes_its_settings(values: Object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("REPORTS_TOKEN", "x" * 32)
    settings = hub_settings(values, tmp_path)
    (container,) = pod_of(values)["containers"]
    assert [port["containerPort"] for port in container["ports"]] == [settings.listen.port]
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert (settings.data_dir, settings.listen.host) == (mounts["data"], "0.0.0.0")
    for path in (settings.listen.tls.cert, settings.listen.tls.key, settings.ingest_token_file):
        assert Path(path).is_file(), path
    assert container["args"] == ["serve", "-c", f"{mounts['settings']}/hub.yaml"]


def test_users_settings_and_secrets_reach_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("REPORTS_TOKEN", "x" * 32)
    settings = hub_settings(EVERYTHING, tmp_path)
    assert settings.custom_fields == {"environment": "production"}
    assert settings.store.retention.max_age_days == 90
    assert [sink.options for sink in settings.sinks] == [{"webhook_url_file": "/secrets/slack"}]
    assert settings.listen.public_url == "https://falcon.example/"
    assert settings.access.first_admin_password is not None
    found = files(volume(pod_of(EVERYTHING), "settings")["projected"]["sources"])
    assert found["ingest/token"] == ("senders", "token")
    assert found["first-admin/password"] == ("first", "admin")
    (container,) = pod_of(EVERYTHING)["containers"]
    given = {each["name"]: each["valueFrom"]["secretKeyRef"] for each in container["env"]}
    assert given["FALCONHUB_STORE__URL"] == {"name": "postgres", "key": "uri"}


@pytest.mark.parametrize("values", WITH_HUB.values(), ids=WITH_HUB)
def test_alerts_are_kept_where_the_values_say(values: Object):
    claims = [each for each in rendering.render(values) if each["kind"] == "PersistentVolumeClaim"]
    data = volume(pod_of(values), "data")
    if values["hub"].get("persistence", {}).get("enabled", True) and "replicas" not in values["hub"]:
        assert data["persistentVolumeClaim"]["claimName"] == claims[0]["metadata"]["name"]
        assert claims[0]["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    else:
        assert (data["emptyDir"], claims) == ({}, [])


def test_several_hubs_share_a_database_and_stay_while_nodes_are_drained():
    objects = rendering.render(VALUES["several hubs"])
    assert rendering.one(objects, "StatefulSet", "falcon-hub")["spec"]["replicas"] == 3
    selector = rendering.one(objects, "PodDisruptionBudget", "falcon-hub")["spec"]["selector"]["matchLabels"]
    pod = pod_of(VALUES["several hubs"])
    (spread,) = pod["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert spread["podAffinityTerm"]["labelSelector"]["matchLabels"] == selector
    with pytest.raises(helm_python.HelmError, match=r"hub\.database\.existingSecret"):
        rendering.render({"hub": {"enabled": True, "replicas": 2}})


def test_of_one_hub_no_budget_holds_up_a_drain():
    values = {"hub": {"enabled": True, "podDisruptionBudget": {"enabled": True}}}
    assert [each for each in rendering.render(values) if each["metadata"]["name"] == "falcon-hub"]
    budgets = [each["metadata"]["name"] for each in rendering.render(values) if each["kind"] == "PodDisruptionBudget"]
    assert budgets == ["falcon-operator"]


def test_a_claim_of_ones_own_is_used_and_no_other_is_made():
    values = {"hub": {"enabled": True, "persistence": {"existingClaim": "mine"}}}
    assert volume(pod_of(values), "data")["persistentVolumeClaim"] == {"claimName": "mine"}
    assert [each for each in rendering.render(values) if each["kind"] == "PersistentVolumeClaim"] == []


@pytest.mark.parametrize("values", [VALUES["hub"], EVERYTHING, VALUES["hub and cert-manager"]])
def test_sensors_send_to_the_hub_and_know_it(values: Object, tmp_path: Path):
    settings = sensor_settings(values, tmp_path)
    output = settings.http_output
    port = values["hub"].get("service", {}).get("port", 2801)
    host = f"{name_of(values)}.{rendering.NAMESPACE}.svc"
    assert (output.enabled, output.url) == (True, f"https://{host}:{port}/api/v1/alerts")
    assert output.batch.max_alerts > 1
    assert output.spool.directory.startswith(settings.cluster.state_dir)
    objects = rendering.render(values)
    pod = rendering.one(objects, "DaemonSet", name_of(values).replace("-hub", "-sensor"))["spec"]["template"]["spec"]
    mounts = {mount["mountPath"]: mount["name"] for mount in pod["containers"][0]["volumeMounts"]}
    ca = volume(pod, mounts[output.ca_path])["secret"]
    directory, _, file = output.bearer_token_file.rpartition("/")
    token = volume(pod, mounts[directory])["secret"]
    # The token that the hub expects, the CA of its certificate, and above all not its key.
    hub = files(volume(pod_of(values), "settings")["projected"]["sources"])
    assert [(ca["secretName"], item["key"]) for item in ca["items"]] == [hub["tls/ca.crt"]]
    assert [(token["secretName"], item["key"], item["path"]) for item in token["items"]] == [
        (*hub["ingest/token"], file)
    ]
    assert (ca["optional"], token["optional"]) == (True, True), "no sensor waits for the hub"


def test_a_receiver_of_ones_own_is_left_alone(tmp_path: Path):
    values = VALUES["hub without a volume, sensors with a receiver of their own"]
    assert sensor_settings(values, tmp_path).http_output.url == "https://receiver.example/falcon"
    pod = rendering.one(rendering.render(values), "DaemonSet", "falcon-sensor")["spec"]["template"]["spec"]
    assert not [each["name"] for each in pod["volumes"] if "hub" in each["name"]]


def test_how_alerts_are_sent_to_the_hub_stays_the_users(tmp_path: Path):
    settings = {"http_output": {"batch": {"max_alerts": 7}, "minimum_priority": "warning"}}
    output = sensor_settings({"hub": {"enabled": True}, "sensor": {"settings": settings}}, tmp_path).http_output
    assert (output.batch.max_alerts, output.minimum_priority) == (7, "warning")
    assert output.url.startswith("https://falcon-hub.")


def operator_places(values: Object) -> Any:
    name = name_of(values).replace("-hub", "-operator")
    deployment = rendering.one(rendering.render(values), "Deployment", name)
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    given = {each["name"].removeprefix("FALCON_OPERATOR_").lower(): each.get("value") for each in container["env"]}
    given["namespace"] = rendering.NAMESPACE
    return operator._places(operator_settings.Settings.model_validate({k: v for k, v in given.items() if v})).hub


@pytest.mark.parametrize("values", WITH_HUB.values(), ids=WITH_HUB)
def test_the_operator_fills_what_hub_and_sensors_read(values: Object):
    found = files(volume(pod_of(values), "settings")["projected"]["sources"])
    places = operator_places(values)
    assert {secret for path, (secret, _) in found.items() if path.startswith("tls/")} == {places.tls}
    own = values["hub"].get("ingest", {}).get("existingSecret")
    assert places.token == ("" if own else found["ingest/token"][0])
    service = rendering.one(rendering.render(values), "Service", name_of(values))["metadata"]
    assert f"{service['name']}.{service['namespace']}.svc" in places.names
    assert rendering.one(rendering.render({}), "Deployment", "falcon-operator")
    roles = rendering.one(rendering.render(values), "Role", name_of(values).replace("-hub", "-operator"))["rules"]
    readable = {
        name for rule in roles if "secrets" in rule["resources"] for name in rule["resourceNames"] if "hub" in name
    }
    assert readable == {each for each in (places.tls, places.token) if each}


def test_cert_manager_makes_the_hubs_certificate_for_the_same_names():
    objects = rendering.render(VALUES["hub and cert-manager"])
    certificate = rendering.one(objects, "Certificate", "falcon-hub")
    places = operator_places(VALUES["hub and cert-manager"])
    assert (certificate["spec"]["secretName"], tuple(certificate["spec"]["dnsNames"])) == (places.tls, places.names)
    # cert-manager makes that Secret; the token's is ours all the same.
    assert {each["metadata"]["name"] for each in objects if each["kind"] == "Secret"} == {
        "falcon-held",
        "falcon-hub-token",
    }


def test_no_secret_is_in_what_helm_renders():
    for values in WITH_HUB.values():
        for each in rendering.render(values):
            assert each["kind"] != "Secret" or not {"data", "stringData"} & set(each)


@pytest.mark.parametrize(
    "hub",
    [
        {"settings": {"store": {"password": "secret"}}},
        {"settings": {"access": {"first_admin_password": "secret"}}},
        {"settings": {"access": {"reader_tokens": [{"name": "reports", "token": "secret"}]}}},
        {"settings": {"store": {"url": "postgresql://user:secret@host/falcon"}}},
        {"settings": {"listen": {"port": 80}}},
        {"ingress": {"enabled": True}},
        {"persistence": {"size": "much"}},
        {"replicas": 0},
        {"service": {"port": 0}},
    ],
    ids=str,
)
def test_a_value_of_no_use_or_a_secret_in_the_open_is_refused(hub: Object):
    with pytest.raises(helm_python.HelmError):
        rendering.render({"hub": {"enabled": True, **hub}})


def test_the_notes_tell_the_way_in():
    text = rendering.notes(VALUES["hub"])
    assert "exec -it falcon-hub-0 -- falcon-hub user add NAME --role admin" in text
    assert "port-forward service/falcon-hub 2801:2801" in text
    other = rendering.notes(EVERYTHING)
    assert "https://falcon.example/" in other
    assert "Secret first" in other
    without = rendering.notes(VALUES["hub without a volume, sensors with a receiver of their own"])
    assert "they go with it" in without
    assert "not to the hub" in without
    assert "hub" not in rendering.notes()
