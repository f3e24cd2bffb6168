"""What every set of values gives, on old clusters and on those of today: whole, consistent objects."""

from __future__ import annotations

import collections

import helm_python
import pytest
from tests.charts.support import rendering
from tests.charts.support.rendering import NAMESPACE, OLD, TODAY, VALUES, Object

CLUSTER_WIDE = {
    *("ClusterRole", "ClusterRoleBinding", "PriorityClass", "ValidatingWebhookConfiguration"),
    "FalconRuleSet",
}
EVERYTHING = [
    pytest.param(values, version, id=f"{name} on {version}")
    for name, values in VALUES.items()
    for version in (OLD, TODAY)
]


def names_of(objects: list[Object], kind: str) -> set[str]:
    return {each["metadata"]["name"] for each in objects if each["kind"] == kind}


@pytest.mark.parametrize(("values", "version"), EVERYTHING)
def test_helm_has_nothing_to_say(values: Object, version: str):
    report = helm_python.lint(rendering.CHART, values, strict=True, kube_version=version)
    told = [each for each in report["messages"] if each["severity"] > 1]
    assert (told, report["errors"]) == ([], [])


@pytest.mark.parametrize(("values", "version"), EVERYTHING)
def test_every_object_has_a_name_of_its_own_and_a_place(values: Object, version: str):
    objects = rendering.render(values, version)
    keys = collections.Counter(
        (each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]) for each in objects
    )
    assert [key for key, count in keys.items() if count > 1] == []
    for each in objects:
        wanted = None if each["kind"] in CLUSTER_WIDE else NAMESPACE
        assert each["metadata"].get("namespace") == wanted, each["kind"]


@pytest.mark.parametrize(("values", "version"), EVERYTHING)
def test_every_object_says_whose_it_is(values: Object, version: str):
    for each in rendering.render(values, version):
        labels = each["metadata"]["labels"]
        assert labels["app.kubernetes.io/instance"] == "falcon"
        assert {"app.kubernetes.io/name", "app.kubernetes.io/component", "helm.sh/chart"} <= set(labels)
        assert set(values.get("commonLabels", {}).items()) <= set(labels.items())


@pytest.mark.parametrize(("values", "version"), EVERYTHING)
def test_selectors_find_their_pods(values: Object, version: str):
    objects = rendering.render(values, version)
    templates = dict(rendering.pods(objects))
    for each in objects:
        spec = each.get("spec", {})
        if each["kind"] in ("Deployment", "StatefulSet", "DaemonSet", "PodDisruptionBudget"):
            selector = spec["selector"]["matchLabels"]
        elif each["kind"] == "Service":
            selector = spec["selector"]
        elif each["kind"] == "NetworkPolicy":
            selector = spec["podSelector"]["matchLabels"]
        else:
            continue
        found = [name for name, pod in templates.items() if selector.items() <= pod["metadata"]["labels"].items()]
        assert found == [each["metadata"]["name"]]


@pytest.mark.parametrize(("values", "version"), EVERYTHING)
def test_ports_and_volumes_are_there(values: Object, version: str):
    objects = rendering.render(values, version)
    ports = {
        name: {port["name"] for container in pod["spec"]["containers"] for port in container.get("ports", [])}
        for name, pod in rendering.pods(objects)
    }
    for each in objects:
        if each["kind"] == "Service":
            assert {port["targetPort"] for port in each["spec"]["ports"]} <= ports[each["metadata"]["name"]]
            # Server-side apply on 1.20 wants the protocol said.
            assert all(port["protocol"] == "TCP" for port in each["spec"]["ports"])
    for name, pod in rendering.pods(objects):
        volumes = [volume["name"] for volume in pod["spec"].get("volumes", [])]
        for container in pod["spec"]["containers"]:
            mounts = [mount["name"] for mount in container.get("volumeMounts", [])]
            assert sorted(mounts) == sorted(volumes), name
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                if probe in container:
                    assert container[probe]["httpGet"]["port"] in ports[name]


@pytest.mark.parametrize(("values", "version"), EVERYTHING)
def test_accounts_roles_and_references_are_there(values: Object, version: str):
    objects = rendering.render(values, version)
    accounts = names_of(objects, "ServiceAccount")
    for name, pod in rendering.pods(objects):
        assert pod["spec"]["serviceAccountName"] in accounts, name
    for each in objects:
        if each["kind"] in ("RoleBinding", "ClusterRoleBinding"):
            assert each["roleRef"]["name"] in names_of(objects, each["roleRef"]["kind"])
            assert {subject["name"] for subject in each["subjects"]} <= accounts
            assert {subject["namespace"] for subject in each["subjects"]} == {NAMESPACE}


@pytest.mark.parametrize(
    ("version", "wanted"), [(OLD, "policy/v1beta1"), ("v1.21.0", "policy/v1"), (TODAY, "policy/v1")]
)
def test_the_disruption_budget_is_of_a_version_that_the_server_has(version: str, wanted: str):
    objects = rendering.render(VALUES["several hubs"], version)
    for name in ("falcon-operator", "falcon-hub"):
        assert rendering.one(objects, "PodDisruptionBudget", name)["apiVersion"] == wanted


def test_another_release_name_gives_other_names():
    objects = rendering.render({}, name="guard")
    ours = [each["metadata"]["name"] for each in objects if each["kind"] != "FalconRuleSet"]
    assert all(name.startswith("guard") for name in ours)


def test_a_long_release_name_still_gives_names_that_kubernetes_takes():
    objects = rendering.render({}, name="a" * 53)
    assert all(len(each["metadata"]["name"]) <= 63 for each in objects)


def test_settings_restart_the_sensors():
    def checksum(values: Object) -> str:
        daemon_set = rendering.one(rendering.render(values), "DaemonSet", "falcon-sensor")
        return str(daemon_set["spec"]["template"]["metadata"]["annotations"]["checksum/settings"])

    changed = {"sensor": {"settings": {"json_output": True}}}
    assert checksum(changed) != checksum({})
    assert checksum({"operator": {"replicas": 3}}) == checksum({})


def test_the_notes_name_commands_of_this_release():
    text = rendering.notes()
    assert f"helm test falcon -n {NAMESPACE}" in text
    assert "webhook is off" in rendering.notes({"webhook": {"enabled": False}})
    assert "logs alone" in rendering.notes({"sensor": {"settings": {"kubernetes_events": {"enabled": False}}}})
